#include "src/store/suggest.h"

#include <fcntl.h>

#include "src/record/tree_walk.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr int64_t kLatestRuns = 200;

class Sizes : public TreeVisitor {
 public:
  Result<void> Entry(int, const std::string&, const struct stat& info) override {
    if (S_ISREG(info.st_mode)) bytes += info.st_size;
    return {};
  }
  Result<bool> Directory(int, const std::string&, const struct stat&) override { return true; }
  Result<void> Entered(int, const struct stat&) override { return {}; }
  void Left() override {}
  void Problem(const std::string&, const Error&) override {}

  int64_t bytes = 0;
};

// -1: not there.
int64_t BytesOf(const std::string& path) {
  const auto info = FindStat(kHere, path, true);
  if (!info || !*info) return -1;
  if (!S_ISDIR((*info)->st_mode)) return (*info)->st_size;
  const auto dir = OpenDir(kHere, path);
  if (!dir) return -1;
  Sizes sizes;
  return WalkTree(dir->get(), WalkOrder::kAny, sizes) ? sizes.bytes : -1;
}

}  // namespace

int64_t InputBytesOf(const AnalysisSpec& spec, const std::string& directory) {
  std::vector<std::string> paths;
  for (const InputSpec& input : spec.inputs) paths.push_back(input.path);
  for (const DatabaseSpec& database : spec.databases) paths.push_back(database.path);
  int64_t bytes = 0;
  for (const std::string& path : paths) {
    const int64_t one = BytesOf(path.starts_with('/') ? path : directory + "/" + path);
    if (one < 0) return -1;
    bytes += one;
  }
  return bytes;
}

PredictRules RulesOf(const Config& config) {
  PredictRules rules;
  rules.memory_most_mb = config.maximum.memory_limit_mb;
  rules.timeout_most_s = config.maximum.timeout_seconds;
  rules.pids_most = config.maximum.pids_limit;
  rules.cpu_most = config.maximum.cpu_quota;
  return rules;
}

Result<Suggestion> SuggestFor(Store& store, const AnalysisSpec& spec, const std::string& directory, const Config& config) {
  Suggestion suggestion{.analysis = AnalysisFingerprint(spec), .input_bytes = InputBytesOf(spec, directory)};
  RunQuery query;
  query.filter.analysis = suggestion.analysis;
  query.filter.ended = true;
  query.limit = kLatestRuns;
  FH_ASSIGN_OR_RETURN(const RunPage page, store.List(query));
  std::vector<PastRun> past;
  for (const RunRow& row : page.rows) past.push_back(PastRunOf(row));
  suggestion.past_runs = static_cast<int64_t>(past.size());
  suggestion.prediction = Predict(past, suggestion.input_bytes, RulesOf(config));
  return suggestion;
}

Result<std::optional<AutomaticMemory>> MemoryFromHistory(const AnalysisSpec& spec, const std::string& directory, const Config& config) {
  FH_ASSIGN_OR_RETURN(Store store, Store::Open(config.state_dir));
  FH_ASSIGN_OR_RETURN(const Suggestion suggestion, SuggestFor(store, spec, directory, config));
  if (!suggestion.prediction) return std::optional<AutomaticMemory>();
  return std::optional(AutomaticMemory{suggestion.prediction->memory_limit_mb, suggestion.prediction->Evidence()});
}

}  // namespace fumehood
