// fumehood verify RUN
#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/run_argument.h"
#include "src/cli/terminal.h"
#include "src/record/json_text.h"
#include "src/record/verify.h"

namespace fumehood {
namespace {

std::string Where(const Finding& finding) {
  std::string where = Quoted(finding.file);
  if (finding.line > 0) where += fmt::format(", line {}", finding.line);
  if (finding.offset >= 0) where += fmt::format(", at byte {}", finding.offset);
  return where;
}

std::string AsText(const RunId& id, const VerifyReport& report, bool on_terminal) {
  std::string text;
  for (const Finding& finding : report.findings) {
    text += fmt::format("{}: {}\n", Painted(Where(finding), Colour::kStrong, on_terminal), finding.problem);
  }
  if (report.chain.ends_torn) text += "'events.jsonl': ends in the middle of a line: its writer was killed there, and one event was lost\n";
  const std::string checked = fmt::format("{} events and {} files ({}) were checked", report.chain.events, report.files_checked,
                                          HumanBytes(report.bytes_checked));
  if (!report.findings.empty()) {
    return text + fmt::format("{}  {}: {} of its records are not as they were written; {}\n",
                              Painted("CHANGED", Colour::kBad, on_terminal), id, report.findings.size(), checked);
  }
  text += fmt::format("{}  {}: {}\n", Painted("INTACT", Colour::kGood, on_terminal), id, checked);
  if (!report.chain.closed) text += "the run has not ended: what it writes from here on is not covered yet\n";
  return text;
}

std::string AsJson(const RunId& id, const VerifyReport& report) {
  JsonWriter json;
  json.BeginObject().Key("run_id").String(id).Key("intact").Bool(report.findings.empty());
  json.Key("findings").BeginArray();
  for (const Finding& finding : report.findings) {
    json.BeginObject();
    WriteText(json, "file", finding.file);
    json.Key("line").Int(finding.line).Key("offset").Int(finding.offset).Key("problem").String(finding.problem).EndObject();
  }
  json.EndArray().Key("events").Int(report.chain.events).Key("closed").Bool(report.chain.closed);
  json.Key("ends_torn").Bool(report.chain.ends_torn).Key("head").String(report.chain.head);
  json.Key("files_checked").Int(report.files_checked).Key("bytes_checked").Int(report.bytes_checked);
  return json.EndObject().Take() + "\n";
}

Result<int> Verify(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const RunId id, RunArgument(arguments, context, "fumehood verify RUN"));
  FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(context.config.state_dir, id));
  FH_ASSIGN_OR_RETURN(const VerifyReport report, VerifyRun(run));
  PrintOut(arguments.Has("json") ? AsJson(id, report) : AsText(id, report, context.out_is_terminal));
  return report.findings.empty() ? 0 : 1;
}

}  // namespace

Command VerifyCommand() {
  return {.name = "verify", .summary = "Check a run's record and outputs against the digests taken when they were written",
          .positional = "RUN", .flags = {{.name = "json", .help = "As JSON"}},
          .description = "Finds any byte that was changed, added or removed in the event log, the logs, the result and the collected\n"
                         "outputs, and says where. Exits with 1 when there is one. A forger who recomputes the whole chain is only\n"
                         "found by its head, kept elsewhere (--json prints it).",
          .run = Verify};
}

}  // namespace fumehood
