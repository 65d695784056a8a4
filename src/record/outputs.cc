#include "src/record/outputs.h"

#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <utility>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/record/glob.h"
#include "src/record/json_text.h"
#include "src/record/manifest_writer.h"
#include "src/record/result_json.h"
#include "src/record/sha256.h"
#include "src/record/upper_walk.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

// Digests of files with several names; beyond so many such files each name is read again.
constexpr size_t kRememberedLinks = 10000;
constexpr int kSyncedOneByOne = 64;

struct Wanted {
  explicit Wanted(const std::string& pattern) : text(pattern), glob(pattern) {}
  std::string text;
  Glob glob;
  bool found = false;
  bool hidden = false;  // a literal one: the run deleted or replaced what the project has there
};

bool IsAtOrAbove(const std::string& path, const std::string& other) {
  return other.starts_with(path) && (other.size() == path.size() || other[path.size()] == '/');
}

class Collector : public UpperVisitor {
 public:
  Collector(int upper_dir, const OutputRules& rules, ManifestWriter& manifest)
      : upper_dir_(upper_dir), rules_(rules), manifest_(manifest) {
    for (const std::string& pattern : rules.globs) wanted_.emplace_back(pattern);
  }

  Result<void> Entry(const UpperEntry& entry, int dir, const std::string& name) override {
    for (Wanted& wanted : wanted_) {
      const bool hides = entry.kind != EntryKind::kDirectory || entry.opaque;
      if (hides && wanted.glob.is_literal() && IsAtOrAbove(entry.path, wanted.glob.literal())) wanted.hidden = true;
    }
    if (entry.kind == EntryKind::kDirectory || entry.kind == EntryKind::kWhiteout) return {};
    if (!IsWanted(entry)) return {};
    if (entry.kind != EntryKind::kFile) {
      Skip(entry.path, std::string("is a ") + fumehood::Name(entry.kind));
      return {};
    }
    OutputFile file{entry.path, entry.size_bytes, ""};
    FH_ASSIGN_OR_RETURN(const bool readable, Digest(entry, dir, name, file));
    return readable ? Record(std::move(file)) : Result<void>();
  }

  void Problem(const std::string& path, const std::string& why) override { Skip(path, why); }

  void FindMissing() {
    for (const Wanted& wanted : wanted_) {
      if (!wanted.found && !IsThereUnchanged(wanted)) collected.missing.push_back(wanted.text);
    }
  }

  CollectedOutputs collected;
  bool sync_all = false;

 private:
  bool IsWanted(const UpperEntry& entry) {
    bool any = wanted_.empty();
    for (Wanted& wanted : wanted_) {
      if (!wanted.glob.Matches(entry.path)) continue;
      any = true;
      wanted.found = wanted.found || entry.kind == EntryKind::kFile || (entry.kind == EntryKind::kSymlink && LeadsToFile(entry.path));
    }
    return any;
  }

  // A named output may be a link to another file that the run made; that one is collected under its own name.
  bool LeadsToFile(const std::string& path) const {
    const auto target = OpenBeneathFollowing(upper_dir_, path, O_PATH);
    if (!target) return false;
    const auto info = StatFd(*target);
    return info && S_ISREG(info->st_mode);
  }

  bool IsThereUnchanged(const Wanted& wanted) const {
    if (rules_.project_dir < 0 || !wanted.glob.is_literal() || wanted.hidden) return false;
    return OpenBeneathFollowing(rules_.project_dir, wanted.glob.literal(), O_PATH).has_value();
  }

  // False: it cannot be read, and is skipped.
  Result<bool> Digest(const UpperEntry& entry, int dir, const std::string& name, OutputFile& file) {
    const auto inode = std::pair(entry.device, entry.inode);
    if (const auto known = links_.find(inode); entry.hardlinks > 1 && known != links_.end()) {
      file.sha256 = known->second;
      return true;
    }
    if (rules_.hash_limit_bytes > 0 && entry.size_bytes > rules_.hash_limit_bytes - hashed_bytes_) {
      Skip(entry.path, "is listed without a digest: the outputs hold more bytes than may be read");
      return true;
    }
    auto opened = OpenRegularFile(dir, name);
    auto digest = opened ? DigestFd(opened->get(), entry.size_bytes) : Result<FileDigest>(std::move(opened).error());
    if (!digest) {
      Skip(entry.path, digest.error().message());
      return false;
    }
    hashed_bytes_ += digest->size_bytes;
    FH_TRY(MakeDurable(*opened, entry.path));
    file.size_bytes = digest->size_bytes;
    file.sha256 = std::move(digest->sha256);
    if (entry.hardlinks > 1 && links_.size() < kRememberedLinks) links_.emplace(inode, file.sha256);
    return true;
  }

