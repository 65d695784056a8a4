// For tests: runs an activation by bash itself, with no walls around it. Prefixes of tests are our own.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "src/runtime/conda_activation.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {

inline Result<std::string> RunByBash(const ActivationScript& script) {
  std::string path = std::string(std::getenv("TMPDIR") == nullptr ? "/tmp" : std::getenv("TMPDIR")) + "/fumehood-dump-XXXXXX";
  const Fd dump(mkostemp(path.data(), O_CLOEXEC));  // not a pipe: a program that a script leaves behind holds nothing up
  if (!dump.valid()) return Error(ErrorCode::kInternal, "make a temporary file");
  (void)unlink(path.c_str());
  SpawnRequest request{.path = "/bin/bash", .argv = script.argv};
  for (const auto& [name, value] : script.environment) request.env.push_back(name + "=" + value);
  request.fds = {dump.get()};
  FH_ASSIGN_OR_RETURN(const pid_t child, Spawn(request));
  (void)ReapCode(child);  // the dump says whether it came to its end
  if (lseek(dump.get(), 0, SEEK_SET) != 0) return Error(ErrorCode::kInternal, "seek");
  return ReadFd(dump.get(), size_t{4} << 20);
}

}  // namespace fumehood
