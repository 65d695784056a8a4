#include "src/runtime/lock.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/record/json_reader.h"
#include "src/record/json_text.h"
#include "src/record/sha256.h"
#include "src/runtime/conda_record.h"
#include "src/runtime/prefix_file.h"
#include "src/runtime/python_dists.h"
#include "src/runtime/r_packages.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr int kVersion = 1;

LockedPackage OfConda(const CondaRecord& record) {
  LockedPackage package{.manager = "conda", .name = record.name, .version = record.version, .build = record.build};
  if (!record.sha256.empty()) {
    package.digest = "sha256:" + record.sha256;
  } else if (!record.md5.empty()) {
    package.digest = "md5:" + record.md5;
  }
  package.source = PublicSource(record.channel.find("://") == std::string::npos ? record.url : record.channel);
  return package;
}

// What an installer writes of itself into a dist-info.
bool IsNote(std::string_view name) { return name == "INSTALLER" || name == "REQUESTED" || name == "direct_url.json" || name.starts_with("uv_"); }

// pip keeps no digest of the archive. That of its files' digests is as good: equal for equal wheels, wherever they are installed.
// Left out is what the installer wrote itself: scripts, which hold the path of the prefix, and notes in the dist-info.
std::string DigestOfFiles(const PythonDist& dist) {
  const std::string site = dist.folder.substr(0, dist.folder.rfind('/') + 1);
  std::vector<std::string> lines;
  for (const ExpectedFile& file : dist.files) {
    if (file.sha256.empty() || !file.path.starts_with(site)) continue;
    const std::string path = file.path.substr(site.size());
    const std::string last = path.substr(path.rfind('/') + 1);
    if (file.path.starts_with(dist.folder + "/") && IsNote(last)) continue;
    lines.push_back(path + '\0' + file.sha256 + '\n');
  }
  if (lines.empty()) return {};
  std::sort(lines.begin(), lines.end());
  return "sha256:" + Sha256Hex(Join(lines, ""));
}

LockedPackage OfPython(const PythonDist& dist) {
  return {.manager = "pip",
          .name = dist.name,
          .version = dist.version,
          .build = dist.editable ? "editable" : "",
          .digest = DigestOfFiles(dist),
          .source = PublicSource(dist.url)};
}

LockedPackage OfR(const RPackage& package) {
  return {.manager = "cran",
          .name = package.name,
          .version = package.version,
          .build = package.built_with,
          .digest = package.files_sha256.empty() ? "" : "sha256:" + package.files_sha256,
          .source = package.remote.empty() ? package.repository : package.remote};
}

class Locking {
 public:
  explicit Locking(int prefix) : prefix_(prefix) {}

  Result<RuntimeLock> Run(RuntimeKind kind) {
    if (kind == RuntimeKind::kConda) FH_TRY(AddConda());
    FH_TRY(AddPython());
    if (kind == RuntimeKind::kConda) FH_TRY(AddR());
    std::sort(lock_.packages.begin(), lock_.packages.end(), [](const LockedPackage& a, const LockedPackage& b) {
      return std::tie(a.manager, a.name, a.version, a.build, a.digest) < std::tie(b.manager, b.name, b.version, b.build, b.digest);
    });
    return std::move(lock_);
  }

 private:
  void Add(std::vector<RuntimeFault> faults) {
    lock_.faults.insert(lock_.faults.end(), std::make_move_iterator(faults.begin()), std::make_move_iterator(faults.end()));
  }

  Result<void> AddConda() {
    FH_ASSIGN_OR_RETURN(CondaRecords found, ReadCondaRecords(prefix_));
    Add(std::move(found.faults));
    for (const CondaRecord& record : found.records) {
      lock_.packages.push_back(OfConda(record));
      for (const ExpectedFile& file : record.files) {
        if (file.path.ends_with("/METADATA") || file.path.ends_with("/DESCRIPTION")) of_conda_.insert(file.path);
      }
    }
    return {};
  }

  Result<void> AddPython() {
    FH_ASSIGN_OR_RETURN(PythonDists found, FindPythonDists(prefix_));
    std::erase_if(found.faults, [this](const RuntimeFault& fault) {
      return of_conda_.contains(fault.path.substr(0, fault.path.rfind('/')) + "/METADATA");
    });
    Add(std::move(found.faults));
    for (const PythonDist& dist : found.dists) {
      if (!of_conda_.contains(dist.folder + "/METADATA")) lock_.packages.push_back(OfPython(dist));
    }
    return {};
  }

  Result<void> AddR() {
    FH_ASSIGN_OR_RETURN(RPackages found, FindRPackages(prefix_));
    Add(std::move(found.faults));
    for (const RPackage& package : found.packages) {
      if (!of_conda_.contains(package.folder + "/DESCRIPTION")) lock_.packages.push_back(OfR(package));
    }
    return {};
  }

  int prefix_;
  RuntimeLock lock_;
  std::unordered_set<std::string> of_conda_;
};

}  // namespace

Result<RuntimeLock> LockPrefix(const std::string& prefix, RuntimeKind kind) {
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, prefix));
  auto lock = Locking(dir.get()).Run(kind);
  if (!lock) return std::move(lock).error().Within("lock " + Quoted(prefix));
  return lock;
}

std::string PrintLock(const std::vector<LockedPackage>& packages) {
  std::string text = fmt::format("{{\"version\":{},\"packages\":[", kVersion);
  for (const LockedPackage& package : packages) {
    JsonWriter json;
    json.BeginObject();
    WriteText(json, "manager", package.manager);
    WriteText(json, "name", package.name);
    WriteText(json, "version", package.version);
    WriteText(json, "build", package.build);
    WriteText(json, "digest", package.digest);
    WriteText(json, "source", package.source);
    json.EndObject();
    text += (&package == packages.data() ? "\n" : ",\n") + json.Take();
  }
  return text + "\n]}\n";
}

Result<std::vector<LockedPackage>> ParseLock(std::string_view text) {
  FH_ASSIGN_OR_RETURN(JsonReader top, JsonReader::Parse(text));
  if (top.Int("version") != kVersion) top.Fail("version", "is one that this program does not know");
  std::vector<LockedPackage> packages;
  for (JsonReader& entry : top.Objects("packages")) {
    packages.push_back({.manager = entry.Text("manager"),
                        .name = entry.Text("name"),
                        .version = entry.Text("version"),
                        .build = entry.Text("build"),
                        .digest = entry.Text("digest"),
                        .source = entry.Text("source")});
    FH_TRY(entry.Finish());
  }
  FH_TRY(top.Finish());
  return packages;
}

std::string LockIdentity(const std::vector<LockedPackage>& packages) { return Sha256Hex(PrintLock(packages)); }

std::string PublicSource(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos || url.starts_with("file:")) return {};
  std::string source(url.substr(0, scheme + 3));
  std::string_view rest = url.substr(scheme + 3);
  rest = rest.substr(0, rest.find_first_of("?#"));
  const std::string_view host = rest.substr(0, rest.find('/'));
  source += host.substr(host.rfind('@') + 1);  // npos + 1: from the start
  bool token = false;  // the word after /t/ is one, as conda has it
  for (const std::string& part : Split(rest.substr(host.size()), '/')) {
    if (part.empty()) continue;
    if (token) {
      token = false;
    } else if (part == "t") {
      token = true;
    } else {
      source += "/" + part;
    }
  }
  return source;
}

}  // namespace fumehood
