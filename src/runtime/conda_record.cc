#include "src/runtime/conda_record.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/runtime/foreign_json.h"
#include "src/runtime/prefix_file.h"

namespace fumehood {
namespace {

// The largest that are known, of packages with 100,000 files, take 30 MiB.
constexpr size_t kMaxRecordBytes = size_t{256} << 20;
// Of all together: some hundred MiB in the largest environments. A prefix may be anybody's, and we may be root.
constexpr size_t kMaxRecordsBytes = size_t{1} << 30;

using Kind = ExpectedFile::Kind;

Kind KindOf(std::string_view path_type, std::string_view path) {
  if (path_type == "softlink") return Kind::kLink;
  if (path_type == "directory") return Kind::kDirectory;
  return path_type == "pyc_file" || path.ends_with(".pyc") ? Kind::kCompiled : Kind::kFile;
}

bool StaysWithin(std::string_view path) {
  return !path.empty() && path.front() != '/' && path.find('\0') == std::string_view::npos && !NormalPath(path).empty();
}

// Tools differ: conda writes both digests always, and the size of the file in the package; rattler writes the second digest only
// where the file was rewritten, and the size of the file in the prefix. The size is only believed where both are the same file.
ExpectedFile FileOf(const ForeignJson& entry) {
  const std::string_view in_package = entry.Member("sha256").text();
  const std::string_view in_prefix = entry.Member("sha256_in_prefix").text();
  const bool rewritten = !entry.Member("prefix_placeholder").text().empty();
  const std::string_view path = entry.Member("_path").text();
  ExpectedFile file{.kind = KindOf(entry.Member("path_type").text(), path), .path = NormalPath(path)};
  const bool as_packaged = in_prefix.empty() ? !rewritten : in_prefix == in_package;
  file.sha256 = in_prefix.empty() && !rewritten ? in_package : in_prefix;
  if (as_packaged) file.size_bytes = entry.Member("size_in_bytes").integer().value_or(-1);
  if (file.kind == Kind::kCompiled) {  // made by whichever Python was there
    file.sha256.clear();
    file.size_bytes = -1;
  }
  return file;
}

}  // namespace

std::string CondaNameOf(std::string_view spec) {
  if (const size_t channel = spec.find("::"); channel != std::string_view::npos) spec.remove_prefix(channel + 2);
  std::string name(Trimmed(spec));
  name.resize(std::min(name.find_first_of(" \t=<>!~[;@"), name.size()));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name.starts_with("__") ? std::string() : name;
}

Result<CondaRecord> ParseCondaRecord(std::string_view text) {
  FH_ASSIGN_OR_RETURN(const ForeignJson top, ForeignJson::Parse(text));
  CondaRecord record{.name = top.String("name"),
                     .version = top.String("version"),
                     .build = top.String("build"),
                     .sha256 = top.String("sha256"),
                     .md5 = top.String("md5"),
                     .url = top.String("url"),
                     .channel = top.String("channel"),
                     .package_dir = top.String("extracted_package_dir")};
  if (record.name.empty() || record.version.empty()) return Error(ErrorCode::kCorrupt, "it names no package and version");
  top.Member("depends").ForEachItem([&](const ForeignJson& spec) {
    if (std::string name = CondaNameOf(spec.text()); !name.empty()) record.needs.push_back(std::move(name));
  });
  Result<void> good;
  const auto admit = [&good](std::string_view path) {
    if (good && !StaysWithin(path)) {
      good = Error(ErrorCode::kCorrupt, fmt::format("it names the file {}, which is outside of the prefix", Quoted(path)));
    }
    return good.has_value();
  };
  const ForeignJson paths = top.Member("paths_data").Member("paths");
  paths.ForEachItem([&](const ForeignJson& entry) {
    if (!admit(entry.Member("_path").text())) return;
    record.files.push_back(FileOf(entry));
    const bool rewritten = !entry.Member("prefix_placeholder").text().empty();
    if (rewritten) record.originals.push_back({.path = record.files.back().path, .sha256 = entry.String("sha256")});
    if (rewritten && entry.Member("file_mode").text() == "text") record.rewritten_texts.push_back(record.files.back().path);
  });
  if (!paths.is_array()) {  // as conda wrote before 4.4: names alone
    top.Member("files").ForEachItem([&](const ForeignJson& entry) {
      // Whether it is a link is not said: a fault only where it is missing.
      if (admit(entry.text())) record.files.push_back({.kind = Kind::kLink, .path = NormalPath(entry.text())});
    });
  }
  FH_TRY(good);
  return record;
}

Result<CondaRecords> ReadCondaRecords(int prefix) {
  CondaRecords found;
  size_t bytes = 0;
  FH_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesBeneath(prefix, "conda-meta"));
  for (const std::string& name : names) {
    if (!name.ends_with(".json")) continue;
    const std::string path = "conda-meta/" + name;
    const auto fault = [&](std::string detail) {
      found.faults.push_back({.what = RuntimeFault::What::kUnreadableRecord, .path = path, .detail = std::move(detail)});
    };
    const auto text = FindFileBeneath(prefix, path, kMaxRecordBytes);
    if (!text || !*text) {
      fault(text ? "is no file, or a link that leads nowhere" : text.error().message());
      continue;
    }
    bytes += (*text)->size();
    if (bytes > kMaxRecordsBytes) {
      return Error(ErrorCode::kResourceExhausted, fmt::format("the records in conda-meta are larger than {} together", HumanBytes(kMaxRecordsBytes)));
    }
    auto record = ParseCondaRecord(**text);
    if (record) {
      record->path = path;
      found.records.push_back(std::move(*record));
    } else {
      fault(record.error().message());
    }
  }
  return found;
}

}  // namespace fumehood
