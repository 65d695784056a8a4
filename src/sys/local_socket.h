// Sockets by a name in a directory, reached through the directory's descriptor: the path of one may have no more than 107 bytes.
#pragma once

#include <string>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

// What has the name is replaced.
Result<Fd> ListenAt(const Fd& dir, const std::string& name);
// Without a descriptor: nobody listens.
Result<Fd> ConnectAt(const Fd& dir, const std::string& name);
// The next who connected; without a descriptor: nobody did.
Fd AcceptNext(const Fd& listener);
// A peer that says nothing for so long is an error of the next read.
void LimitSilence(const Fd& socket, int seconds);

}  // namespace fumehood
