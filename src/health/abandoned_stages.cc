#include "src/health/abandoned_stages.h"

#include <fcntl.h>

#include <chrono>

#include "src/record/read_result.h"
#include "src/record/tmp_removal.h"
#include "src/sys/process.h"

namespace fumehood {

Result<bool> IsAbandonedStage(const Fd& staging, const std::string& name, std::optional<KeeperHandle>* handle) {
  if (const auto remover = RemoverOf(name)) {
    FH_ASSIGN_OR_RETURN(const auto process, FindProcess(*remover));
    return !process.has_value() || process->state == 'Z';  // one that nobody reaps removes nothing any more
  }
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenBeneath(staging.get(), name, O_RDONLY | O_DIRECTORY));
  auto found = ReadKeeperHandle(dir.get());
  if (!found) {
    // Its keeper writes that first of all; a launcher needs no minute to start one.
    FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(dir));
    return std::chrono::system_clock::now() - std::chrono::system_clock::from_time_t(info.st_mtim.tv_sec) > std::chrono::minutes(1);
  }
  FH_ASSIGN_OR_RETURN(const Fd keeper, FindByIdentity(found->process));
  if (handle != nullptr) *handle = std::move(found).value();
  return !keeper.valid();
}

}  // namespace fumehood
