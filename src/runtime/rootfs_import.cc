#include "src/runtime/rootfs_import.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/record/json_reader.h"
#include "src/record/sha256.h"
#include "src/runtime/archive_reader.h"
#include "src/runtime/rootfs_manifest.h"
#include "src/runtime/rootfs_tree_writer.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr const char* kBlobs = "blobs";
// Manifests and configurations have some kilobytes; those of images with many layers some hundred.
constexpr int64_t kMaxText = int64_t{4} << 20;
constexpr int64_t kMaxTexts = int64_t{64} << 20;

bool IsBeneath(const std::string& path, const std::string& directory) { return path == directory || path.starts_with(directory + "/"); }

// Files that describe images, wherever an engine puts them.
bool MayDescribe(const std::string& path) {
  return path == "oci-layout" || path.starts_with("blobs/sha256/") || (path.ends_with(".json") && path.find('/') == std::string::npos) ||
         (path.starts_with("sha256:") && path.find('/') == std::string::npos);
}

Result<std::string> ReadText(ArchiveReader& archive, int64_t size) {
  std::string text(static_cast<size_t>(size), '\0');
  for (;;) {
    FH_ASSIGN_OR_RETURN(const auto block, archive.NextBlock());
    if (!block) return text;
    if (block->offset < 0 || block->offset > size || block->data.size() > static_cast<uint64_t>(size - block->offset)) {
      return Error(ErrorCode::kCorrupt, "it holds more than its size says");
    }
    text.replace(static_cast<size_t>(block->offset), block->data.size(), block->data);
  }
}

// The temporary directory that all is made in. Locked: whoever sweeps sees that its maker lives, however the maker ends.
class Workshop {
 public:
  static Result<Workshop> Open(const std::string& target) {
    const size_t slash = target.rfind('/');
    if (!target.starts_with('/') || slash + 1 == target.size()) {
      return Error(ErrorCode::kInvalidArgument, Quoted(target) + " is not an absolute path of a directory to make");
    }
    Workshop workshop;
    workshop.final_ = target.substr(slash + 1);
    FH_ASSIGN_OR_RETURN(workshop.parent_, OpenDir(kHere, slash == 0 ? "/" : target.substr(0, slash)));
    FH_ASSIGN_OR_RETURN(const auto there, FindStat(workshop.parent_.get(), workshop.final_, false));
    if (there) return Error(ErrorCode::kAlreadyExists, Quoted(target) + " is there already");
    constexpr size_t kNameShown = 100;
    const std::string name = kImportPrefix + workshop.final_.substr(0, kNameShown) + "-" + NewRunId();
    FH_TRY(MakeDir(workshop.parent_.get(), name, 0700));
    workshop.name_ = name;
    FH_ASSIGN_OR_RETURN(workshop.dir_, OpenDir(workshop.parent_.get(), name));
    FH_ASSIGN_OR_RETURN(const bool locked, TryLockExclusive(workshop.dir_.get()));
    if (!locked) return Error(ErrorCode::kUnavailable, Quoted(name) + " is being swept away; try again");
    return workshop;
  }
  Workshop(Workshop&& other) noexcept
      : parent_(std::move(other.parent_)), dir_(std::move(other.dir_)), name_(std::exchange(other.name_, "")), final_(std::move(other.final_)) {}
  Workshop& operator=(Workshop&&) = delete;
  ~Workshop() {
    if (!name_.empty()) (void)RemoveTree(parent_.get(), name_);  // what stays is swept
  }

  int dir() const { return dir_.get(); }

  // Complete, on disk, and only then by its name.
  Result<void> Publish() {
    FH_TRY(RemoveTree(dir_.get(), kBlobs));
    if (fchmod(dir_.get(), 0755) != 0) return ErrnoError(errno, "chmod the new root file system");
    // Of the whole file system: a sync for each of some 100,000 files would take minutes.
    FH_TRY(SyncFileSystem(dir_.get()));
    if (renameat2(parent_.get(), name_.c_str(), parent_.get(), final_.c_str(), RENAME_NOREPLACE) != 0) {
      const int error = errno;
      return ErrnoError(error, "move the new root file system to " + Quoted(final_));
    }
    name_.clear();
    return Sync(parent_.get());
  }

 private:
  Workshop() = default;
  Fd parent_;
  Fd dir_;
  std::string name_;
  std::string final_;
};

class Importer {
 public:
  Importer(const RootfsImportRequest& request, Fd archive, Workshop workshop)
      : request_(request), archive_(std::move(archive)), workshop_(std::move(workshop)) {}

