// Landlock, the second wall behind the mounts: what a run may write is named once more, by the kernel's access rules instead of
// by what is mounted where. Reading and executing stay open below the new root, which shows nothing that is not meant to be
// read.
//
// Called in the child inside the new root, after the last mount: the kernel lets nobody mount behind Landlock.
#pragma once

#include <cstdint>

namespace fumehood {

// What this kernel offers; 0 where it has no Landlock or was booted without it. Async-signal-safe.
int LandlockAbi();

// Version 1 has no right for moving files between directories and forbids it to all, which breaks too many programs: from 2 on.
inline constexpr int kLowestLandlockAbi = 2;

// All rights on files that this version can take away; 0 below the lowest that is used.
uint64_t LandlockFileRights(int abi);
// From that, what a run may do beneath its root, and beneath what it may write.
uint64_t LandlockReadRights(int abi);
uint64_t LandlockWriteRights(int abi);
// What it may not reach outside the run: abstract sockets and signals, where the version can.
uint64_t LandlockScopes(int abi);

// `writable_lines`: absolute paths inside the new root, files or directories, one a line; one that is not there is skipped:
// nothing can be written there, since the root is not writable. Afterwards only they can be written, by the calling thread and
// all it starts from now on, for ever. Does nothing below kLowestLandlockAbi. Sets no_new_privs first, whoever calls. Async-
// signal-safe. 0 or an errno; EINVAL for a relative path.
int ApplyLandlock(int abi, const char* writable_lines);
int ApplyLandlockLines(const char* writable_lines);  // by this kernel's version

}  // namespace fumehood
