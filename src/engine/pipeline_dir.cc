#include "src/engine/pipeline_dir.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/run_dir.h"
#include "src/record/sha256.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr const char* kPipelines = "pipelines";

// Of the file's name what suits the name of a directory anywhere.
std::string Slug(const std::string& file) {
  const std::string name = file.substr(file.rfind('/') + 1);
  std::string slug;
  for (const char c : name.substr(0, name.rfind('.'))) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    slug += plain ? c : '-';
  }
  constexpr size_t kLongest = 40;
  return slug.empty() ? "pipeline" : slug.substr(0, kLongest);
}

}  // namespace

Result<PipelinePlace> FindPipelinePlace(const std::string& state_dir, const std::string& file) {
  char real[PATH_MAX];
  if (realpath(file.c_str(), real) == nullptr) return Error(ErrorCode::kInvalidArgument, fmt::format("there is no file {}", Quoted(file)));
  PipelinePlace place;
  place.file = real;
  place.base = place.file.substr(0, std::max<size_t>(1, place.file.rfind('/')));
  constexpr size_t kDigits = 12;
  place.id = fmt::format("{}-{}", Slug(place.file), Sha256Hex(place.file).substr(0, kDigits));
  place.path = fmt::format("{}/{}/{}", state_dir, kPipelines, place.id);
  return place;
}

Result<Fd> HoldPipeline(const std::string& state_dir, const PipelinePlace& place) {
  FH_TRY(EnsureStateDir(state_dir));
  FH_TRY(MakeDirs(place.path, 0700));
  FH_ASSIGN_OR_RETURN(Fd lock, OpenAt(kHere, place.path + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  FH_ASSIGN_OR_RETURN(const bool mine, TryLockExclusive(lock.get()));
  if (!mine) {
    const auto holder = ReadFd(lock.get(), 64);
    const std::string who =
        holder && !holder->empty() ? fmt::format(" (process {})", SplitWords(*holder).empty() ? "?" : SplitWords(*holder)[0]) : "";
    return Error(ErrorCode::kUnavailable,
                 fmt::format("{} is being run by another program{}; `fumehood pipeline status` tells how far it is, and when that program has "
                             "ended `fumehood pipeline resume` goes on from there",
                             Quoted(place.file), who));
  }
  FH_TRY(Truncate(lock.get(), 0));
  const Written written = WriteAt(lock.get(), fmt::format("{}\n", getpid()), 0);
  (void)written;  // only for the message above
  return lock;
}

}  // namespace fumehood
