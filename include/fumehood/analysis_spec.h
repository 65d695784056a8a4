// AnalysisSpec: what a user wants run. The same field names in JSON, YAML, TOML, on the command line and in Python.
//
// An optional that is empty means "not said": the profile's limit, and below it the configuration's, is used.
// The meaning, unit and default of each field are in one table, src/spec/fields.h, from which the JSON Schema, `fumehood
// explain` and the manual are made.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace fumehood {

enum class InputMode { kReadOnly, kCopyOnWrite, kCopy };        // "ro", "cow", "copy"
enum class DatabaseMode { kSnapshot, kReadOnly };               // "snapshot", "ro"
enum class NetworkMode { kNone, kHost, kAllow };                // "none", "host", {allow: [...]}

// A value that reaches the run and nothing else: no record, no log, no process list.
struct SecretRef {
  enum class From { kFile, kEnvironment };
  From from = From::kFile;
  std::string name;  // a path, or the name of a variable of the submitter
  bool operator==(const SecretRef&) const = default;
};
using EnvValue = std::variant<std::string, SecretRef>;

struct InputSpec {
  std::string path;
  std::string to;  // where the run sees it; empty: at the same absolute path
  InputMode mode = InputMode::kReadOnly;
  bool operator==(const InputSpec&) const = default;
};

struct DatabaseSpec {
  std::string name;
  std::string path;
  DatabaseMode mode = DatabaseMode::kSnapshot;
  bool operator==(const DatabaseSpec&) const = default;
};

struct NetworkSpec {
  NetworkMode mode = NetworkMode::kNone;
  std::vector<std::string> allow;  // "host:port"
  bool operator==(const NetworkSpec&) const = default;
};

struct RetrySpec {
  int64_t max = 0;
  std::vector<std::string> on;  // reasons
  bool operator==(const RetrySpec&) const = default;
};

// The two other forms of memory_limit_mb: `auto`, and {start, on_oom, max}.
struct MemoryPlan {
  bool automatic = false;  // from past runs; the other members are unused then
  int64_t start_mb = 0;
  std::string on_oom;      // what a retry does with the limit: "x2"
  int64_t max_mb = 0;
  bool operator==(const MemoryPlan&) const = default;
};

struct AnalysisSpec {
  std::string name;                    // default: made from the command
  std::vector<std::string> command;    // argv; a single string in a file becomes {"bash","-euo","pipefail","-c",it} at resolve
  bool command_is_script = false;      // command holds one element, a script for bash
  std::string runtime = "python3";
  std::string profile = "default";

  std::optional<int64_t> memory_limit_mb;
  std::optional<MemoryPlan> memory_plan;  // field `memory_limit_mb` too: one of the two is empty
  std::optional<double> cpu_quota;
  std::optional<int64_t> pids_limit;
  std::optional<int64_t> timeout_seconds;
  std::optional<int64_t> grace_seconds;
  std::optional<int64_t> idle_timeout_seconds;
  std::optional<int64_t> disk_limit_mb;
  std::optional<int64_t> inode_limit;
  std::optional<int64_t> output_limit_mb;

  std::map<std::string, EnvValue> env;
  std::vector<InputSpec> inputs;
  std::vector<std::string> outputs;    // globs; empty: all new or changed files in the work directory
  std::string stdin_path;              // field `stdin`
  std::string workdir;                 // default: the caller's directory
  std::vector<DatabaseSpec> databases;
  std::string provenance_dir;
  std::string log_path;
  NetworkSpec network;
  int64_t gpus = 0;
  int64_t priority = 0;
  std::map<std::string, std::string> labels;
  RetrySpec retries;
  std::string executor;
  std::string checkpoint_dir;
  bool warm = false;
  bool deterministic = false;
  std::vector<std::string> allow_weaker;  // layers of the hood to go on without: see kHoodLayers

  bool operator==(const AnalysisSpec&) const = default;
};

// The layers that `allow_weaker` can name, as `fumehood doctor` prints them.
inline constexpr const char* kHoodLayers[] = {"memory", "cpu", "pids", "namespaces", "filesystem", "privileges",
                                              "seccomp", "landlock", "network", "disk"};

}  // namespace fumehood