  Result<RootfsRecord> Run() {
    FH_TRY(Look());
    FH_TRY(MakeDir(workshop_.dir(), kRootfsTree, 0755));
    FH_ASSIGN_OR_RETURN(Fd root, OpenDir(workshop_.dir(), kRootfsTree));
    if (fchmod(root.get(), 0755) != 0) return ErrnoError(errno, "chmod the new tree");
    TreeWriter writer(std::move(root), {.bytes = request_.max_bytes, .entries = request_.max_entries});
    FH_TRY(IsImageArchive(survey_) ? UnpackImage(writer) : UnpackPlain(writer));
    record_.skipped = writer.skipped();
    record_.skipped_count = writer.skipped_count();
    FH_TRY(Describe());
    FH_TRY(workshop_.Publish());
    return std::move(record_);
  }

 private:
  Result<ArchiveReader> Read(ArchiveReader::Contents contents = ArchiveReader::Contents::kTar) const {
    return ArchiveReader::Open(archive_.get(), contents, request_.max_bytes);
  }

  // What is in the archive, without unpacking any of it.
  Result<void> Look() {
    FH_ASSIGN_OR_RETURN(ArchiveReader reader, Read());
    int64_t entries = 0;
    int64_t text_bytes = 0;
    for (;;) {
      FH_ASSIGN_OR_RETURN(const auto entry, reader.Next());
      if (!entry) break;
      if (++entries > request_.max_entries) {
        return Error(ErrorCode::kResourceExhausted, fmt::format("it has more than the {} entries that may be unpacked", request_.max_entries));
      }
      const auto path = PathInTree(entry->path);
      if (!path) continue;  // refused by its name when it is unpacked, and never asked for as a blob
      // No image archive has these at its top, and a root file system may be long.
      if (IsBeneath(*path, "usr") || IsBeneath(*path, "bin") || IsBeneath(*path, "etc")) break;
      if (entry->type == ArchiveEntry::Type::kLink || entry->type == ArchiveEntry::Type::kHardLink) survey_.links[*path] = entry->link_target;
      if (entry->type != ArchiveEntry::Type::kFile) continue;
      const bool is_text = MayDescribe(*path) && entry->size <= kMaxText;
      const bool again = !survey_.files.emplace(*path, entry->size).second;
      if (again && (is_text || path->starts_with("blobs/"))) {
        return Error(ErrorCode::kCorrupt, Quoted(*path) + " is in the archive twice: which one is meant cannot be known");
      }
      if (!is_text || (text_bytes += entry->size) > kMaxTexts) continue;
      auto text = ReadText(reader, entry->size);
      if (!text) return std::move(text).error().Within("entry " + Quoted(*path));
      survey_.texts.emplace(*path, std::move(text).value());
    }
    if (entries == 0) return Error(ErrorCode::kCorrupt, "not a readable archive: there is nothing in it");
    return {};
  }

  Result<void> UnpackPlain(TreeWriter& writer) {
    FH_ASSIGN_OR_RETURN(ArchiveReader reader, Read());
    FH_TRY(writer.Unpack(reader, TreeWriter::Layer::kPlain));
    FH_ASSIGN_OR_RETURN(const FileDigest digest, DigestFd(archive_.get()));
    record_.image.form = "tar";
    record_.image.digest = "sha256:" + digest.sha256;  // of the archive itself
    return {};
  }

  Result<void> UnpackImage(TreeWriter& writer) {
    FH_ASSIGN_OR_RETURN(record_.image, ChooseImage(survey_, request_.image, request_.architecture.empty() ? MachineArchitecture() : request_.architecture));
    FH_TRY(TakeBlobs());
    for (size_t i = 0; i < record_.image.layers.size(); ++i) {
      const RootfsLayer& layer = record_.image.layers[i];
      const auto unpack = [&]() -> Result<void> {
        FH_ASSIGN_OR_RETURN(const Fd blob, OpenAt(blobs_.get(), blob_names_.at(layer.path), O_RDONLY));
        FH_ASSIGN_OR_RETURN(ArchiveReader reader, ArchiveReader::Open(blob.get(), ArchiveReader::Contents::kTar, request_.max_bytes));
        return writer.Unpack(reader, TreeWriter::Layer::kWhiteouts);
      };
      Result<void> unpacked = unpack();
      if (!unpacked) return std::move(unpacked).error().Within("layer " + Quoted(layer.path));
    }
    return {};
  }

