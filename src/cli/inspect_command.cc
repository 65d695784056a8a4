// fumehood inspect RUN
#include <algorithm>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/run_argument.h"
#include "src/cli/run_report.h"
#include "src/cli/run_sight.h"
#include "src/cli/terminal.h"
#include "src/cli/time_text.h"
#include "src/record/json_reader.h"
#include "src/record/result_json.h"
#include "src/record/run_dir.h"
#include "src/spec/limits.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// A record of the run, or "" where it is not there (yet) or is no JSON: `verify` is who judges.
std::string Record(const RunDir& run, const char* name) {
  const auto text = ReadFile(run.fd.get(), name);
  return text && JsonReader::Parse(*text) ? *text : "";
}

std::vector<std::string> EventLines(const RunDir& run) {
  std::vector<std::string> lines;
  const auto text = ReadFile(run.fd.get(), layout::kEvents);
  if (!text) return lines;
  for (std::string& line : Split(*text, '\n')) {
    if (!line.empty() && JsonReader::Parse(line)) lines.push_back(std::move(line));  // a torn line is no event
  }
  return lines;
}

std::string AsJson(const RunDir& run, const RunSight& sight) {
  JsonWriter json;
  const auto raw = [&](const char* key, const std::string& text) {
    json.Key(key);
    if (text.empty()) {
      json.Null();
    } else {
      json.Raw(text);
    }
  };
  json.BeginObject().Key("run_id").String(run.id);
  raw("spec", Record(run, layout::kSpec));
  raw("resolved", Record(run, layout::kResolved));
  raw("result", PrintResult(sight.result));
  raw("isolation", PrintIsolation(sight.result.isolation));
  json.Key("events").BeginArray();
  for (const std::string& line : EventLines(run)) json.Raw(line);
  return json.EndArray().EndObject().Take() + "\n";
}

std::string LimitLines(const RunDir& run) {
  const std::string text = Record(run, layout::kResolved);
  if (text.empty()) return "";
  auto resolved = JsonReader::Parse(text);
  JsonReader limits = resolved->Object("limits");
  std::string lines;
  for (const LimitField& field : kLimitFields) {
    if (limits.Has(field.name)) lines += fmt::format("  {:<22} {}\n", field.name, limits.Double(field.name));
  }
  return lines;
}

std::string IsolationLines(const Isolation& isolation) {
  const auto yes = [](bool held) { return held ? "yes" : "no"; };
  const std::string limited = isolation.controllers.empty() ? "" : ", with limits on " + Join(isolation.controllers, ", ");
  std::string lines = fmt::format("  {:<22} {}{}\n", "cgroup", isolation.cgroup.empty() ? "none" : isolation.cgroup, limited);
  lines += fmt::format("  {:<22} {}\n", "namespaces", isolation.namespaces.empty() ? "none" : Join(isolation.namespaces, ", "));
  lines += fmt::format("  {:<22} {}\n  {:<22} {}\n", "filesystem", isolation.filesystem, "network", isolation.network);
  lines += fmt::format("  {:<22} {}\n", "disk limit by", isolation.disk);
  lines += fmt::format("  {:<22} {}\n", "system call filter", yes(isolation.seccomp));
  lines += fmt::format("  {:<22} {}\n", "landlock", isolation.landlock_abi > 0 ? fmt::format("version {}", isolation.landlock_abi) : "no");
  lines += fmt::format("  {:<22} {}\n  {:<22} {}\n", "no new privileges", yes(isolation.no_new_privs), "no capabilities",
                       yes(isolation.no_capabilities));
  lines += fmt::format("  {:<22} {}\n", "uid on the host", isolation.uid);
  if (!isolation.weakened.empty()) lines += fmt::format("  {:<22} {}\n", "allowed to be missing", Join(isolation.weakened, ", "));
  return lines;
}

std::string EventTable(const RunDir& run) {
  std::string lines;
  for (const std::string& line : EventLines(run)) {
    auto event = JsonReader::Parse(line);
    const std::string time = event->String("time");
    lines += fmt::format("  {}  {}\n", LocalTime(time), Shown(event->String("type")));
  }
  return lines;
}

std::string FileLines(const RunResult& result) {
  constexpr size_t kMost = 30;
  std::string lines;
  for (size_t i = 0; i < result.outputs.size() && i < kMost; ++i) {
    lines += fmt::format("  {:>10}  {}\n", HumanBytes(result.outputs[i].size_bytes), Quoted(result.outputs[i].path));
  }
  const size_t more = result.outputs.size() - std::min(kMost, result.outputs.size());
  return lines + (more > 0 ? fmt::format("  and {} more in outputs.json\n", more) : "");
}

std::string AsText(const RunDir& run, const RunSight& sight, bool on_terminal) {
  std::string text = StatusReport(sight.result, on_terminal);
  const auto section = [&](const char* title, const std::string& lines) {
    if (!lines.empty()) text += "\n" + Painted(title, Colour::kStrong, on_terminal) + "\n" + lines;
  };
  std::string labels;
  for (const auto& [name, value] : sight.labels) labels += fmt::format("  {:<22} {}\n", Shown(name), Shown(value));
  section("Labels", labels);
  section("Limits", LimitLines(run));
  if (IsFinal(sight.result.status) && sight.result.attempt > 0) section("In force, as the kernel said", IsolationLines(sight.result.isolation));
  section("Events", EventTable(run));
  section("Files it made", FileLines(sight.result));
  return text;
}

Result<int> Inspect(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const RunId id, RunArgument(arguments, context, "fumehood inspect RUN"));
  FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(context.config.state_dir, id));
  FH_ASSIGN_OR_RETURN(const RunSight sight, LookAtRun(context.config.state_dir, id));
  PrintOut(arguments.Has("json") ? AsJson(run, sight) : AsText(run, sight, context.out_is_terminal));
  return 0;
}

}  // namespace

Command InspectCommand() {
  return {.name = "inspect", .summary = "Everything known of a run: result, limits, isolation, events, files", .positional = "RUN",
          .flags = {{.name = "json", .help = "As JSON: spec, resolved, result, isolation and events, as they are in the record"}},
          .run = Inspect};
}

}  // namespace fumehood
