// Clones the run's first process into its namespaces and its cgroup: keeper side.
#pragma once

#include <sys/types.h>

#include <vector>

#include "fumehood/result.h"
#include "src/hood/child.h"
#include "src/sys/fd.h"

namespace fumehood {

struct SpawnedRun {
  pid_t pid = -1;  // unreaped child of the caller until it is waited for
  Fd pidfd;
};

// `clone_into`: a v2 cgroup directory, or -1. `join`: open `tasks` files of v1; a short-lived spawner enters them and clones
// from there, as the caller's child all the same (CLONE_PARENT), so that the caller itself is never inside. A hybrid host has
// both.
// Namespaces that this kernel does not have fail the call, but for time, which is left out (`namespaces` is then corrected).
Result<SpawnedRun> SpawnRun(const ChildTask& task, uint32_t* namespaces, int clone_into, const std::vector<Fd>& join);

struct IdMap {
  int64_t inside = 0;
  int64_t outside = 0;
};
// Writes the maps of a user namespace whose first process is `pid`. A caller without privilege must give up setgroups.
Result<void> WriteIdMaps(pid_t pid, IdMap uid, IdMap gid, bool privileged);

// A user namespace that maps `on_disk` ids to others, for id-mapped mounts. Needs privilege.
Result<Fd> MakeIdMapNamespace(IdMap uid, IdMap gid);

}  // namespace fumehood