  // The layers' blobs out of the archive, in a directory that nobody else can write to: what is checked is what is unpacked.
  Result<void> TakeBlobs() {
    FH_TRY(MakeDir(workshop_.dir(), kBlobs, 0700));
    FH_ASSIGN_OR_RETURN(blobs_, OpenDir(workshop_.dir(), kBlobs));
    std::map<std::string, const RootfsLayer*> wanted;
    for (const RootfsLayer& layer : record_.image.layers) wanted.emplace(layer.path, &layer);
    FH_ASSIGN_OR_RETURN(ArchiveReader reader, Read());
    while (blob_names_.size() < wanted.size()) {
      FH_ASSIGN_OR_RETURN(const auto entry, reader.Next());
      if (!entry) break;
      const auto path = PathInTree(entry->path);
      if (!path || entry->type != ArchiveEntry::Type::kFile || !wanted.contains(*path) || blob_names_.contains(*path)) continue;
      Result<void> taken = TakeBlob(reader, *entry, *path);
      if (!taken) return std::move(taken).error().Within("layer " + Quoted(*path));
    }
    for (const RootfsLayer& layer : record_.image.layers) {
      if (!blob_names_.contains(layer.path)) {
        return Error(ErrorCode::kCorrupt, "layer " + Quoted(layer.path) + ", which the image refers to, is not in the archive");
      }
      Result<void> checked = CheckBlob(layer);
      if (!checked) return std::move(checked).error().Within("layer " + Quoted(layer.path));
    }
    return {};
  }

  Result<void> TakeBlob(ArchiveReader& reader, const ArchiveEntry& entry, const std::string& path) {
    if (entry.size > request_.max_bytes) return Error(ErrorCode::kResourceExhausted, "it is larger than what may be unpacked");
    const std::string name = fmt::format("{}", blob_names_.size());
    FH_ASSIGN_OR_RETURN(const Fd file, OpenAt(blobs_.get(), name, O_WRONLY | O_CREAT | O_EXCL, 0600));
    int64_t at = 0;
    for (;;) {
      FH_ASSIGN_OR_RETURN(const auto block, reader.NextBlock());
      if (!block) break;
      if (block->data.empty()) continue;
      if (block->offset != at) return Error(ErrorCode::kCorrupt, "it has holes, as no layer has");
      FH_TRY(WriteAll(file.get(), block->data));
      at += static_cast<int64_t>(block->data.size());
    }
    blob_names_.emplace(path, name);
    return {};
  }

  Result<void> CheckBlob(const RootfsLayer& layer) {
    FH_ASSIGN_OR_RETURN(const Fd blob, OpenAt(blobs_.get(), blob_names_.at(layer.path), O_RDONLY));
    FH_ASSIGN_OR_RETURN(const FileDigest digest, DigestFd(blob.get()));
    const auto differs = [](const std::string& is, const std::string& should) {
      return Error(ErrorCode::kCorrupt, fmt::format("its digest is sha256:{} and should be sha256:{}: the archive was changed or is damaged", is, should));
    };
    if (layer.size >= 0 && layer.size != digest.size_bytes) {
      return Error(ErrorCode::kCorrupt, fmt::format("it has {} bytes and should have {}: the archive was changed or is damaged", digest.size_bytes, layer.size));
    }
    if (!layer.digest.empty() && layer.digest != digest.sha256) return differs(digest.sha256, layer.digest);
    if (layer.diff_id == digest.sha256) return {};  // not compressed: it is the archive itself
    FH_ASSIGN_OR_RETURN(ArchiveReader raw, ArchiveReader::Open(blob.get(), ArchiveReader::Contents::kRaw, request_.max_bytes));
    FH_ASSIGN_OR_RETURN(const auto entry, raw.Next());
    Sha256 unpacked;
    while (entry) {
      FH_ASSIGN_OR_RETURN(const auto block, raw.NextBlock());
      if (!block) break;
      unpacked.Update(block->data);
    }
    const std::string is = unpacked.FinishHex();
    return is == layer.diff_id ? Result<void>() : differs(is, layer.diff_id);
  }

  // files.txt and image.json.
  Result<void> Describe() {
    FH_ASSIGN_OR_RETURN(const Fd root, OpenDir(workshop_.dir(), kRootfsTree));
    FH_ASSIGN_OR_RETURN(std::vector<RootfsFile> files, ListRootfs(root.get()));
    std::vector<RootfsFile*> regular;
    for (RootfsFile& file : files) {
      if (file.type == 'f') regular.push_back(&file);
    }
    const std::vector<UnreadFile> unread = DigestRootfs(root.get(), regular);
    if (!unread.empty()) return Error(ErrorCode::kInternal, fmt::format("read back {}: {}", Quoted(unread[0].path), unread[0].why));
    for (const RootfsFile* file : regular) record_.bytes += file->size;
    record_.files = static_cast<int64_t>(files.size());
    const std::string text = PrintRootfsManifest(files);
    record_.identity = Sha256Hex(text);
    FH_TRY(WriteFileAtomically(workshop_.dir(), kRootfsFiles, text, 0644, Durability::kLater));
    return WriteFileAtomically(workshop_.dir(), kRootfsImage, PrintRecord(), 0644, Durability::kLater);
  }

