#include "src/cli/run_store.h"

#include <fmt/format.h>

#include "src/cli/terminal.h"
#include "src/sys/file.h"

namespace fumehood {

Result<Store> OpenStore(const Context& context) {
  StoreOptions options;
  // With --json what stands there is JSON, and only of an error.
  if (!context.json) options.tell = [](const std::string& sentence) { PrintErr("fumehood: " + sentence + "\n"); };
  if (context.err_is_terminal) {
    options.progress = [](int64_t done, int64_t of) { PrintErr(fmt::format("\r{} of {} runs{}", done, of, done == of ? "\r\033[K" : "")); };
  }
  return Store::Open(context.config.state_dir, std::move(options));
}

bool HasState(const Context& context) {
  const auto there = FindStat(kHere, context.config.state_dir, true);
  return !there || *there;  // what cannot be looked at is told by whoever opens it
}

}  // namespace fumehood
