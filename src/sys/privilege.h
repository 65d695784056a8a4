// What this process may do, asked of the kernel, not guessed from its uid.
#pragma once

#include <sys/types.h>

namespace fumehood {

// Root of the host itself: uid 0 with CAP_SYS_ADMIN, in the initial user namespace. Root of a user namespace is an ordinary user
// with a large hat: it can neither map uids that it was not given nor make id-mapped mounts.
bool IsPrivileged();

// The effective uid as the user namespace around this one knows it: by that name an ordinary user who became root of a
// namespace owns what was given to them.
uid_t UidOutside();

}  // namespace fumehood
