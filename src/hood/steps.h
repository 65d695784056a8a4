// The child side: what each step of a HoodPlan does. Everything here runs between clone and exec in a process with one
// thread: no allocation, no locks, no Result. A function returns 0 or an errno.
#pragma once

#include "src/hood/plan.h"

namespace fumehood {

struct TreeSlots {
  int fds[kMaxSlots];
  TreeSlots() {
    for (int& fd : fds) fd = -1;
  }
};

// Opens the tree of a kOpenTree step into its slot. `idmap_fd`: a user namespace for kTreeIdMap, or -1. Runs in the keeper where
// the submitter is root (who may see what the run's uid may not), else in the child.
int OpenTreeStep(const HoodStep& step, int idmap_fd, TreeSlots* slots);

// Any other step. The slots that a step needs are filled.
int ApplyStep(const HoodStep& step, TreeSlots* slots);

}  // namespace fumehood
