#include "src/executor/local/activate.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/executor/local/trial_run.h"
#include "src/runtime/activation_cache.h"
#include "src/runtime/find_runtime.h"

namespace fumehood {
namespace {

constexpr const char* kDump = "activation.dump";

AnalysisSpec SpecFor(const CatalogEntry& entry, const ActivationScript& script, const Config& config) {
  AnalysisSpec spec;
  spec.name = "activation of " + entry.name;
  // A run's only way out is a file.
  spec.command = {"/bin/bash", "-c", fmt::format("exec \"$@\" {}>{}", script.dump_fd, kDump), "activation"};
  spec.command.insert(spec.command.end(), script.argv.begin(), script.argv.end());
  spec.outputs = {kDump};
  spec.timeout_seconds = std::min<int64_t>(script.time_limit.count() + 1, config.maximum.timeout_seconds);
  spec.grace_seconds = 1;
  spec.memory_limit_mb = std::min<int64_t>(1024, config.maximum.memory_limit_mb);
  spec.allow_weaker.assign(std::begin(kHoodLayers), std::end(kHoodLayers));
  return spec;
}

}  // namespace

Result<void> ActivateRuntime(const CatalogEntry& entry, const Config& config, const Submitter& submitter) {
  const Catalog catalog(config.state_dir);
  const RuntimeSource* source = LocalSource(entry);
  if (source == nullptr || source->kind != RuntimeKind::kConda) return {};
  FH_ASSIGN_OR_RETURN(Runtime runtime, RuntimeOf(entry));
  const auto run = [&](const ActivationScript& script) -> Result<std::string> {
    runtime.only_env = true;
    runtime.env = script.environment;
    const auto path = script.environment.find("PATH");
    if (path != script.environment.end()) runtime.path = Split(path->second, ':');
    FH_ASSIGN_OR_RETURN(const TrialEnd end, MakeTrialRun(SpecFor(entry, script, config), config, submitter, &runtime));
    const auto dump = end.outputs.find(kDump);
    if (end.result.status == RunStatus::kCompleted && dump != end.outputs.end()) return dump->second;
    if (dump != end.outputs.end() && end.result.reason == Reason::kSignaled) return dump->second;  // which script it was, it tells
    return Error(ErrorCode::kUnavailable, fmt::format("{} {}", end.result.completion_notes, end.err.substr(0, 500)));
  };
  FH_ASSIGN_OR_RETURN(const Fd own, catalog.OpenOwnDir(entry.name));
  auto difference = ActivateKept(own.get(), ActivationOf(*source), run);
  if (!difference) return std::move(difference).error().Within("runtime_unhealthy: activate the runtime " + entry.name);
  return {};
}

}  // namespace fumehood
