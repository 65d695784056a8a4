#include <fmt/format.h>

#include "src/base/text.h"
#include "src/spec/codec.h"
#include "src/spec/fields.h"
#include "src/spec/names.h"
#include "src/spec/node_reader.h"

namespace fumehood {
namespace {

using ReadField = void (*)(NodeReader&, const Node&, const FieldPath&, AnalysisSpec&);

template <auto kMember>
void ReadText(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  reader.Text(node, path, spec.*kMember);
}

template <auto kMember>
void ReadWhole(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  int64_t value = 0;
  if (reader.Whole(node, path, value)) spec.*kMember = value;
}

template <auto kMember>
void ReadFlag(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  reader.Flag(node, path, spec.*kMember);
}

template <auto kMember>
void ReadTextList(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  reader.TextList(node, path, spec.*kMember);
}

void ReadCpuQuota(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  double value = 0;
  if (reader.Number(node, path, value)) spec.cpu_quota = value;
}

void ReadLabels(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  reader.TextMap(node, path, spec.labels);
}

void ReadCommand(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  if (node.kind == Node::Kind::kList) {
    reader.TextList(node, path, spec.command);
    return;
  }
  if (node.kind != Node::Kind::kString) {
    return reader.Report(node, path, fmt::format("is {}; a list of arguments or one text is needed", Describe(node)));
  }
  spec.command = {node.text};
  spec.command_is_script = true;
}

std::vector<std::string> MemoryPlanNames() { return {"start", "on_oom", "max"}; }

void ReadMemory(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  if (node.kind == Node::Kind::kString && node.text == "auto") {
    spec.memory_plan.emplace().automatic = true;
    return;
  }
  if (node.kind != Node::Kind::kMap) return ReadWhole<&AnalysisSpec::memory_limit_mb>(reader, node, path, spec);
  MemoryPlan plan;
  reader.Record(node, path, MemoryPlanNames, [&](const Node& entry, const FieldPath& below) {
    if (entry.key == "start") return reader.Whole(entry, below, plan.start_mb), true;
    if (entry.key == "on_oom") return reader.Text(entry, below, plan.on_oom), true;
    if (entry.key == "max") return reader.Whole(entry, below, plan.max_mb), true;
    return false;
  });
  spec.memory_plan = plan;
}

std::vector<std::string> SecretNames() { return {"file", "env"}; }

// {secret: {file: PATH}} or {secret: {env: NAME}}. No message shows a value: it may be the secret itself, put in the wrong place.
void ReadSecret(NodeReader& reader, const Node& node, const FieldPath& path, EnvValue& out) {
  const Node* reference = node.items.size() == 1 && node.items[0].key == "secret" ? &node.items[0] : nullptr;
  const bool one_source = reference != nullptr && reference->kind == Node::Kind::kMap && reference->items.size() == 1;
  if (!one_source) {
    return reader.Report(node, path, "is a map; text, {secret: {file: PATH}} or {secret: {env: NAME}} is needed");
  }
  const Node& source = reference->items[0];
  const FieldPath secret_path = path.Key(reference->key);
  const FieldPath source_path = secret_path.Key(source.key);
  if (source.key != "file" && source.key != "env") return reader.ReportUnknown(source, source_path, SecretNames());
  SecretRef secret;
  secret.from = source.key == "file" ? SecretRef::From::kFile : SecretRef::From::kEnvironment;
  if (reader.PrivateText(source, source_path, secret.name)) out = secret;
}

void ReadEnv(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  if (node.kind != Node::Kind::kMap) {
    return reader.Report(node, path, fmt::format("is {}; a map of names to texts is needed", Describe(node)));
  }
  for (const Node& entry : node.items) {
    EnvValue& value = spec.env[entry.key];
    const FieldPath below = path.Key(entry.key);
    if (entry.kind == Node::Kind::kMap) {
      ReadSecret(reader, entry, below, value);
    } else if (std::string text; reader.PrivateText(entry, below, text)) {
      value = text;
    }
  }
}

template <typename Mode>
void ReadMode(NodeReader& reader, const Node& node, const FieldPath& path, std::optional<Mode> (*parse)(std::string_view),
              std::string_view field, Mode& out) {
  std::string text;
  if (!reader.Text(node, path, text)) return;
  if (const std::optional<Mode> mode = parse(text)) {
    out = *mode;
    return;
  }
  const FieldInfo& info = *FindSpecField(field);
  reader.Report(node, path, fmt::format("is {}; allowed: {}{}", ShortQuoted(text), AllowedText(info),
                                        NearestHint(text, SplitWords(info.choices))));
}

template <typename Record, typename ReadRecord>
void ReadRecords(NodeReader& reader, const Node& node, const FieldPath& path, std::vector<Record>& out, ReadRecord read) {
  if (node.kind != Node::Kind::kList) {
    return reader.Report(node, path, fmt::format("is {}; a list of maps is needed", Describe(node)));
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    Record record;
    read(reader, node.items[i], path.Item(i), record);
    out.push_back(std::move(record));
  }
}

void ReadInput(NodeReader& reader, const Node& node, const FieldPath& path, InputSpec& input) {
  const auto names = [] { return RecordFieldNames("inputs"); };
  const bool read = reader.Record(node, path, names, [&](const Node& entry, const FieldPath& below) {
    if (entry.key == "path") return reader.Text(entry, below, input.path), true;
    if (entry.key == "to") return reader.Text(entry, below, input.to), true;
    if (entry.key == "mode") return ReadMode(reader, entry, below, ParseInputMode, "inputs[].mode", input.mode), true;
    return false;
  });
  if (read && FindEntry(node, "path") == nullptr) reader.Report(node, path.Key("path"), "is missing");
}

void ReadInputs(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  ReadRecords(reader, node, path, spec.inputs, ReadInput);
}

void ReadDatabase(NodeReader& reader, const Node& node, const FieldPath& path, DatabaseSpec& database) {
  const auto names = [] { return RecordFieldNames("databases"); };
  const bool read = reader.Record(node, path, names, [&](const Node& entry, const FieldPath& below) {
    if (entry.key == "name") return reader.Text(entry, below, database.name), true;
    if (entry.key == "path") return reader.Text(entry, below, database.path), true;
    if (entry.key == "mode") return ReadMode(reader, entry, below, ParseDatabaseMode, "databases[].mode", database.mode), true;
    return false;
  });
  for (const char* needed : {"name", "path"}) {
    if (read && FindEntry(node, needed) == nullptr) reader.Report(node, path.Key(needed), "is missing");
  }
}

void ReadDatabases(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  ReadRecords(reader, node, path, spec.databases, ReadDatabase);
}

std::vector<std::string> NetworkNames() { return {"allow"}; }

void ReadNetwork(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  if (node.kind == Node::Kind::kMap) {
    spec.network.mode = NetworkMode::kAllow;
    reader.Record(node, path, NetworkNames, [&](const Node& entry, const FieldPath& below) {
      if (entry.key != "allow") return false;
      return reader.TextList(entry, below, spec.network.allow), true;
    });
    return;
  }
  std::string text;
  if (!reader.Text(node, path, text)) return;
  if (text == "none" || text == "host") {
    spec.network.mode = text == "none" ? NetworkMode::kNone : NetworkMode::kHost;
    return;
  }
  reader.Report(node, path, fmt::format("is {}; allowed: {}{}", ShortQuoted(text), AllowedText(*FindSpecField("network")),
                                        NearestHint(text, {"none", "host"})));
}

void ReadRetries(NodeReader& reader, const Node& node, const FieldPath& path, AnalysisSpec& spec) {
  const auto names = [] { return RecordFieldNames("retries"); };
  reader.Record(node, path, names, [&](const Node& entry, const FieldPath& below) {
    if (entry.key == "max") return reader.Whole(entry, below, spec.retries.max), true;
    if (entry.key == "on") return reader.TextList(entry, below, spec.retries.on), true;
    return false;
  });
}

struct FieldReader {
  std::string_view name;
  ReadField read;
};

constexpr FieldReader kReaders[] = {
    {"name", ReadText<&AnalysisSpec::name>},
    {"command", ReadCommand},
    {"runtime", ReadText<&AnalysisSpec::runtime>},
    {"profile", ReadText<&AnalysisSpec::profile>},
    {"memory_limit_mb", ReadMemory},
    {"cpu_quota", ReadCpuQuota},
    {"pids_limit", ReadWhole<&AnalysisSpec::pids_limit>},
    {"timeout_seconds", ReadWhole<&AnalysisSpec::timeout_seconds>},
    {"grace_seconds", ReadWhole<&AnalysisSpec::grace_seconds>},
    {"idle_timeout_seconds", ReadWhole<&AnalysisSpec::idle_timeout_seconds>},
    {"disk_limit_mb", ReadWhole<&AnalysisSpec::disk_limit_mb>},
    {"inode_limit", ReadWhole<&AnalysisSpec::inode_limit>},
    {"output_limit_mb", ReadWhole<&AnalysisSpec::output_limit_mb>},
    {"env", ReadEnv},
    {"inputs", ReadInputs},
    {"outputs", ReadTextList<&AnalysisSpec::outputs>},
    {"stdin", ReadText<&AnalysisSpec::stdin_path>},
    {"workdir", ReadText<&AnalysisSpec::workdir>},
    {"databases", ReadDatabases},
    {"provenance_dir", ReadText<&AnalysisSpec::provenance_dir>},
    {"log_path", ReadText<&AnalysisSpec::log_path>},
    {"network", ReadNetwork},
    {"gpus", ReadWhole<&AnalysisSpec::gpus>},
    {"priority", ReadWhole<&AnalysisSpec::priority>},
    {"labels", ReadLabels},
    {"retries", ReadRetries},
    {"executor", ReadText<&AnalysisSpec::executor>},
    {"checkpoint_dir", ReadText<&AnalysisSpec::checkpoint_dir>},
    {"warm", ReadFlag<&AnalysisSpec::warm>},
    {"deterministic", ReadFlag<&AnalysisSpec::deterministic>},
    {"allow_weaker", ReadTextList<&AnalysisSpec::allow_weaker>},
};

const FieldReader* FindReader(std::string_view name) {
  for (const FieldReader& reader : kReaders) {
    if (reader.name == name) return &reader;
  }
  return nullptr;
}

// `timeout` for timeout_seconds, `memory` for memory_limit_mb: the flag's name used as the field's.
std::string_view FieldOfFlag(std::string_view word) {
  for (const FieldInfo& field : SpecFields()) {
    const std::string_view flag = field.flag.substr(0, field.flag.find(' '));
    if (flag.starts_with("--") && flag.substr(2) == word) return field.name;
  }
  return {};
}

void ReportUnknownField(const Node& entry, const FieldPath& path, ProblemList& problems) {
  std::string hint;
  if (problems.full()) return problems.AddAtKey(path, entry, "");
  if (const std::string_view field = FieldOfFlag(entry.key); !field.empty()) {
    hint = fmt::format("; in a file it is '{}'", field);
  } else {
    hint = NearestHint(entry.key, TopLevelFieldNames());
  }
  if (hint.empty()) hint = "; `fumehood explain --fields` lists them";
  problems.AddAtKey(path, entry, "is not a field of a spec" + hint);
}

}  // namespace

AnalysisSpec DecodeSpec(const Node& document, ProblemList& problems) {
  AnalysisSpec spec;
  const FieldPath top;
  if (document.kind != Node::Kind::kMap) {
    problems.Add(top, document, fmt::format("is {}; a spec is a map of fields, of which `command` is needed", Describe(document)));
    return spec;
  }
  NodeReader reader(problems);
  for (const Node& entry : document.items) {
    const FieldPath path = top.Key(entry.key);
    const FieldReader* field = FindReader(entry.key);
    if (field == nullptr) {
      ReportUnknownField(entry, path, problems);
    } else if (entry.kind != Node::Kind::kNull) {  // an empty value in YAML: not said
      field->read(reader, entry, path, spec);
    }
  }
  return spec;
}

}  // namespace fumehood
