// fumehood doctor
#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/terminal.h"
#include "src/health/doctor.h"

namespace fumehood {
namespace {

std::string AsText(const DoctorReport& report, bool on_terminal) {
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
  return text + (report.enforceable ? "\nThis host can enforce the default isolation.\n"
                                    : "\nThis host cannot enforce the default isolation: runs are refused unless they allow what is missing by "
                                      "name (--allow-weaker LAYER).\n");
}

std::string AsJson(const DoctorReport& report) {
  JsonWriter json;
  json.BeginObject().Key("enforceable").Bool(report.enforceable).Key("layers").BeginArray();
  for (const LayerReport& layer : report.layers) {
    json.BeginObject().Key("layer").String(layer.layer).Key("good").Bool(layer.good).Key("found").String(layer.found);
    json.Key("mend").String(layer.mend).EndObject();
  }
  return json.EndArray().EndObject().Take() + "\n";
}

Result<int> RunDoctor(const Arguments& arguments, Context& context) {
  if (!arguments.positional.empty()) {
    return Error(ErrorCode::kInvalidArgument, Quoted(arguments.positional[0]) + ": doctor takes flags only");
  }
  const DoctorReport report = ExamineHost(context.config, context.submitter);
  PrintOut(arguments.Has("json") ? AsJson(report) : AsText(report, context.out_is_terminal));
  return report.enforceable ? 0 : 1;
}

}  // namespace

Command DoctorCommand() {
  return {.name = "doctor", .summary = "What of the hood this host can do, found out by doing it, and what mends the rest",
          .flags = {{.name = "json", .help = "As JSON"}},
          .description = "Exits with 0 only if the default isolation can be enforced, whole.", .run = RunDoctor};
}

}  // namespace fumehood
