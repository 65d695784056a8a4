// fumehood bench
#include <limits.h>
#include <unistd.h>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/bench/measure.h"
#include "src/cli/command.h"
#include "src/cli/number_argument.h"
#include "src/cli/terminal.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr int64_t kDefaultRounds = 100;
constexpr int64_t kPauseMs = 150;
constexpr int64_t kWidths[] = {1, 2, 64};

struct Report {
  std::vector<std::string> names;  // of the launchers, in their order
  std::vector<std::string> left_out;
  std::map<std::string, Samples> back_to_back;
  std::map<std::string, Samples> after_idle;
  std::map<int64_t, std::map<std::string, double>> at_once;
  std::map<std::string, Samples> stages;
  int64_t keeper_kib = 0;
};

Result<Report> Measure(const std::string& scratch, const std::string& image, int64_t rounds) {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  if (length <= 0) return Error(ErrorCode::kInternal, "this program does not find itself in /proc");
  FH_ASSIGN_OR_RETURN(const Launchers launchers, FindLaunchers(scratch, std::string(self, static_cast<size_t>(length)), image));
  Report report;
  report.left_out = launchers.left_out;
  for (const Launcher& launcher : launchers.list) report.names.push_back(launcher.name);
  FH_ASSIGN_OR_RETURN(report.back_to_back, TakeTurns(launchers, rounds, 0));
  FH_ASSIGN_OR_RETURN(report.stages, Stages(scratch + "/state"));
  FH_ASSIGN_OR_RETURN(report.after_idle, TakeTurns(launchers, rounds, kPauseMs));
  for (const int64_t width : kWidths) {
    for (const Launcher& launcher : launchers.list) {
      FH_ASSIGN_OR_RETURN(report.at_once[width][launcher.name], AtOnce(launcher, std::max(rounds, width), width));
    }
  }
  FH_ASSIGN_OR_RETURN(report.keeper_kib, KeeperMemory(*launchers.executor));
  return report;
}

std::string SampleTable(const char* title, const std::map<std::string, Samples>& samples, const Report& report) {
  const double bare = Percentile(samples.at(report.names[0]), 0.5);
  std::string text = fmt::format("\n| {} | median, µs | p99, µs | ratio to bare |\n|---|--:|--:|--:|\n", title);
  for (const std::string& name : report.names) {
    const double median = Percentile(samples.at(name), 0.5);
    text += fmt::format("| {} | {:.0f} | {:.0f} | {:.1f} |\n", name, median, Percentile(samples.at(name), 0.99), median / bare);
  }
  return text;
}

std::string AsMarkdown(const Report& report) {
  std::string text = SampleTable("back to back", report.back_to_back, report);
  text += SampleTable("after 150 ms of idle", report.after_idle, report);
  text += "\n| launches a second |";
  for (const int64_t width : kWidths) text += fmt::format(" {} at once |", width);
  text += "\n|---|--:|--:|--:|\n";
  for (const std::string& name : report.names) {
    text += fmt::format("| {} |", name);
    for (const int64_t width : kWidths) text += fmt::format(" {:.0f} |", report.at_once.at(width).at(name));
    text += "\n";
  }
  text += "\n| stage of a launch, by its record | median, µs | p99, µs |\n|---|--:|--:|\n";
  for (const auto& [name, samples] : report.stages) {
    text += fmt::format("| {} | {:.0f} | {:.0f} |\n", name.substr(3), Percentile(samples, 0.5), Percentile(samples, 0.99));
  }
  text += fmt::format("\nPrivate memory of a keeper: {} KiB.\n", report.keeper_kib);
  for (const std::string& reason : report.left_out) text += "Left out: " + reason + ".\n";
  return text;
}

std::string AsJson(const Report& report) {
  JsonWriter json;
  const auto add = [&](const char* key, const std::map<std::string, Samples>& all) {
    json.Key(key).BeginObject();
    for (const auto& [name, samples] : all) {
      json.Key(name).BeginArray();
      for (const double sample : samples) json.Double(sample);
      json.EndArray();
    }
    json.EndObject();
  };
  json.BeginObject();
  add("back_to_back_us", report.back_to_back);
  add("after_idle_us", report.after_idle);
  add("stages_us", report.stages);
  json.Key("at_once_per_s").BeginObject();
  for (const auto& [width, rates] : report.at_once) {
    json.Key(fmt::format("{}", width)).BeginObject();
    for (const auto& [name, rate] : rates) json.Key(name).Double(rate);
    json.EndObject();
  }
  json.EndObject().Key("keeper_private_kib").Int(report.keeper_kib).Key("left_out").BeginArray();
  for (const std::string& reason : report.left_out) json.String(reason);
  return json.EndArray().EndObject().Take() + "\n";
}

Result<int> Bench(const Arguments& arguments, Context& context) {
  if (!arguments.positional.empty()) return Error(ErrorCode::kInvalidArgument, Quoted(arguments.positional[0]) + ": bench takes flags only");
  FH_ASSIGN_OR_RETURN(const auto rounds, WholeArgument(arguments, "count", 1));
  // On the file system of the state directory, which is part of what is measured; with records of its own.
  const std::string name = "bench-" + NewRunId();
  const std::string scratch = context.config.state_dir + "/" + name;
  FH_TRY(MakeDirs(scratch + "/work", 0700));
  if (chdir((scratch + "/work").c_str()) != 0) return Error(ErrorCode::kInternal, "cannot enter " + Quoted(scratch));
  const auto report = Measure(scratch, arguments.Value("image"), rounds.value_or(kDefaultRounds));
  const auto state = OpenDir(kHere, context.config.state_dir);
  auto removed = state ? RemoveTree(state->get(), name) : Result<RemovedCounts>(state.error());
  // The last keepers may still be tidying up in there.
  for (int tries = 0; state && !removed && tries < 100; ++tries) {
    usleep(50000);
    removed = RemoveTree(state->get(), name);
  }
  if (!report) return report.error();
  PrintOut(arguments.Has("json") ? AsJson(*report) : AsMarkdown(*report));
  return removed ? 0 : Result<int>(removed.error());
}

}  // namespace

Command BenchCommand() {
  return {.name = "bench", .summary = "Measure launches on this machine, beside other sandboxes",
          .flags = {{.name = "count", .value = "N", .help = "Launches of each kind; default: 100"},
                    {.name = "image", .value = "IMAGE", .help = "Also measure `docker run` of this image"},
                    {.name = "json", .help = "All samples as JSON"}},
          .description = "Starts /bin/true and waits for its end: bare, under bubblewrap and crun where they are installed, and under the\n"
                         "hood, in turn; back to back, after 150 ms of idle, and 1, 2 and 64 at once. Prints medians, 99th percentiles and\n"
                         "ratios to the bare launch. Takes a minute or two; the machine should have nothing else to do.",
          .run = Bench};
}

}  // namespace fumehood
