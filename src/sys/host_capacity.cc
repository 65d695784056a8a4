#include "src/sys/host_capacity.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

namespace fumehood {
namespace {

constexpr int64_t kMiB = 1024 * 1024;

}  // namespace

int64_t Processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max<int64_t>(1, sysconf(_SC_NPROCESSORS_ONLN));
}

int64_t MachineMemoryMb() {
  struct sysinfo info {};
  if (sysinfo(&info) != 0) return std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(info.totalram) * static_cast<int64_t>(info.mem_unit) / kMiB;
}

int64_t FreeDiskMb(const std::string& path) {
  std::string there = path;
  struct statvfs info {};
  while (statvfs(there.c_str(), &info) != 0) {
    if (there.size() <= 1) return 0;
    there.resize(std::max<size_t>(1, there.rfind('/')));
  }
  return static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_frsize) / kMiB;
}

void RaiseDescriptorLimit() {
  struct rlimit limit {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace fumehood
