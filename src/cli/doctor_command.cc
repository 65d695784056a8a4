// fumehood doctor
#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/doctor_database.h"
#include "src/cli/doctor_watch.h"
#include "src/cli/number_argument.h"
#include "src/cli/terminal.h"
#include "src/health/doctor.h"
#include "src/health/health_check.h"

namespace fumehood {
namespace {

std::string LayersAsText(const DoctorReport& report, bool on_terminal) {
  std::string text;
  std::string told_at;  // the layer that told why no run could be made: it is why others miss too, and said once
  for (const LayerReport& layer : report.layers) {
    std::string found = layer.found;
    const size_t cause = report.trial_failure.empty() ? std::string::npos : found.find(report.trial_failure);
    if (cause != std::string::npos && !told_at.empty()) found.replace(cause, report.trial_failure.size(), "see " + told_at + " above");
    if (cause != std::string::npos && told_at.empty()) told_at = layer.layer;
    text += fmt::format("{}  {:<11} {}\n", layer.good ? Painted("ok     ", Colour::kGood, on_terminal) : Painted("MISSING", Colour::kBad, on_terminal),
                        layer.layer, found);
    if (!layer.good) text += fmt::format("{:21}to mend: {}\n", "", Painted(layer.mend, Colour::kStrong, on_terminal));
  }
  return text;
}

std::string ChecksAsText(const std::vector<HealthCheck>& checks, bool on_terminal) {
  std::string text;
  for (const HealthCheck& check : checks) {
    constexpr const char* kWords[] = {"ok     ", "WARNING", "TROUBLE", "unknown"};
    constexpr Colour kColours[] = {Colour::kGood, Colour::kWarning, Colour::kBad, Colour::kWarning};
    const auto state = static_cast<size_t>(check.state);
    text += fmt::format("{}  {:<11} {}\n", Painted(kWords[state], kColours[state], on_terminal), check.name, check.found);
    if (!check.mend.empty()) text += fmt::format("{:21}to mend: {}\n", "", Painted(check.mend, Colour::kStrong, on_terminal));
  }
  return text;
}

std::string AsText(const DoctorReport& report, const std::vector<HealthCheck>& checks, bool on_terminal) {
  return LayersAsText(report, on_terminal) + "\n" + ChecksAsText(checks, on_terminal) +
         (report.enforceable ? "\nThis host can enforce the default isolation.\n"
                             : "\nThis host cannot enforce the default isolation: runs are refused unless they allow what is missing by "
                               "name (--allow-weaker LAYER).\n");
}

std::string AsJson(const DoctorReport& report, const std::vector<HealthCheck>& checks) {
  JsonWriter json;
  json.BeginObject().Key("enforceable").Bool(report.enforceable).Key("layers").BeginArray();
  for (const LayerReport& layer : report.layers) {
    json.BeginObject().Key("layer").String(layer.layer).Key("good").Bool(layer.good).Key("found").String(layer.found);
    json.Key("mend").String(layer.mend).EndObject();
  }
  json.EndArray().Key("checks").BeginArray();
  for (const HealthCheck& check : checks) {
    json.BeginObject().Key("check").String(check.name).Key("state").String(Name(check.state)).Key("found").String(check.found);
    json.Key("mend").String(check.mend).EndObject();
  }
  return json.EndArray().EndObject().Take() + "\n";
}

Result<void> CheckCall(const Arguments& arguments) {
  const auto wrong = [](std::string message) { return Error(ErrorCode::kInvalidArgument, std::move(message)); };
  if (!arguments.positional.empty()) return wrong(Quoted(arguments.positional[0]) + ": doctor takes flags only; a database is named by --database");
  std::vector<std::string> ways;
  for (const char* way : {"watch", "monitor", "database"}) {
    if (arguments.Has(way)) ways.push_back(std::string("--") + way);
  }
  if (ways.size() > 1) return wrong(fmt::format("{} cannot be asked for at once", Join(ways, " and ")));
  if (arguments.Has("interval") && !arguments.Has("watch")) return wrong("--interval goes with --watch");
  if (arguments.Has("json") && (arguments.Has("watch") || arguments.Has("monitor"))) return wrong(fmt::format("{} prints lines, and no JSON", ways[0]));
  return {};
}

Result<int> RunDoctor(const Arguments& arguments, Context& context) {
  FH_TRY(CheckCall(arguments));
  if (arguments.Has("database")) return DoctorOfDatabases(arguments.Values("database"), context);
  if (arguments.Has("monitor")) return DoctorForMonitoring(context);
  if (arguments.Has("watch")) {
    constexpr int64_t kMinute = 60;
    constexpr int64_t kDay = 86400;
    FH_ASSIGN_OR_RETURN(const auto seconds, WholeArgument(arguments, "interval", 1));
    if (seconds.value_or(kMinute) > kDay) return Error(ErrorCode::kInvalidArgument, "--interval takes at most a day, 86400");
    return DoctorOnWatch(context, seconds.value_or(kMinute));
  }
  const DoctorReport report = ExamineHost(context.config, context.submitter);
  const std::vector<HealthCheck> checks = CheckHealth(context.config);
  PrintOut(context.json ? AsJson(report, checks) : AsText(report, checks, context.out_is_terminal));
  return report.enforceable ? 0 : 1;
}

}  // namespace

Command DoctorCommand() {
  return {.name = "doctor", .summary = "What of the hood this host can do, found out by doing it; what runs stand on; and what mends the rest",
          .flags = {{.name = "database", .value = "PATH", .help = "Instead: look through this SQLite database for damage, every page of it", .repeated = true},
                    {.name = "watch", .help = "Go on looking, and print a line for each change, until it is interrupted"},
                    {.name = "interval", .value = "SECONDS", .help = "Between the looks of --watch; default: 60"},
                    {.name = "monitor", .help = "One line and an exit code for a monitoring system (Nagios and its like)"},
                    {.name = "json", .help = "As JSON"}},
          .description = "Exits with 0 only if the default isolation can be enforced, whole. What else is looked at: room on the disk, the\n"
                         "clock, the state directory, the latest records, the runtimes, and the databases that runs were given.\n"
                         "--monitor and --watch exit with 0 when all is well, 1 for a warning, 2 for trouble, 3 where it cannot be told;\n"
                         "--database with 0, or 1 where it found damage.",
          .run = RunDoctor};
}

}  // namespace fumehood
