#include "src/health/sweep_known.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "src/record/json_reader.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

bool IsGone(const std::string& text, const std::string& last_used_before) {
  auto known = JsonReader::Parse(text);
  if (!known) return false;
  const std::string path = known->Text("path");
  const std::string at = known->String("at");
  if (!path.starts_with('/') || at.empty() || at > last_used_before) return false;  // times of one format: they compare as texts do
  const auto there = FindStat(kHere, path, false);
  return there && !*there;
}

}  // namespace

Result<std::vector<std::string>> SweepKnown(const std::string& state_dir, WallTime last_used_before, bool dry_run) {
  std::vector<std::string> swept;
  FH_ASSIGN_OR_RETURN(const Fd state, OpenDir(kHere, state_dir));
  for (const char* kind : {"health/inputs", "health/databases"}) {
    const auto dir = OpenBeneath(state.get(), kind, O_RDONLY | O_DIRECTORY);
    if (!dir) continue;  // none yet
    FH_ASSIGN_OR_RETURN(const auto entries, ListDir(dir->get()));
    for (const DirEntry& entry : entries) {
      if (!entry.name.ends_with(".json")) continue;
      const auto file = OpenBeneath(dir->get(), entry.name, O_RDONLY);
      constexpr size_t kMaxBytes = size_t{64} << 20;
      const auto text = file ? ReadFd(file->get(), kMaxBytes) : Result<std::string>(file.error());
      if (!text || !IsGone(*text, Rfc3339(last_used_before))) continue;
      if (!dry_run && unlinkat(dir->get(), entry.name.c_str(), 0) != 0) {
        const int error = errno;
        if (error != ENOENT) return ErrnoError(error, "remove " + entry.name);
      }
      swept.push_back(std::string(kind) + "/" + entry.name);
    }
  }
  return swept;
}

}  // namespace fumehood
