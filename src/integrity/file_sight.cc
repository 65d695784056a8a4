#include "src/integrity/file_sight.h"

#include <chrono>

namespace fumehood {
namespace {

constexpr int64_t kNanoseconds = 1000000000;

int64_t Nanoseconds(const struct timespec& time) { return time.tv_sec * kNanoseconds + time.tv_nsec; }

}  // namespace

FileSight SightOf(const struct stat& info) {
  return {.device = info.st_dev, .inode = info.st_ino, .size_bytes = info.st_size, .mtime_ns = Nanoseconds(info.st_mtim),
          .ctime_ns = Nanoseconds(info.st_ctim)};
}

Result<std::optional<FileSight>> FindSight(const std::string& path) {
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(kHere, path, false));
  if (!info || !S_ISREG(info->st_mode)) return std::optional<FileSight>();
  return std::optional<FileSight>(SightOf(*info));
}

bool IsSettled(const FileSight& sight, WallTime now) {
  constexpr int64_t kStep = 2 * kNanoseconds;  // also of file systems that know whole seconds only, as FAT and old NFS servers do
  const int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  return sight.ctime_ns + kStep < now_ns && sight.mtime_ns + kStep < now_ns;
}

void WriteSight(JsonWriter& json, std::string_view key, const FileSight& sight) {
  json.Key(key).BeginObject().Key("device").Int(static_cast<int64_t>(sight.device)).Key("inode").Int(static_cast<int64_t>(sight.inode));
  json.Key("size").Int(sight.size_bytes).Key("mtime").Int(sight.mtime_ns).Key("ctime").Int(sight.ctime_ns).EndObject();
}

FileSight ReadSight(JsonReader& json, std::string_view key) {
  JsonReader object = json.Object(key);
  FileSight sight;
  sight.device = static_cast<uint64_t>(object.Int("device"));
  sight.inode = static_cast<uint64_t>(object.Int("inode"));
  sight.size_bytes = object.Int("size");
  sight.mtime_ns = object.Int("mtime");
  sight.ctime_ns = object.Int("ctime");
  const Result<void> whole = object.Finish();
  if (!whole) json.Fail(key, whole.error().message());
  return sight;
}

}  // namespace fumehood
