// Chooses the executor by the configuration's name for it.
#include <fmt/format.h>

#include "fumehood/executor.h"
#include "src/base/text.h"
#include "src/engine/engine.h"

namespace fumehood {

Result<std::unique_ptr<Executor>> get_executor(const Config& config) {
  if (config.executor == "local") return std::unique_ptr<Executor>(std::make_unique<Engine>(config, CurrentSubmitter(), config.spare_boxes));
  return Error(ErrorCode::kUnsupported, fmt::format("this version has no executor {}; it has: local", Quoted(config.executor)));
}

}  // namespace fumehood
