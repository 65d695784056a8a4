// fumehood ls
#include <algorithm>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/number_argument.h"
#include "src/cli/parser.h"
#include "src/cli/run_filter_flags.h"
#include "src/cli/run_store.h"
#include "src/cli/terminal.h"
#include "src/cli/time_text.h"
#include "src/store/list_from_runs.h"
#include "src/store/waiting_rows.h"

namespace fumehood {
namespace {

struct OrderName {
  const char* name;
  RunOrder order;
};
constexpr OrderName kOrders[] = {{"newest", RunOrder::kNewest}, {"oldest", RunOrder::kOldest},     {"name", RunOrder::kName}, {"time", RunOrder::kWall},
                                 {"memory", RunOrder::kMemory}, {"finished", RunOrder::kFinished}, {"cpu", RunOrder::kCpu},   {"disk", RunOrder::kDisk}};

Result<RunQuery> QueryFrom(const Arguments& arguments) {
  if (!arguments.positional.empty()) {
    return Error(ErrorCode::kInvalidArgument, Quoted(arguments.positional[0]) + ": ls takes flags only; for one run see `fumehood status`");
  }
  RunQuery query;
  std::vector<Problem> problems;
  query.filter = RunFilterFrom(arguments, problems);
  if (arguments.Has("sort")) {
    const auto* const found = std::find_if(std::begin(kOrders), std::end(kOrders), [&](const OrderName& order) { return arguments.Value("sort") == order.name; });
    std::vector<std::string> names;
    for (const OrderName& order : kOrders) names.emplace_back(order.name);
    if (found != std::end(kOrders)) query.order = found->order;
    if (found == std::end(kOrders)) problems.push_back({"--sort", fmt::format("takes one of {}, not {}", Join(names, ", "), Quoted(arguments.Value("sort"))), "", 0, 0});
  }
  constexpr int64_t kDefaultLimit = 20;
  query.limit = kDefaultLimit;
  const auto limit = WholeArgument(arguments, "limit", 1);
  if (!limit) problems.push_back({"--limit", limit.error().message(), "", 0, 0});
  if (limit && *limit) query.limit = **limit;
  if (arguments.Has("all")) query.limit = -1;
  if (problems.size() == 1) return Error(ErrorCode::kInvalidArgument, problems[0].field == "--limit" ? problems[0].message : problems[0].field + " " + problems[0].message);
  if (!problems.empty()) return CommandLineError("ls", std::move(problems));
  return query;
}

// Of a run that goes on: until now.
double SecondsSoFar(const RunRow& row) {
  if (IsFinal(row.status) || row.started_us == 0) return row.wall_s;
  return std::max(0.0, static_cast<double>(Now().time_since_epoch().count() - row.started_us) / 1e6);
}

std::string AsJson(const RunPage& page, const std::string& state_dir) {
  JsonWriter json;
  json.BeginObject().Key("runs").BeginArray();
  for (const RunRow& row : page.rows) {
    const RunResult run = ResultOfRow(state_dir, row);
    json.BeginObject().Key("run_id").String(run.run_id).Key("name").String(run.name).Key("status").String(Name(run.status));
    json.Key("reason").String(Name(run.reason)).Key("exit_code");
    if (run.exit_code) {
      json.Int(*run.exit_code);
    } else {
      json.Null();
    }
    json.Key("submitted_at").String(run.submitted_at).Key("started_at").String(run.started_at);
    json.Key("finished_at").String(run.finished_at).Key("wall_s").Double(SecondsSoFar(row));
    json.Key("memory_peak_mb").Double(run.usage.memory_peak_mb).Key("labels").BeginObject();
    for (const auto& [name, value] : row.labels) json.Key(name).String(value);
    json.EndObject().Key("runtime").String(row.runtime).Key("profile").String(row.profile).Key("attempt").Int(row.attempt);
    json.Key("pinned").Bool(row.pinned).Key("run_dir").String(run.run_dir).EndObject();
  }
  json.EndArray().Key("more").Bool(page.more).Key("problems").BeginArray();
  for (const std::string& problem : page.problems) json.String(problem);
  return json.EndArray().EndObject().Take() + "\n";
}

std::string AsTable(const RunPage& page, size_t id_length, bool on_terminal) {
  if (page.rows.empty()) return "no runs\n";
  std::vector<std::vector<std::string>> rows = {{"RUN", "NAME", "STATUS", "REASON", "STARTED", "TIME", "MEMORY"}};
  for (const RunRow& row : page.rows) {
    const bool started = row.started_us != 0;
    rows.push_back({row.id.substr(0, id_length), Shown(row.name), Painted(Name(row.status), ColourOf(row.status), on_terminal),
                    row.reason == Reason::kNone ? "-" : Name(row.reason), started ? LocalTime(ResultOfRow("", row).started_at) : "-",
                    started ? HumanSeconds(SecondsSoFar(row)) : "-", IsFinal(row.status) ? fmt::format("{:.0f} MiB", row.memory_peak_mb) : "-"});
  }
  return Table(rows, on_terminal) + (page.more ? "older runs are left out; --all shows them\n" : "");
}

// From the index; where that cannot be had, on a full disk say, from the runs themselves.
struct Listing {
  RunPage page;
  size_t id_length = 0;
};
Result<Listing> ListRunsOf(const RunQuery& query, const Context& context) {
  if (!HasState(context)) return Listing();
  auto listed = [&]() -> Result<Listing> {
    FH_ASSIGN_OR_RETURN(Store store, OpenStore(context));
    Listing listing;
    FH_ASSIGN_OR_RETURN(listing.page, store.List(query));
    std::vector<RunId> ids;
    for (const RunRow& row : listing.page.rows) ids.push_back(row.id);
    constexpr size_t kShortest = 10;  // the time of submission: it stays unique when more runs come
    FH_ASSIGN_OR_RETURN(listing.id_length, store.UniqueLength(ids, kShortest));
    return listing;
  }();
  if (listed || listed.error().code() == ErrorCode::kUnsupported) return listed;
  PrintErr(fmt::format("fumehood: {}; the runs themselves are read instead, which takes longer\n", listed.error().message()));
  constexpr size_t kWholeId = 26;
  FH_ASSIGN_OR_RETURN(RunPage page, ListFromRuns(context.config.state_dir, WaitingInQueue(context.config.state_dir), query));
  return Listing{std::move(page), kWholeId};
}

Result<int> Ls(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const RunQuery query, QueryFrom(arguments));
  FH_ASSIGN_OR_RETURN(const Listing listing, ListRunsOf(query, context));
  if (arguments.Has("json")) {
    PrintOut(AsJson(listing.page, context.config.state_dir));
    return 0;
  }
  PrintOut(AsTable(listing.page, listing.id_length, context.out_is_terminal));
  for (const std::string& problem : listing.page.problems) PrintErr("fumehood: " + problem + "\n");
  return 0;
}

std::vector<Flag> LsFlags() {
  std::vector<Flag> flags = {{.name = "all", .letter = 'a', .help = "All of them; default: 20"}, {.name = "limit", .value = "N", .help = "So many at most"}};
  const std::vector<Flag> filters = RunFilterFlags();
  flags.insert(flags.end(), filters.begin(), filters.end());
  flags.push_back({.name = "sort", .value = "ORDER", .help = "newest (default), oldest, name, time, memory, cpu, finished or disk, the largest first"});
  flags.push_back({.name = "json", .help = "As JSON"});
  return flags;
}

}  // namespace

Command LsCommand() {
  return {.name = "ls", .summary = "List the runs, the newest first", .flags = LsFlags(),
          .description = "Filters are all applied together; several --status mean one of them, several --label all of them.", .run = Ls};
}

}  // namespace fumehood
