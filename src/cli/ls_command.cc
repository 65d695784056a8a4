// fumehood ls
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/number_argument.h"
#include "src/cli/run_sight.h"
#include "src/cli/terminal.h"
#include "src/cli/time_text.h"
#include "src/record/list_runs.h"

namespace fumehood {
namespace {

struct Filter {
  std::optional<RunStatus> status;
  std::map<std::string, std::string> labels;
  size_t limit = 20;

  bool Takes(const RunSight& sight) const {
    if (status && sight.result.status != *status) return false;
    return std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
      const auto found = sight.labels.find(label.first);
      return found != sight.labels.end() && found->second == label.second;
    });
  }
};

Result<RunStatus> ParseStatus(std::string text) {
  const std::string given = text;
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (const auto status = ParseRunStatus(text)) return *status;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("--status takes one of pending, running, completed, failed, killed, unknown, not {}", Quoted(given)));
}

Result<Filter> FilterFrom(const Arguments& arguments) {
  Filter filter;
  if (!arguments.positional.empty()) {
    return Error(ErrorCode::kInvalidArgument, Quoted(arguments.positional[0]) + ": ls takes flags only; for one run see `fumehood status`");
  }
  if (arguments.Has("status")) {
    FH_ASSIGN_OR_RETURN(filter.status, ParseStatus(arguments.Value("status")));
  }
  for (const std::string& text : arguments.Values("label")) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("--label takes NAME=VALUE, not {}", Quoted(text)));
    }
    filter.labels[text.substr(0, equals)] = text.substr(equals + 1);
  }
  FH_ASSIGN_OR_RETURN(const auto limit, WholeArgument(arguments, "limit", 1));
  if (limit) filter.limit = static_cast<size_t>(*limit);
  if (arguments.Has("all")) filter.limit = SIZE_MAX;
  return filter;
}

struct Listing {
  std::vector<RunSight> runs;  // newest first
  std::vector<std::string> problems;
  bool more = false;           // the limit left some out
};

Result<Listing> List(const std::vector<RunId>& ids, const Filter& filter, const std::string& state_dir) {
  Listing listing;
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    auto sight = LookAtRun(state_dir, *id);
    if (!sight) {
      // Gone meanwhile, or damaged; the others are still worth showing.
      listing.problems.push_back(fmt::format("run {}: {}", *id, sight.error().message()));
      continue;
    }
    if (!filter.Takes(*sight)) continue;
    listing.more = listing.runs.size() == filter.limit;
    if (listing.more) break;
    listing.runs.push_back(std::move(sight).value());
  }
  return listing;
}

std::string AsJson(const Listing& listing) {
  JsonWriter json;
  json.BeginObject().Key("runs").BeginArray();
  for (const auto& [run, labels] : listing.runs) {
    json.BeginObject().Key("run_id").String(run.run_id).Key("name").String(run.name).Key("status").String(Name(run.status));
    json.Key("reason").String(Name(run.reason)).Key("exit_code");
    if (run.exit_code) {
      json.Int(*run.exit_code);
    } else {
      json.Null();
    }
    json.Key("submitted_at").String(run.submitted_at).Key("started_at").String(run.started_at);
    json.Key("finished_at").String(run.finished_at).Key("wall_s").Double(run.usage.wall_s);
    json.Key("memory_peak_mb").Double(run.usage.memory_peak_mb).Key("labels").BeginObject();
    for (const auto& [name, value] : labels) json.Key(name).String(value);
    json.EndObject().Key("run_dir").String(run.run_dir).EndObject();
  }
  json.EndArray().Key("more").Bool(listing.more).Key("problems").BeginArray();
  for (const std::string& problem : listing.problems) json.String(problem);
  return json.EndArray().EndObject().Take() + "\n";
}

// So much of each id that it names one run; `ids` is sorted, so only neighbours can begin alike.
size_t ShortLength(const std::vector<RunId>& ids) {
  constexpr size_t kShortest = 10;  // the time of submission: it stays unique when more runs come
  size_t length = kShortest;
  for (size_t i = 1; i < ids.size(); ++i) {
    const auto [a, b] = std::mismatch(ids[i - 1].begin(), ids[i - 1].end(), ids[i].begin(), ids[i].end());
    length = std::max(length, static_cast<size_t>(a - ids[i - 1].begin()) + 1);
  }
  return length;
}

std::string AsTable(const Listing& listing, size_t id_length, bool on_terminal) {
  if (listing.runs.empty()) return "no runs\n";
  std::vector<std::vector<std::string>> rows = {{"RUN", "NAME", "STATUS", "REASON", "STARTED", "TIME", "MEMORY"}};
  for (const auto& [run, labels] : listing.runs) {
    const bool started = !run.started_at.empty();
    rows.push_back({run.run_id.substr(0, id_length), Shown(run.name), Painted(Name(run.status), ColourOf(run.status), on_terminal),
                    run.reason == Reason::kNone ? "-" : Name(run.reason), started ? LocalTime(run.started_at) : "-",
                    started ? HumanSeconds(run.usage.wall_s) : "-",
                    IsFinal(run.status) ? fmt::format("{:.0f} MiB", run.usage.memory_peak_mb) : "-"});
  }
  return Table(rows, on_terminal) + (listing.more ? "older runs are left out; --all shows them\n" : "");
}

Result<int> Ls(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const Filter filter, FilterFrom(arguments));
  FH_ASSIGN_OR_RETURN(const std::vector<RunId> ids, ListRuns(context.config.state_dir));
  FH_ASSIGN_OR_RETURN(const Listing listing, List(ids, filter, context.config.state_dir));
  PrintOut(arguments.Has("json") ? AsJson(listing) : AsTable(listing, ShortLength(ids), context.out_is_terminal));
  if (context.json) return 0;
  for (const std::string& problem : listing.problems) PrintErr("fumehood: " + problem + "\n");
  return 0;
}

}  // namespace

Command LsCommand() {
  return {.name = "ls", .summary = "List the runs, the newest first",
          .flags = {{.name = "all", .letter = 'a', .help = "All of them; default: the newest 20"},
                    {.name = "limit", .value = "N", .help = "So many at most"},
                    {.name = "status", .value = "STATUS", .help = "Only those that are so: running, completed, failed, killed, ..."},
                    {.name = "label", .letter = 'l', .value = "NAME=VALUE", .help = "Only those with this label", .repeated = true},
                    {.name = "json", .help = "As JSON"}},
          .run = Ls};
}

}  // namespace fumehood
