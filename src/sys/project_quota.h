// Project quotas of XFS and ext4: limits on what lies in marked directories and all that is made in them, whoever owns it.
#pragma once

#include <cstdint>

#include "fumehood/result.h"

namespace fumehood {

// True: the file system of `fd` refuses what goes beyond a project's limits. One system call, whatever the answer.
bool EnforcesProjectQuota(int fd);

inline constexpr uint32_t kNoProject = 0;
// The project that a directory counts for; kNoProject also on file systems without them.
Result<uint32_t> ProjectOf(int dir);
// Moves an empty directory into `project`: what is made in it from then on belongs there too. kNoProject: into none.
Result<void> SetProject(int dir, uint32_t project);

struct ProjectUse {
  int64_t bytes = 0;
  int64_t inodes = 0;
  int64_t limit_bytes = 0;  // 0: none
  int64_t limit_inodes = 0;
};
// `fd`: anything on the file system.
Result<ProjectUse> ReadProject(int fd, uint32_t project);
// Wants root of the host itself. 0 lifts a limit.
Result<void> LimitProject(int fd, uint32_t project, int64_t bytes, int64_t inodes);

}  // namespace fumehood
