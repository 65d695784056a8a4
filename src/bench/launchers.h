// Ways to start a program and wait for its end: bare, under other sandboxes that this machine has, and under the hood.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/executor/local/local_executor.h"

namespace fumehood {

struct Launcher {
  std::string name;
  std::function<Result<void>()> once;  // starts /bin/true and waits for its end; several threads may call it
};

struct Launchers {
  std::vector<Launcher> list;          // the first is the bare one
  std::vector<std::string> left_out;   // what this machine lacks, with the reason
  std::shared_ptr<LocalExecutor> executor;  // the hood through the library, as the last of the list has it
};

// `scratch`: an empty directory, for bundles and for a state directory of the measurement's own. `program`: this program.
// `image`: for Docker; empty: left out. Each is tried once, and left out where that fails, but for the bare one and the hood.
Result<Launchers> FindLaunchers(const std::string& scratch, const std::string& program, const std::string& image);

}  // namespace fumehood
