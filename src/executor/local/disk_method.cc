#include "src/executor/local/disk_method.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/sys/file.h"
#include "src/sys/project_quota.h"

namespace fumehood {
namespace {

// The state directory, or the nearest one above it while it is not there.
Result<Fd> OpenNearest(std::string path) {
  for (;;) {
    auto dir = OpenDir(kHere, path);
    if (dir || dir.error().code() != ErrorCode::kNotFound || path.size() <= 1) return dir;
    path.resize(std::max<size_t>(1, path.rfind('/')));
  }
}

}  // namespace

std::string WhyNoDiskQuota(const std::string& state_dir, bool by_root) {
  if (!by_root) return "only root can set project quotas";
  const auto dir = OpenNearest(state_dir);
  if (!dir) return dir.error().message();
  if (!EnforcesProjectQuota(dir->get())) return "the file system of the state directory enforces no project quotas";
  const auto project = ProjectOf(dir->get());
  if (!project) return project.error().message();
  if (*project != kNoProject) {
    return fmt::format("the state directory is under a quota of its own (project {}), which runs must not leave", *project);
  }
  return "";
}

DiskMethod ChooseDiskMethod(const Config& config, bool by_root) {
  if (config.disk_method != "quota") return {by_root ? config.disk_method : "sampled", ""};
  std::string missing = WhyNoDiskQuota(config.state_dir, by_root);
  return {missing.empty() ? "quota" : "sampled", std::move(missing)};
}

}  // namespace fumehood
