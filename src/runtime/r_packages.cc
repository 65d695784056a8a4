#include "src/runtime/r_packages.h"

#include <map>

#include "src/base/text.h"
#include "src/record/sha256.h"
#include "src/runtime/prefix_file.h"

namespace fumehood {
namespace {

constexpr size_t kMaxDescriptionBytes = size_t{4} << 20;

// "Field: text", and lines that begin with a blank go on with it (R's read.dcf). The first of a name counts.
std::map<std::string, std::string, std::less<>> DebianControl(std::string_view text) {
  std::map<std::string, std::string, std::less<>> fields;
  std::string name;
  for (const std::string_view line : Lines(text)) {
    const bool goes_on = !line.empty() && (line.front() == ' ' || line.front() == '\t');
    if (goes_on) {
      if (!name.empty()) fields[name] += " " + std::string(Trimmed(line));
      continue;
    }
    const size_t colon = line.find(':');
    name = colon == std::string_view::npos ? std::string() : std::string(line.substr(0, colon));
    if (!name.empty() && !fields.emplace(name, Trimmed(line.substr(colon + 1))).second) name.clear();
  }
  return fields;
}

}  // namespace

Result<RPackage> ParseDescription(std::string_view text) {
  const auto fields = DebianControl(text);
  const auto field = [&](std::string_view name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  };
  const std::string built = field("Built");  // "R 4.2.2; ; 2023-01-12 04:14:21 UTC; unix": the time is no part of what it is
  RPackage package{.name = field("Package"),
                   .version = field("Version"),
                   .built_with = built.substr(0, built.find(';')),
                   .repository = field("Repository")};
  if (package.name.empty() || package.version.empty()) return Error(ErrorCode::kCorrupt, "it names no package and version");
  if (!field("RemoteType").empty()) {
    package.remote = field("RemoteType") + "::" + field("RemoteUsername") + "/" + field("RemoteRepo") + "@" + field("RemoteSha");
  }
  if (const std::string bioconductor = field("git_url"); package.repository.empty() && bioconductor.find("bioconductor") != std::string::npos) {
    package.repository = "Bioconductor";
  }
  return package;
}

Result<RPackages> FindRPackages(int prefix, const std::string& library) {
  RPackages found;
  FH_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesBeneath(prefix, library));
  for (const std::string& name : names) {
    const std::string folder = library + "/" + name;
    const auto fault = [&](const std::string& file, const Error& error) {
      found.faults.push_back({RuntimeFault::What::kUnreadableRecord, folder + file, error.message()});
    };
    const auto text = FindFileBeneath(prefix, folder + "/DESCRIPTION", kMaxDescriptionBytes);
    if (text && !*text) continue;  // no package
    auto package = text ? ParseDescription(**text) : Result<RPackage>(text.error());
    if (!package) {
      fault("/DESCRIPTION", package.error());
      continue;
    }
    const auto digests = FindFileBeneath(prefix, folder + "/MD5", kMaxDescriptionBytes);
    if (!digests) fault("/MD5", digests.error());
    if (digests && *digests) package->files_sha256 = Sha256Hex(**digests);
    package->folder = folder;
    found.packages.push_back(std::move(*package));
  }
  return found;
}

}  // namespace fumehood