  // Nothing that the run did has synced it (its overlay is volatile). A few files one by one, so that a neighbour's unwritten
  // gigabytes on the same disk do not have to be waited for; of many, each flush would cost more than that.
  Result<void> MakeDurable(const Fd& file, const std::string& path) {
    if (synced_ >= kSyncedOneByOne) {
      sync_all = true;
      return {};
    }
    ++synced_;
    auto synced = SyncData(file.get());
    return synced ? Result<void>() : std::move(synced).error().Within("output " + Quoted(path));
  }

  Result<void> Record(OutputFile file) {
    JsonWriter json;
    json.BeginObject();
    WriteText(json, "path", file.path);
    json.Key("size_bytes").Int(file.size_bytes).Key("sha256");
    if (file.sha256.empty()) {
      json.Null();
    } else {
      json.String(file.sha256);
    }
    json.EndObject();
    FH_TRY(manifest_.Add((collected.file_count == 0 ? "\n" : ",\n") + json.text()));
    ++collected.file_count;
    collected.total_bytes += file.size_bytes;
    if (collected.files.size() < rules_.keep_files) collected.files.push_back(std::move(file));
    return {};
  }

  void Skip(const std::string& path, std::string why) {
    ++collected.skipped_count;
    if (collected.skipped.size() < kMaxSkipped) collected.skipped.push_back({path, std::move(why)});
  }

  int upper_dir_;
  const OutputRules& rules_;  // the caller's, as are the next
  ManifestWriter& manifest_;
  std::vector<Wanted> wanted_;
  std::map<std::pair<uint64_t, uint64_t>, std::string> links_;
  int64_t hashed_bytes_ = 0;
  int synced_ = 0;
};

// All that follows the list of files.
std::string ClosingText(const CollectedOutputs& collected) {
  JsonWriter json;
  json.Key("file_count").Int(collected.file_count).Key("total_bytes").Int(collected.total_bytes);
  json.Key("globs").BeginArray();
  for (const std::string& pattern : collected.globs) json.String(pattern);
  json.EndArray().Key("missing").BeginArray();
  for (const std::string& pattern : collected.missing) json.String(pattern);
  json.EndArray().Key("skipped_count").Int(collected.skipped_count).Key("skipped").BeginArray();
  for (const SkippedOutput& skipped : collected.skipped) {
    json.BeginObject();
    WriteText(json, "path", skipped.path);
    json.Key("why").String(skipped.why).EndObject();
  }
  return json.EndArray().Take();
}

}  // namespace

Result<CollectedOutputs> CollectOutputs(int upper_dir, const OutputRules& rules, int run_dir, Durability durability) {
  FH_ASSIGN_OR_RETURN(ManifestWriter manifest, ManifestWriter::Create(run_dir));
  JsonWriter opening;
  opening.BeginObject().Key("version").Int(kRecordVersion).Key("files").BeginArray();
  FH_TRY(manifest.Add(opening.text()));
  Collector collector(upper_dir, rules, manifest);
  Result<void> walked = WalkUpper(upper_dir, collector);
  if (!walked) return std::move(walked).error().Within("collect the outputs");
  if (collector.sync_all) FH_TRY(SyncFileSystem(run_dir));
  collector.FindMissing();
  collector.collected.globs = rules.globs;
  FH_TRY(manifest.Add("\n]," + ClosingText(collector.collected) + "}\n"));
  FH_ASSIGN_OR_RETURN(collector.collected.manifest_sha256, manifest.Publish(durability));
  return std::move(collector.collected);
}

}  // namespace fumehood
