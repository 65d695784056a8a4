// FileSight: what a file looks like from outside. While that stays as it was, what the file holds was not changed by writing to it:
// nobody can set the change time (ctime).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fumehood/result.h"
#include "src/base/clock.h"
#include "src/base/json_writer.h"
#include "src/record/json_reader.h"
#include "src/sys/file.h"

namespace fumehood {

struct FileSight {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size_bytes = 0;
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  friend bool operator==(const FileSight&, const FileSight&) = default;
};

FileSight SightOf(const struct stat& info);
// Of the file at `path`, links not followed; empty: there is none, or it is no regular file.
Result<std::optional<FileSight>> FindSight(const std::string& path);

// Times of files move in steps of some milliseconds: a file that was written so recently could be written again and look the same.
bool IsSettled(const FileSight& sight, WallTime now = Now());

void WriteSight(JsonWriter& json, std::string_view key, const FileSight& sight);
FileSight ReadSight(JsonReader& json, std::string_view key);

}  // namespace fumehood
