// Kernel files of one cgroup directory, by directory descriptor. Their names are spelt here, once.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/hood/cgroup.h"
#include "src/sys/fd.h"

namespace fumehood {

inline constexpr char kProcs[] = "cgroup.procs";
inline constexpr char kTasks[] = "tasks";
inline constexpr char kControllersFile[] = "cgroup.controllers";
inline constexpr char kSubtreeControl[] = "cgroup.subtree_control";
inline constexpr char kCgroupType[] = "cgroup.type";
inline constexpr char kCgroupEvents[] = "cgroup.events";
inline constexpr char kCgroupKill[] = "cgroup.kill";
inline constexpr char kCgroupFreeze[] = "cgroup.freeze";
inline constexpr char kFreezerState[] = "freezer.state";
inline constexpr char kPidsMax[] = "pids.max";
inline constexpr char kPidsEvents[] = "pids.events";
inline constexpr char kCpuStat[] = "cpu.stat";
inline constexpr int64_t kCpuPeriodUs = 100000;  // the kernel's own default

// Below the parent of runs, in each hierarchy; an ordinary user's is kRunsDirectory-UID.
inline constexpr char kRunsDirectory[] = "fumehood";
std::string UserDirectory(uid_t uid);

// A limit believed on some other file system would limit nothing: statfs must say that this one is cgroupfs.
Result<void> RequireCgroupFs(int dir, CgroupVersion version, const std::string& path);

// Where a directory's files are, for error messages, together with its descriptor.
struct CgroupDir {
  int fd;
  const std::string& path;
};

// Writes, reads back, and compares: an error where the kernel kept something else. Byte counts may come back rounded down to
// a page. kNotFound where there is no such file.
Result<void> SetText(CgroupDir dir, const char* file, std::string_view value);
Result<void> SetBytes(CgroupDir dir, const char* file, int64_t bytes);

// Readers for counters: empty where this kernel has no such file, or no number in it ("max").
std::optional<std::string> FindText(int dir, const char* file);
std::optional<int64_t> FindNumber(int dir, const char* file);
// Of a flat keyed file: lines "key value".
std::optional<int64_t> ValueOf(std::string_view text, std::string_view key);
std::vector<std::string> ReadWords(int dir, const char* file);  // none where it is not there

// Reads a file that is kept open from its start, which also re-arms its POLLPRI.
std::string Reread(const Fd& file);

Result<std::vector<pid_t>> ReadPids(int dir, const std::string& path);

// Writes those of memory, pids, cpu and io that are there and not yet handed on into subtree_control.
Result<void> HandOnControllers(CgroupDir dir);

}  // namespace fumehood
