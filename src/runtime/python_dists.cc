#include "src/runtime/python_dists.h"

#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/runtime/foreign_json.h"
#include "src/runtime/prefix_file.h"

namespace fumehood {
namespace {

constexpr size_t kMaxRecordBytes = size_t{64} << 20;
constexpr size_t kMaxTextBytes = size_t{4} << 20;  // METADATA holds a whole README

// One line of CSV as Python's csv module writes it: a field with a comma or a quote is in quotes, a quote in it is doubled.
std::optional<std::vector<std::string>> Fields(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += '"';
      ++i;
    } else if (c == '"' && (quoted || fields.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) return std::nullopt;  // a path with a line's end in it: nobody installs one
  return fields;
}

// 43 digits of base 64 as URLs have it, without padding, to hexadecimal.
std::optional<std::string> HexOfBase64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() != 43) return std::nullopt;  // 32 bytes
  std::string hex;
  unsigned held = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    held = (held << 6U | static_cast<unsigned>(digit)) & 0xffffU;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      hex += fmt::format("{:02x}", held >> bits & 0xffU);
    }
  }
  return hex;
}

class Finder {
 public:
  explicit Finder(int prefix) : prefix_(prefix) {}

  Result<PythonDists> Run() {
    for (const char* library : {"lib", "lib64"}) {
      // A virtual environment's lib64 is a link to lib.
      const auto info = FindStat(prefix_, library, false);
      if (!info || !*info || S_ISLNK((*info)->st_mode)) continue;
      FH_ASSIGN_OR_RETURN(const auto versions, NamesBeneath(prefix_, library));
      for (const std::string& version : versions) {
        if (!version.starts_with("python") && !version.starts_with("pypy")) continue;
        FH_TRY(Search(fmt::format("{}/{}/site-packages", library, version)));
      }
    }
    return std::move(found_);
  }

 private:
  Result<void> Search(const std::string& site) {
    const auto names = NamesBeneath(prefix_, site);
    if (!names) {
      Fault(site, names.error().message());
      return {};
    }
    for (const std::string& name : *names) {
      // What pip was about to remove when it was ended.
      if (name.starts_with('~')) found_.faults.push_back({RuntimeFault::What::kHalfMade, site + "/" + name, "left by a pip that was ended"});
      if (name.ends_with(".dist-info") && !name.starts_with('~')) Read(site, site + "/" + name);
    }
    return {};
  }

  void Fault(const std::string& path, std::string detail) {
    found_.faults.push_back({RuntimeFault::What::kUnreadableRecord, path, std::move(detail)});
  }

  // Empty where there is none, or it cannot be read, which is a fault.
  std::optional<std::string> Text(const std::string& path, size_t limit) {
    auto text = FindFileBeneath(prefix_, path, limit);
    if (text) return std::move(*text);
    Fault(path, text.error().message());
    return std::nullopt;
  }

  void Read(const std::string& site, const std::string& folder) {
    PythonDist dist;
    dist.folder = folder;
    const std::string metadata = Text(folder + "/METADATA", kMaxTextBytes).value_or("");
    dist.name = MetadataHeader(metadata, "Name");
    dist.version = MetadataHeader(metadata, "Version");
    dist.installer = Trimmed(Text(folder + "/INSTALLER", kMaxTextBytes).value_or(""));
    if (dist.name.empty() || dist.version.empty()) Fault(folder + "/METADATA", "is not there, or names no package and version");
    if (const auto direct = Text(folder + "/direct_url.json", kMaxTextBytes)) {
      const auto json = ForeignJson::Parse(*direct);
      if (json) {
        dist.url = json->String("url");
        dist.editable = json->Member("dir_info").Member("editable").is_true();
      } else {
        Fault(folder + "/direct_url.json", json.error().message());
      }
    }
    ReadRecord(site, dist);
    found_.dists.push_back(std::move(dist));
  }

  void ReadRecord(const std::string& site, PythonDist& dist) {
    const std::string path = dist.folder + "/RECORD";
    const auto text = Text(path, kMaxRecordBytes);
    if (!text) {
      // A tool of the system that keeps lists of its own leaves none.
      if (dist.installer == "pip" || dist.installer == "uv") Fault(path, "is not there: the package is half installed or half removed");
      return;
    }
    auto files = ParseDistRecord(*text);
    if (!files) return Fault(path, files.error().message());
    for (RecordedDistFile& file : *files) {
      const std::string normal = file.path.starts_with('/') ? std::string() : NormalPath(site + "/" + file.path);
      if (normal.empty()) {
        Fault(path, fmt::format("names the file {}, which is outside of the prefix", Quoted(file.path)));
        continue;
      }
      const bool compiled = normal.ends_with(".pyc");
      dist.files.push_back({.kind = compiled ? ExpectedFile::Kind::kCompiled : ExpectedFile::Kind::kFile,
                            .path = normal,
                            .sha256 = compiled ? std::string() : std::move(file.sha256),
                            .size_bytes = compiled ? -1 : file.size_bytes});
    }
  }

  int prefix_;
  PythonDists found_;
};

}  // namespace

std::string MetadataHeader(std::string_view metadata, std::string_view name) {
  for (const std::string_view line : Lines(metadata)) {
    if (Trimmed(line).empty()) break;
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) return std::string(Trimmed(line.substr(name.size() + 1)));
  }
  return {};
}

Result<std::vector<RecordedDistFile>> ParseDistRecord(std::string_view text) {
  std::vector<RecordedDistFile> files;
  size_t number = 0;
  for (std::string_view line : Lines(text)) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto wrong = [&](const char* what) { return Error(ErrorCode::kCorrupt, fmt::format("line {} {}", number, what)); };
    const auto fields = Fields(line);
    if (!fields || fields->size() != 3 || (*fields)[0].empty()) return wrong("has not three fields: path, digest, size");
    RecordedDistFile file;
    file.path = (*fields)[0];
    if (file.path.find('\0') != std::string::npos) return wrong("has a path that no file can have");
    const std::string& digest = (*fields)[1];
    if (digest.starts_with("sha256=")) {
      auto hex = HexOfBase64(std::string_view(digest).substr(7));
      if (!hex) return wrong("has a digest that is none");
      file.sha256 = std::move(*hex);
    }
    const std::string& size = (*fields)[2];
    if (!size.empty()) {
      const auto parsed = std::from_chars(size.data(), size.data() + size.size(), file.size_bytes);
      if (parsed.ec != std::errc() || parsed.ptr != size.data() + size.size() || file.size_bytes < 0) return wrong("has a size that is none");
    }
    files.push_back(std::move(file));
  }
  return files;
}

Result<PythonDists> FindPythonDists(int prefix) { return Finder(prefix).Run(); }

}  // namespace fumehood