  std::string PrintRecord() const {
    JsonWriter json;
    const RootfsImage& image = record_.image;
    const auto list = [&json](const char* key, const std::vector<std::string>& items) {
      json.Key(key).BeginArray();
      for (const std::string& item : items) json.String(item);
      json.EndArray();
    };
    json.BeginObject().Key("version").Int(1).Key("form").String(image.form).Key("name").String(image.name);
    json.Key("digest").String(image.digest).Key("architecture").String(image.architecture).Key("os").String(image.os);
    list("env", image.env);
    list("entrypoint", image.entrypoint);
    list("command", image.command);
    json.Key("workdir").String(image.workdir).Key("layers").BeginArray();
    for (const RootfsLayer& layer : image.layers) json.String("sha256:" + layer.diff_id);
    json.EndArray().Key("identity").String(record_.identity).Key("files").Int(record_.files).Key("bytes").Int(record_.bytes);
    json.Key("skipped_count").Int(record_.skipped_count);
    list("skipped", record_.skipped);
    return json.EndObject().Take() + "\n";
  }

  const RootfsImportRequest& request_;
  Fd archive_;
  Workshop workshop_;
  ArchiveSurvey survey_;
  Fd blobs_;
  std::map<std::string, std::string> blob_names_;  // path in the archive -> name in blobs_
  RootfsRecord record_;
};

}  // namespace

Result<RootfsRecord> ImportRootfs(const RootfsImportRequest& request) {
  const auto import = [&]() -> Result<RootfsRecord> {
    FH_ASSIGN_OR_RETURN(Fd archive, OpenAt(kHere, request.archive, O_RDONLY | O_NONBLOCK));
    FH_ASSIGN_OR_RETURN(const auto info, StatFd(archive));
    if (!S_ISREG(info.st_mode)) return Error(ErrorCode::kInvalidArgument, "it is not a file");
    FH_ASSIGN_OR_RETURN(Workshop workshop, Workshop::Open(request.target));
    return Importer(request, std::move(archive), std::move(workshop)).Run();
  };
  auto imported = import();
  if (imported) return imported;
  return std::move(imported).error().Within(fmt::format("import {}", Quoted(request.archive)));
}

Result<RootfsRecord> ReadRootfsRecord(const std::string& target) {
  FH_ASSIGN_OR_RETURN(const std::string text, ReadFile(kHere, target + "/" + kRootfsImage));
  const auto read = [&]() -> Result<RootfsRecord> {
    FH_ASSIGN_OR_RETURN(JsonReader json, JsonReader::Parse(text));
    RootfsRecord record;
    if (json.Int("version") != 1) json.Fail("version", "is not one that this version reads");
    record.image.form = json.String("form");
    record.image.name = json.String("name");
    record.image.digest = json.String("digest");
    record.image.architecture = json.String("architecture");
    record.image.os = json.String("os");
    record.image.env = json.Strings("env");
    record.image.entrypoint = json.Strings("entrypoint");
    record.image.command = json.Strings("command");
    record.image.workdir = json.String("workdir");
    for (const std::string& diff_id : json.Strings("layers")) record.image.layers.push_back({.diff_id = diff_id.substr(diff_id.find(':') + 1)});
    record.identity = json.String("identity");
    record.files = json.Int("files");
    record.bytes = json.Int("bytes");
    record.skipped_count = json.Int("skipped_count");
    record.skipped = json.Strings("skipped");
    FH_TRY(json.Finish());
    return record;
  };
  auto record = read();
  if (!record) return std::move(record).error().Within(Quoted(target + "/" + kRootfsImage));
  return record;
}

Result<std::vector<std::string>> SweepImports(const std::string& directory) {
  std::vector<std::string> swept;
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, directory));
  FH_ASSIGN_OR_RETURN(const auto entries, ListDir(dir.get()));
  for (const DirEntry& entry : entries) {
    if (!entry.name.starts_with(kImportPrefix)) continue;
    const auto found = OpenBeneath(dir.get(), entry.name, O_RDONLY | O_DIRECTORY);
    if (!found) continue;  // it has just gone
    FH_ASSIGN_OR_RETURN(const bool dead, TryLockExclusive(found->get()));
    if (!dead) continue;  // its maker lives
    FH_TRY(RemoveTree(dir.get(), entry.name));
    swept.push_back(entry.name);
  }
  return swept;
}

}  // namespace fumehood
