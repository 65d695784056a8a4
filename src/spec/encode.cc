#include "src/spec/codec.h"
#include "src/spec/names.h"

namespace fumehood {
namespace {

Node TextListNode(const std::vector<std::string>& texts) {
  Node list = ListNode();
  for (const std::string& text : texts) list.items.push_back(TextNode(text));
  return list;
}

Node CommandNode(const AnalysisSpec& spec) {
  return spec.command_is_script && spec.command.size() == 1 ? TextNode(spec.command[0]) : TextListNode(spec.command);
}

Node MemoryPlanNode(const MemoryPlan& plan) {
  if (plan.automatic) return TextNode("auto");
  Node map = MapNode();
  AddEntry(map, "start", IntNode(plan.start_mb));
  AddEntry(map, "on_oom", TextNode(plan.on_oom));
  AddEntry(map, "max", IntNode(plan.max_mb));
  return map;
}

// A secret is written as the reference that the user gave; its value is never here.
Node EnvValueNode(const EnvValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return TextNode(*text);
  const SecretRef& secret = std::get<SecretRef>(value);
  Node source = MapNode();
  AddEntry(source, secret.from == SecretRef::From::kFile ? "file" : "env", TextNode(secret.name));
  Node map = MapNode();
  AddEntry(map, "secret", std::move(source));
  return map;
}

Node InputNode(const InputSpec& input) {
  Node map = MapNode();
  AddEntry(map, "path", TextNode(input.path));
  if (!input.to.empty()) AddEntry(map, "to", TextNode(input.to));
  AddEntry(map, "mode", TextNode(Name(input.mode)));
  return map;
}

Node DatabaseNode(const DatabaseSpec& database) {
  Node map = MapNode();
  AddEntry(map, "name", TextNode(database.name));
  AddEntry(map, "path", TextNode(database.path));
  AddEntry(map, "mode", TextNode(Name(database.mode)));
  return map;
}

Node NetworkNode(const NetworkSpec& network) {
  if (network.mode != NetworkMode::kAllow) return TextNode(Name(network.mode));
  Node map = MapNode();
  AddEntry(map, "allow", TextListNode(network.allow));
  return map;
}

Node RetriesNode(const RetrySpec& retries) {
  Node map = MapNode();
  if (retries.max != 0) AddEntry(map, "max", IntNode(retries.max));
  if (!retries.on.empty()) AddEntry(map, "on", TextListNode(retries.on));
  return map;
}

// Adds fields to the document, each only where it differs from what a spec without it has.
class Encoder {
 public:
  explicit Encoder(const AnalysisSpec& spec) : spec_(spec) {}

  void Text(const char* name, std::string AnalysisSpec::*member) {
    if (spec_.*member != defaults_.*member) Add(name, TextNode(spec_.*member));
  }
  void Whole(const char* name, int64_t AnalysisSpec::*member) {
    if (spec_.*member != defaults_.*member) Add(name, IntNode(spec_.*member));
  }
  void Limit(const char* name, std::optional<int64_t> AnalysisSpec::*member) {
    if (spec_.*member) Add(name, IntNode(*(spec_.*member)));
  }
  void Flag(const char* name, bool AnalysisSpec::*member) {
    if (spec_.*member != defaults_.*member) Add(name, BoolNode(spec_.*member));
  }
  void TextList(const char* name, std::vector<std::string> AnalysisSpec::*member) {
    if (!(spec_.*member).empty()) Add(name, TextListNode(spec_.*member));
  }
  template <typename Record>
  void Records(const char* name, const std::vector<Record>& records, Node (*encode)(const Record&)) {
    if (records.empty()) return;
    Node list = ListNode();
    for (const Record& record : records) list.items.push_back(encode(record));
    Add(name, std::move(list));
  }
  template <typename Value, typename Encode>
  void Map(const char* name, const std::map<std::string, Value>& values, Encode encode) {
    if (values.empty()) return;
    Node map = MapNode();
    for (const auto& [key, value] : values) AddEntry(map, key, encode(value));
    Add(name, std::move(map));
  }
  void Add(const char* name, Node value) { AddEntry(document_, name, std::move(value)); }
  Node Take() { return std::move(document_); }

 private:
  const AnalysisSpec& spec_;  // not owned
  const AnalysisSpec defaults_;
  Node document_ = MapNode();
};

void EncodeLimits(const AnalysisSpec& spec, Encoder& out) {
  out.Limit("memory_limit_mb", &AnalysisSpec::memory_limit_mb);
  if (spec.memory_plan && !spec.memory_limit_mb) out.Add("memory_limit_mb", MemoryPlanNode(*spec.memory_plan));
  if (spec.cpu_quota) out.Add("cpu_quota", DoubleNode(*spec.cpu_quota));
  out.Limit("pids_limit", &AnalysisSpec::pids_limit);
  out.Limit("timeout_seconds", &AnalysisSpec::timeout_seconds);
  out.Limit("grace_seconds", &AnalysisSpec::grace_seconds);
  out.Limit("idle_timeout_seconds", &AnalysisSpec::idle_timeout_seconds);
  out.Limit("disk_limit_mb", &AnalysisSpec::disk_limit_mb);
  out.Limit("inode_limit", &AnalysisSpec::inode_limit);
  out.Limit("output_limit_mb", &AnalysisSpec::output_limit_mb);
}

void EncodeFiles(const AnalysisSpec& spec, Encoder& out) {
  out.Records("inputs", spec.inputs, InputNode);
  out.TextList("outputs", &AnalysisSpec::outputs);
  out.Text("stdin", &AnalysisSpec::stdin_path);
  out.Text("workdir", &AnalysisSpec::workdir);
  out.Records("databases", spec.databases, DatabaseNode);
  out.Text("provenance_dir", &AnalysisSpec::provenance_dir);
  out.Text("log_path", &AnalysisSpec::log_path);
}

}  // namespace

Node EncodeSpec(const AnalysisSpec& spec) {
  Encoder out(spec);
  out.Text("name", &AnalysisSpec::name);
  if (!spec.command.empty()) out.Add("command", CommandNode(spec));
  out.Text("runtime", &AnalysisSpec::runtime);
  out.Text("profile", &AnalysisSpec::profile);
  EncodeLimits(spec, out);
  out.Map("env", spec.env, EnvValueNode);
  EncodeFiles(spec, out);
  if (spec.network != NetworkSpec()) out.Add("network", NetworkNode(spec.network));
  out.Whole("gpus", &AnalysisSpec::gpus);
  out.Whole("priority", &AnalysisSpec::priority);
  out.Map("labels", spec.labels, [](const std::string& value) { return TextNode(value); });
  if (spec.retries != RetrySpec()) out.Add("retries", RetriesNode(spec.retries));
  out.Text("executor", &AnalysisSpec::executor);
  out.Text("checkpoint_dir", &AnalysisSpec::checkpoint_dir);
  out.Flag("warm", &AnalysisSpec::warm);
  out.Flag("deterministic", &AnalysisSpec::deterministic);
  out.TextList("allow_weaker", &AnalysisSpec::allow_weaker);
  return out.Take();
}

}  // namespace fumehood
