// fumehood diff RUN
#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/run_argument.h"
#include "src/cli/run_changes.h"
#include "src/cli/terminal.h"
#include "src/record/json_text.h"

namespace fumehood {
namespace {

Colour ColourOf(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kAdded: return Colour::kGood;
    case ChangeKind::kDeleted: return Colour::kBad;
    default: return Colour::kWarning;
  }
}

// What else there is to say of a change beside its letter and its size.
std::string Remark(const Change& change) {
  std::string remark;
  if (change.now == EntryKind::kSymlink) remark += " -> " + Quoted(change.link_target);
  if (change.kind == ChangeKind::kTypeChanged) remark += fmt::format(" (was a {}, is a {})", Name(change.before), Name(change.now));
  if (change.kind == ChangeKind::kModeChanged) remark += fmt::format(" (mode {:o}, was {:o})", change.mode, change.mode_before);
  if (change.now == EntryKind::kSpecial) remark += " (a FIFO, socket or device: it cannot be brought over)";
  if (change.changed_meanwhile) remark += " (changed in the work directory meanwhile)";
  return remark;
}

std::string AsText(const Difference& difference, bool on_terminal) {
  std::string text;
  for (const Change& change : difference.changes) {
    const std::string size = change.now == EntryKind::kFile ? HumanBytes(change.size_bytes) : "";
    const std::string name = Quoted(change.path) + (change.now == EntryKind::kDirectory ? "/" : "");
    text += fmt::format("{} {:>10}  {}{}\n", Painted(std::string(1, Letter(change.kind)), ColourOf(change.kind), on_terminal), size, name,
                        Remark(change));
  }
  if (difference.changes.empty()) text = "no difference\n";
  if (difference.identical > 0) text += fmt::format("{} more files are in the work directory already, just as the run left them\n", difference.identical);
  return text;
}

std::string AsJson(const RunId& id, const RunChanges& run) {
  JsonWriter json;
  json.BeginObject().Key("run_id").String(id);
  WriteText(json, "workdir", run.workdir);
  json.Key("changes").BeginArray();
  for (const Change& change : run.difference.changes) {
    json.BeginObject();
    WriteText(json, "path", change.path);
    json.Key("change").String(std::string(1, Letter(change.kind))).Key("kind").String(Name(change.now));
    json.Key("size_bytes").Int(change.size_bytes).Key("mode").Int(change.mode);
    if (change.now == EntryKind::kSymlink) WriteText(json, "target", change.link_target);
    json.Key("conflict").Bool(change.changed_meanwhile).EndObject();
  }
  json.EndArray().Key("identical").Int(run.difference.identical).Key("problems").BeginArray();
  for (const auto& [path, why] : run.difference.problems) {
    json.BeginObject();
    WriteText(json, "path", path);
    json.Key("why").String(why).EndObject();
  }
  return json.EndArray().EndObject().Take() + "\n";
}

Result<int> Diff(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const RunId id, RunArgument(arguments, context, "fumehood diff RUN"));
  FH_ASSIGN_OR_RETURN(const RunChanges run, OpenChanges(context.config, id));
  PrintOut(arguments.Has("json") ? AsJson(id, run) : AsText(run.difference, context.out_is_terminal));
  if (context.json) return 0;  // it has them
  for (const auto& [path, why] : run.difference.problems) PrintErr(fmt::format("fumehood: {} could not be compared: {}\n", Quoted(path), why));
  return 0;
}

}  // namespace

Command DiffCommand() {
  return {.name = "diff", .summary = "What a run wrote, against the work directory as it is now", .positional = "RUN",
          .flags = {{.name = "json", .help = "As JSON"}},
          .description = "A added, M modified, D deleted, T of another type, P with other permissions. A run that has not ended is\n"
                         "compared as far as it has come.",
          .run = Diff};
}

}  // namespace fumehood
