#include "src/cli/run_argument.h"

#include <cctype>

#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/cli/run_store.h"
#include "src/record/list_runs.h"
#include "src/record/run_dir.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// As FindRunId (src/record/list_runs.h), from the index: the time it takes does not grow with the number of runs.
Result<RunId> FindInStore(const std::string& text, const std::string& wanted, const Context& context) {
  if (!HasState(context)) return FindRunId(context.config.state_dir, text);
  FH_ASSIGN_OR_RETURN(Store store, OpenStore(context));
  if (text == "last") {
    RunQuery newest;
    newest.limit = 1;
    FH_ASSIGN_OR_RETURN(const RunPage page, store.List(newest));
    if (!page.rows.empty()) return page.rows[0].id;
    return Error(ErrorCode::kNotFound, "no run yet in " + Quoted(context.config.state_dir));
  }
  constexpr size_t kShown = 3;
  std::vector<RunId> found;
  if (!wanted.empty()) {
    FH_ASSIGN_OR_RETURN(found, store.PrefixMatches(wanted, kShown));
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) return Error(ErrorCode::kNotFound, "no run " + Quoted(text) + "; `fumehood ls` lists those that there are");
  return Error(ErrorCode::kInvalidArgument, Quoted(text) + " begins more than one run id: " + Join(found, ", "));
}

Result<RunId> Find(const std::string& text, const Context& context) {
  std::string wanted = text;
  for (char& c : wanted) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (IsRunId(wanted)) {
    FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, context.config.state_dir + "/" + layout::kRuns + "/" + wanted, false));
    if (there) return wanted;
  }
  auto found = FindInStore(text, wanted, context);
  const bool answered = found || found.error().code() == ErrorCode::kNotFound || found.error().code() == ErrorCode::kInvalidArgument;
  return answered ? found : FindRunId(context.config.state_dir, text);  // a full disk, say
}

}  // namespace

Result<RunId> RunArgument(const Arguments& arguments, const Context& context, const std::string& usage) {
  if (arguments.positional.size() != 1 || !arguments.command.empty()) {
    return Error(ErrorCode::kInvalidArgument, "one run is needed: `" + usage + "`; `fumehood ls` lists them");
  }
  return NamedRun(arguments.positional[0], context);
}

Result<RunId> NamedRun(const std::string& text, const Context& context) {
  auto id = Find(text, context);
  // A name that no run has is the caller's mistake, unlike a thing of our own that is not there.
  if (!id && id.error().code() == ErrorCode::kNotFound) return Error(ErrorCode::kInvalidArgument, id.error().message());
  return id;
}

}  // namespace fumehood
