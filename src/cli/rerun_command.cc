// fumehood rerun RUN: a new run from the spec of an old one.
#include <algorithm>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/run_argument.h"
#include "src/cli/terminal.h"
#include "src/record/read_result.h"
#include "src/record/json_reader.h"
#include "src/record/run_dir.h"
#include "src/spec/import.h"
#include "src/spec/parse.h"
#include "src/spec/print.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

struct Repeated {
  AnalysisSpec spec;
  std::string cwd;  // of who submitted it: what its relative paths are relative to
};

Result<Repeated> FindRun(const std::string& state_dir, const RunId& id) {
  if (const auto entry = ReadQueueEntry(state_dir, id)) return Repeated{entry->spec, entry->submitter.cwd};
  FH_ASSIGN_OR_RETURN(const RunDir run, OpenRunDir(state_dir, id));
  Repeated repeated;
  FH_ASSIGN_OR_RETURN(const std::string spec, ReadFile(run.fd.get(), layout::kSpec));
  FH_ASSIGN_OR_RETURN(repeated.spec, ParseSpec(spec, Format::kJson, layout::kSpec));
  FH_ASSIGN_OR_RETURN(const std::string events, ReadFile(run.fd.get(), layout::kEvents, size_t{256} << 20));
  FH_ASSIGN_OR_RETURN(JsonReader submitted, JsonReader::Parse(std::string_view(events).substr(0, events.find('\n'))));
  // A record of before this was kept: there the work directory is the best that is known.
  repeated.cwd = submitted.Has("cwd") ? submitted.Text("cwd") : submitted.String("workdir");
  return repeated;
}

Node* FindOrAdd(Node& map, const std::string& key) {
  for (Node& entry : map.items) {
    if (entry.key == key) return &entry;
  }
  Node entry;
  entry.key = key;
  map.items.push_back(std::move(entry));
  return &map.items.back();
}

// "env.SEED=7": the value is YAML, so 7 is a number, "7" a text, [a, b] a list.
void Replace(Node& document, const std::string& text, std::vector<Problem>& problems) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    problems.push_back({"", fmt::format("is {}; FIELD=VALUE is needed, such as memory_limit_mb=4096 or env.SEED=7", Quoted(text)), "--with", 0, 0});
    return;
  }
  const std::vector<std::string> path = Split(text.substr(0, equals), '.');
  ProblemList found("--with " + text.substr(0, equals));
  auto value = ImportDocument("v: " + text.substr(equals + 1) + "\n", Format::kYaml, found);
  for (Problem& problem : found.Take()) problems.push_back(std::move(problem));
  if (!value || value->items.size() != 1) return;
  Node* at = &document;
  for (size_t i = 0; i < path.size(); ++i) {
    if (at->kind != Node::Kind::kMap) {
      if (i == 0) return;
      at->items.clear();
      at->kind = Node::Kind::kMap;
    }
    const bool is_new = std::none_of(at->items.begin(), at->items.end(), [&](const Node& entry) { return entry.key == path[i]; });
    at = FindOrAdd(*at, path[i]);
    if (is_new && i + 1 < path.size()) at->kind = Node::Kind::kMap;
  }
  std::string key = at->key;
  *at = std::move(value->items[0]);
  at->key = std::move(key);
}

Result<AnalysisSpec> Changed(const AnalysisSpec& spec, const Arguments& arguments, const Config& config) {
  if (!arguments.Has("with")) return spec;
  ProblemList found("the record");
  auto document = ImportDocument(PrintSpec(spec, Format::kJson), Format::kJson, found);
  if (!document) return Error(ErrorCode::kCorrupt, "the spec of the run cannot be read");
  std::vector<Problem> problems;
  for (const std::string& text : arguments.Values("with")) Replace(*document, text, problems);
  if (!problems.empty()) return Error("the command line has problems", std::move(problems));
  auto changed = CheckSpec(PrintJson(*document), Format::kJson, "--with", config);
  if (changed) return changed;
  // Nobody sees the text that lines and columns are of.
  std::vector<Problem> told = changed.error().problems();
  for (Problem& problem : told) problem = {"--with " + problem.field, problem.message, "", 0, 0};
  return Error("the changes have problems", std::move(told));
}

Result<int> Rerun(const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const RunId id, RunArgument(arguments, context, "fumehood rerun RUN"));
  FH_ASSIGN_OR_RETURN(const Repeated repeated, FindRun(context.config.state_dir, id));
  FH_ASSIGN_OR_RETURN(const AnalysisSpec spec, Changed(repeated.spec, arguments, context.config));
  Engine engine(context.config, {repeated.cwd, context.submitter.env});
  FH_ASSIGN_OR_RETURN(const Submitted submitted, engine.Submit(spec, {.rerun_of = id}));
  JsonWriter json;
  json.BeginObject().Key("run_id").String(submitted.id).Key("rerun_of").String(id).Key("waits").String(submitted.why_it_waits).EndObject();
  PrintOut((context.json ? json.text() : submitted.id) + "\n");
  if (!submitted.why_it_waits.empty() && !context.json) PrintErr("fumehood: it waits in the queue: " + submitted.why_it_waits + "\n");
  return 0;
}

}  // namespace

Command RerunCommand() {
  return {.name = "rerun", .summary = "Run an analysis once more, as it was or with changes; prints the new run's id", .positional = "RUN",
          .flags = {{.name = "with", .value = "FIELD=VALUE", .help = "Another value for a field of the spec: memory_limit_mb=4096, env.SEED=7", .repeated = true},
                    {.name = "json", .help = "As JSON"}},
          .description = "The new run has a record of its own, which names the old one. What the old one was given is looked up again: an input or\n"
                         "a runtime that changed since is as it is now, and the record says so.",
          .run = Rerun};
}

}  // namespace fumehood
