#include "src/cli/doctor_database.h"

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/terminal.h"
#include "src/health/check_database.h"
#include "src/record/json_text.h"

namespace fumehood {
namespace {

std::string AsText(const DatabaseReport& report, bool on_terminal) {
  const DatabaseFindings& findings = report.findings;
  const bool good = findings.damage.empty();
  std::string text = fmt::format("{}  {}{}\n", good ? Painted("ok     ", Colour::kGood, on_terminal) : Painted("DAMAGED", Colour::kBad, on_terminal),
                                 Quoted(report.path), report.by_copy ? " (a copy of it: it was in use)" : "");
  for (const std::string& finding : findings.damage) text += fmt::format("         {}\n", Quoted(finding));
  for (const std::string& finding : findings.other) text += fmt::format("         no damage, but: {}\n", Quoted(finding));
  if (!good) {
    text += fmt::format("         to mend: go back to a good copy, or save what can be read: {}\n",
                        Painted("sqlite3 " + Quoted(report.path) + " .recover | sqlite3 saved.sqlite", Colour::kStrong, on_terminal));
  }
  return text;
}

void Write(JsonWriter& json, const DatabaseReport& report) {
  json.BeginObject();
  WriteText(json, "path", report.path);
  json.Key("good").Bool(report.findings.damage.empty()).Key("sha256").String(report.sha256).Key("by_copy").Bool(report.by_copy);
  json.Key("damage").BeginArray();
  for (const std::string& finding : report.findings.damage) json.String(finding);
  json.EndArray().Key("other").BeginArray();
  for (const std::string& finding : report.findings.other) json.String(finding);
  json.EndArray().EndObject();
}

}  // namespace

Result<int> DoctorOfDatabases(const std::vector<std::string>& paths, const Context& context) {
  JsonWriter json;
  std::string text;
  int code = 0;
  json.BeginObject().Key("databases").BeginArray();
  for (const std::string& path : paths) {
    FH_ASSIGN_OR_RETURN(const DatabaseReport report, CheckDatabaseFile(path, context.config));
    if (!report.findings.damage.empty()) code = kExitIncomplete;
    text += AsText(report, context.out_is_terminal);
    Write(json, report);
  }
  json.EndArray().EndObject();
  PrintOut(context.json ? json.Take() + "\n" : text);
  return code;
}

}  // namespace fumehood
