#include <fmt/format.h>

#include "fumehood/run_result.h"
#include "src/spec/limits.h"
#include "src/spec/rules.h"

namespace fumehood {
namespace {

// The bounds that the table of fields states for people.
constexpr int64_t kMaxGpus = 64;
constexpr int64_t kMaxPriority = 1000;
constexpr int64_t kMaxRetries = 100;

void CheckCount(const char* field, int64_t value, int64_t lowest, int64_t highest, ProblemList& problems) {
  if (value >= lowest && value <= highest) return;
  problems.Add(field, fmt::format("is {}; allowed: {} to {}", value, lowest, highest));
}

std::string OutOfRange(const std::string& value, const LimitField& field, const Config& config) {
  std::string message = fmt::format("is {}; allowed: {}", value, RangeText(field, config.maximum));
  if (field.zero_lifts) message += ", where 0 means no limit";
  const bool tightened = GetLimit(config.maximum, field) < GetLimit(kHighestLimits, field);
  return tightened ? message + " (the maximum is set by the configuration)" : message;
}

std::vector<std::string> ReasonNames() {
  std::vector<std::string> names;
  for (int i = static_cast<int>(Reason::kExited); i <= static_cast<int>(Reason::kEngineError); ++i) {
    names.emplace_back(Name(static_cast<Reason>(i)));
  }
  return names;
}

}  // namespace

void LimitsAreInRange(const AnalysisSpec& spec, const Config& config, ProblemList& problems) {
  for (const LimitField& field : kLimitFields) {
    if (field.whole != nullptr) {
      const std::optional<int64_t>& value = spec.*field.spec_whole;
      if (!value || IsInRange(field, static_cast<double>(*value), config.maximum)) continue;
      problems.Add(std::string(field.name), OutOfRange(fmt::format("{}", *value), field, config));
    } else {
      const std::optional<double>& value = spec.*field.spec_real;
      if (!value || IsInRange(field, *value, config.maximum)) continue;
      problems.Add(std::string(field.name), OutOfRange(fmt::format("{}", *value), field, config));
    }
  }
}

void MemoryPlanIsSound(const AnalysisSpec& spec, const Config& config, ProblemList& problems) {
  if (!spec.memory_plan) return;
  const MemoryPlan& plan = *spec.memory_plan;
  if (spec.memory_limit_mb) problems.Add("memory_limit_mb", "is given both as a number and as a plan; one of them is needed");
  if (plan.automatic) return;
  const LimitField& field = *FindLimitField("memory_limit_mb");
  for (const auto& [name, value] : {std::pair("memory_limit_mb.start", plan.start_mb), std::pair("memory_limit_mb.max", plan.max_mb)}) {
    if (!IsInRange(field, static_cast<double>(value), config.maximum)) {
      problems.Add(name, OutOfRange(fmt::format("{}", value), field, config));
    }
  }
  if (plan.start_mb > plan.max_mb) problems.Add("memory_limit_mb.start", fmt::format("is {}, above max, which is {}", plan.start_mb, plan.max_mb));
  const bool factor = plan.on_oom.size() >= 2 && plan.on_oom.size() <= 3 && plan.on_oom[0] == 'x' && plan.on_oom[1] >= '2' &&
                      plan.on_oom[1] <= '9' && plan.on_oom.find_first_not_of("0123456789", 1) == std::string::npos;
  if (!factor) problems.Add("memory_limit_mb.on_oom", fmt::format("is {}; allowed: x2 and the like", ShortQuoted(plan.on_oom)));
}

void CountsAreInRange(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  CheckCount("gpus", spec.gpus, 0, kMaxGpus, problems);
  CheckCount("priority", spec.priority, -kMaxPriority, kMaxPriority, problems);
  CheckCount("retries.max", spec.retries.max, 0, kMaxRetries, problems);
}

void RetryReasonsAreKnown(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  const FieldPath retries = FieldPath::Top("retries");
  const FieldPath list = retries.Key("on");
  for (size_t i = 0; i < spec.retries.on.size(); ++i) {
    const std::string& name = spec.retries.on[i];
    if (!name.empty() && ParseReason(name)) continue;
    const std::vector<std::string> names = ReasonNames();
    const std::string hint = NearestHint(name, names);
    problems.Add(list.Item(i).ToString(), fmt::format("is {}, which is no reason{}", ShortQuoted(name),
                                                      hint.empty() ? "; such as memory_limit, timeout, host_lost" : hint));
  }
}

}  // namespace fumehood
