#include "src/cli/run_argument.h"

#include "src/record/list_runs.h"

namespace fumehood {

Result<RunId> RunArgument(const Arguments& arguments, const Context& context, const std::string& usage) {
  if (arguments.positional.size() != 1 || !arguments.command.empty()) {
    return Error(ErrorCode::kInvalidArgument, "one run is needed: `" + usage + "`; `fumehood ls` lists them");
  }
  return NamedRun(arguments.positional[0], context);
}

Result<RunId> NamedRun(const std::string& text, const Context& context) {
  auto id = FindRunId(context.config.state_dir, text);
  // A name that no run has is the caller's mistake, unlike a thing of our own that is not there.
  if (!id && id.error().code() == ErrorCode::kNotFound) return Error(ErrorCode::kInvalidArgument, id.error().message());
  return id;
}

}  // namespace fumehood
