// What `sudo fumehood setup --user NAME` does where no systemd hands cgroups to users: subtrees that are theirs.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "fumehood/result.h"

namespace fumehood {

// Makes `fumehood-UID` in each v1 hierarchy that the hood uses and in v2's, and gives it to the user; not its limits, which
// stay root's. Repeating it is harmless. Returns what was done, a sentence each, with what is left to the user. Needs root;
// lasts until the machine is booted again.
Result<std::vector<std::string>> SetupForUser(uid_t uid, gid_t gid);
// Takes the subtrees away. Shells that were moved inside go back to where the subtree was; a run inside is an error naming it.
Result<std::vector<std::string>> UndoSetupForUser(uid_t uid);

}  // namespace fumehood
