// fumehood reindex
#include <chrono>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/run_store.h"
#include "src/cli/terminal.h"

namespace fumehood {
namespace {

Result<int> Reindex(const Arguments& arguments, Context& context) {
  if (!arguments.positional.empty()) return Error(ErrorCode::kInvalidArgument, Quoted(arguments.positional[0]) + ": reindex takes flags only");
  const auto begin = std::chrono::steady_clock::now();
  FH_ASSIGN_OR_RETURN(Store store, OpenStore(context));
  FH_ASSIGN_OR_RETURN(const int64_t runs, store.Reindex());
  FH_ASSIGN_OR_RETURN(const int64_t bytes, store.Bytes());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (arguments.Has("json")) {
    JsonWriter json;
    PrintOut(json.BeginObject().Key("runs").Int(runs).Key("bytes").Int(bytes).Key("seconds").Double(seconds).EndObject().Take() + "\n");
  } else {
    PrintOut(fmt::format("the index holds {} runs, {}; it took {}\n", runs, HumanBytes(bytes), HumanSeconds(seconds)));
  }
  return 0;
}

}  // namespace

Command ReindexCommand() {
  return {.name = "reindex", .summary = "Make the index of the runs anew from their records", .flags = {{.name = "json", .help = "As JSON"}},
          .description = "The index is what `ls` and `stats` read; the runs' own directories are the truth. A missing or damaged one is made anew by\n"
                         "itself. This is for when runs were copied into the state directory, or to be sure. Runs may begin and end meanwhile.",
          .run = Reindex};
}

}  // namespace fumehood
