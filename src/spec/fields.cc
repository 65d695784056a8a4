#include "src/spec/fields.h"

#include "fumehood/config.h"
#include "src/base/text.h"
#include "src/spec/limits.h"

namespace fumehood {
namespace {

constexpr std::string_view kProfile = "the profile's";

constexpr FieldInfo kFields[] = {
    {"name", Shape::kText, "", "", "made from the command", "at most 255 bytes, no control characters", "", "--name NAME",
     "What the run is called wherever people see it."},
    {"command", Shape::kCommand, "", "", "none: it is required", "", "", "-- CMD...",
     "What to run: a list of arguments, or one text that bash runs with -euo pipefail -c."},
    {"runtime", Shape::kText, "", "\"python3\"", "", "a name in the catalog: see fumehood runtimes", "", "--runtime NAME",
     "The software environment."},
    {"profile", Shape::kText, "", "\"default\"", "", "default, notebook, post_process, tool, or a profile of the configuration", "",
     "--profile NAME", "A named set of the limits below; a limit that the spec gives itself wins."},
    {"memory_limit_mb", Shape::kMemory, "MiB", "", kProfile, "", "", "--memory MIB",
     "RAM of all processes together; swap does not come on top. {start, on_oom, max}: a run that ran out of memory is tried again with "
     "more, up to max; auto takes it from past runs."},
    {"cpu_quota", Shape::kNumber, "cores", "", kProfile, "", "", "--cpus N", "Processor time: 0.5 is half a core, 4 is four."},
    {"pids_limit", Shape::kWhole, "", "", kProfile, "", "", "--pids N", "Processes and threads at once."},
    {"timeout_seconds", Shape::kWhole, "s", "", kProfile, "", "", "--timeout SECONDS",
     "Wall clock; then SIGTERM, and after grace_seconds SIGKILL."},
    {"grace_seconds", Shape::kWhole, "s", "", kProfile, "", "", "--grace SECONDS", "Time between SIGTERM and SIGKILL."},
    {"idle_timeout_seconds", Shape::kWhole, "s", "", kProfile, "", "", "--idle-timeout SECONDS",
     "Ends a run that has used no processor and written no output for so long; 0 is off."},
    {"disk_limit_mb", Shape::kWhole, "MiB", "", kProfile, "", "", "--disk MIB", "What the run may write."},
    {"inode_limit", Shape::kWhole, "", "", kProfile, "", "", "--inodes N", "Files that the run may make."},
    {"output_limit_mb", Shape::kWhole, "MiB", "", kProfile, "", "", "--output-limit MIB",
     "Kept of stdout and of stderr: the first half and the last half. 0 keeps all, within disk_limit_mb. A run is never ended "
     "for what it prints."},
    {"env", Shape::kEnv, "", "{}", "", "names of letters, digits and _; none begins with FUMEHOOD_", "", "--env K=V",
     "Variables set in the run. A value may be {secret: {file: PATH}} or {secret: {env: NAME}}: it reaches the run and is in no "
     "record, log or process list."},
    {"inputs", Shape::kRecords, "", "[]", "", "", "", "--input PATH[:TO[:MODE]]", "Files and directories that the run sees."},
    {"inputs[].path", Shape::kPath, "", "", "none: it is required", "", "", "", "Where it is on this machine."},
    {"inputs[].to", Shape::kPath, "", "", "the same absolute path", "absolute, or relative to the work directory; not in a system directory",
     "", "", "Where the run sees it."},
    {"inputs[].mode", Shape::kChoice, "", "\"ro\"", "", "", "ro cow copy", "",
     "ro: cannot be changed; cow: changes are caught in the run directory; copy: copied before the start."},
    {"outputs", Shape::kTextList, "", "", "all new or changed files in the work directory", "globs within the work directory", "",
     "--output GLOB", "What is collected at the end. One that is not there fails the run with output_missing."},
    {"stdin", Shape::kPath, "", "", "run: the caller's; submit: empty", "", "", "--stdin PATH", "File that the run reads as its standard input."},
    {"workdir", Shape::kPath, "", "", "the caller's directory", "", "", "--workdir PATH",
     "Where the run starts. It sees the directory through copy-on-write: the original never changes."},
    {"databases", Shape::kRecords, "", "[]", "", "", "", "--db NAME=PATH[:MODE]",
     "SQLite databases; the run finds each by the variable FUMEHOOD_DB_<NAME>, in capitals."},
    {"databases[].name", Shape::kText, "", "", "none: it is required", "letters, digits and _, not a digit first", "", "", "Part of the variable."},
    {"databases[].path", Shape::kPath, "", "", "none: it is required", "", "", "", "Where it is on this machine."},
    {"databases[].mode", Shape::kChoice, "", "\"snapshot\"", "", "", "snapshot ro", "",
     "snapshot: a consistent copy, also while others write; ro: the file itself, which must be at rest."},
    {"provenance_dir", Shape::kPath, "", "", "in the run directory", "", "", "--provenance-dir PATH", "Where the run's provenance is written."},
    {"log_path", Shape::kPath, "", "", "in the run directory", "", "", "--log PATH", "An extra copy of the execution log."},
    {"network", Shape::kNetwork, "", "\"none\"", "", "none, host, or {allow: [HOST:PORT, ...]}", "", "--network none|host|HOST:PORT,...",
     "none: no network at all; host: this machine's, with all that can be reached there; allow: only what is listed."},
    {"gpus", Shape::kWhole, "", "0", "", "0 to 64", "", "--gpus N", "Graphics processors."},
    {"priority", Shape::kWhole, "", "0", "", "-1000 to 1000", "", "--priority N", "Higher starts first."},
    {"labels", Shape::kTextMap, "", "{}", "", "keys of letters, digits and . _ - /, at most 128; values at most 1024 bytes", "",
     "--label K=V", "Your own marks, to find runs by."},
    {"retries", Shape::kRecord, "", "{}", "", "", "", "", "Whether a failed run is tried again."},
    {"retries.max", Shape::kWhole, "", "0", "", "0 to 100", "", "", "Tries after the first."},
    {"retries.on", Shape::kTextList, "", "[]", "", "reasons, such as memory_limit", "", "", "Reasons that are worth a retry."},
    {"executor", Shape::kText, "", "", "the configured one", "local, container, cloud, kubernetes or slurm", "", "--executor NAME", "Where to run."},
    {"checkpoint_dir", Shape::kPath, "", "", "none", "", "", "", "Directory that outlives an attempt, for checkpoints."},
    {"warm", Shape::kFlag, "", "false", "", "", "", "--warm", "Start from an interpreter that waits ready."},
    {"deterministic", Shape::kFlag, "", "false", "", "", "", "--deterministic", "Fix the seeds, clocks and thread counts that make results differ."},
    {"allow_weaker", Shape::kTextList, "", "[]", "", "memory, cpu, pids, namespaces, filesystem, privileges, seccomp, landlock, network, disk",
     "", "--allow-weaker LAYER", "Layers of the hood to go on without where this host lacks them. The record says so."},
};

std::string ChoicesText(std::string_view choices) {
  std::vector<std::string> words = SplitWords(choices);
  const std::string last = words.back();
  words.pop_back();
  return Join(words, ", ") + " or " + last;
}

}  // namespace

std::span<const FieldInfo> SpecFields() { return kFields; }

const FieldInfo* FindSpecField(std::string_view name) {
  for (const FieldInfo& field : kFields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

std::vector<std::string> TopLevelFieldNames() {
  std::vector<std::string> names;
  for (const FieldInfo& field : kFields) {
    if (field.name.find('.') == std::string_view::npos) names.emplace_back(field.name);
  }
  return names;
}

std::vector<std::string> RecordFieldNames(std::string_view record) {
  std::vector<std::string> names;
  for (const FieldInfo& field : kFields) {
    if (!field.name.starts_with(record)) continue;
    const std::string_view rest = field.name.substr(record.size());
    const size_t skip = rest.starts_with("[].") ? 3 : rest.starts_with(".") ? 1 : 0;
    if (skip > 0) names.emplace_back(rest.substr(skip));
  }
  return names;
}

std::string TypeText(const FieldInfo& field) {
  const auto type = [&]() -> std::string {
    switch (field.shape) {
      case Shape::kText: return "text";
      case Shape::kPath: return "path";
      case Shape::kWhole: return "integer";
      case Shape::kNumber: return "number";
      case Shape::kFlag: return "true or false";
      case Shape::kChoice: return "text";
      case Shape::kTextList: return "list of text";
      case Shape::kTextMap: return "map to text";
      case Shape::kCommand: return "list of text, or text";
      case Shape::kMemory: return "integer, auto, or {start, on_oom, max}";
      case Shape::kEnv: return "map to text or {secret: ...}";
      case Shape::kNetwork: return "text or {allow: list of text}";
      case Shape::kRecord: return "map";
      case Shape::kRecords: return "list of maps";
    }
    return "";
  };
  return field.unit.empty() ? type() : type() + ", " + std::string(field.unit);
}

std::string DefaultText(const FieldInfo& field) {
  if (field.default_value.empty()) return std::string(field.default_words);
  std::string_view value = field.default_value;
  if (value.starts_with('"')) value = value.substr(1, value.size() - 2);
  return value == "[]" || value == "{}" ? "none" : std::string(value);
}

std::string AllowedText(const FieldInfo& field) {
  if (!field.choices.empty()) return ChoicesText(field.choices);
  if (const LimitField* limit = FindLimitField(field.name)) return RangeText(*limit, kHighestLimits);
  return std::string(field.allowed);
}

}  // namespace fumehood
