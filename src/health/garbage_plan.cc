#include "src/health/garbage_plan.h"

#include <chrono>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/config/retention.h"

namespace fumehood {
namespace {

constexpr int64_t kDefaultDays = 30;
constexpr int64_t kMiB = 1024 * 1024;

bool Has(const std::map<std::string, std::string>& labels, const std::string& label) {
  const size_t equals = label.find('=');
  const auto found = labels.find(label.substr(0, equals));
  return found != labels.end() && found->second == label.substr(equals + 1);
}

// What a rule has let stay so far.
struct Kept {
  int64_t runs = 0;
  int64_t bytes = 0;
};

// Empty: it stays.
std::string WhyItGoes(const GarbageCandidate& run, const KeepRule& rule, const Kept& kept) {
  if (run.pinned || kept.runs < rule.keep_newest) return "";
  if (rule.ended_before && run.finished < *rule.ended_before) return "it ended before " + Rfc3339(*rule.ended_before).substr(0, 19) + "Z";
  if (rule.max_runs && kept.runs >= *rule.max_runs) return fmt::format("it is beyond the newest {}", *rule.max_runs);
  if (rule.max_bytes && kept.bytes + run.bytes > *rule.max_bytes) return "the newer ones take " + HumanBytes(*rule.max_bytes) + " with it";
  return "";
}

}  // namespace

const KeepRule* RuleFor(const std::vector<KeepRule>& rules, const std::map<std::string, std::string>& labels) {
  const KeepRule* others = nullptr;
  for (const KeepRule& rule : rules) {
    if (rule.label.empty()) {
      others = &rule;
    } else if (Has(labels, rule.label)) {
      return &rule;
    }
  }
  return others;
}

std::map<RunId, std::string> PlanGarbage(const std::vector<GarbageCandidate>& candidates, const std::vector<KeepRule>& rules) {
  std::map<RunId, std::string> going;
  std::map<const KeepRule*, Kept> kept_by;
  for (const GarbageCandidate& run : candidates) {
    const KeepRule* rule = RuleFor(rules, run.labels);
    if (rule == nullptr) continue;
    Kept& kept = kept_by[rule];
    std::string why = WhyItGoes(run, *rule, kept);
    if (why.empty()) {
      ++kept.runs;
      kept.bytes += run.bytes;
    } else {
      // Once one is too much, so is every older one: what stays is the newest without a gap.
      if (rule->max_bytes && why.starts_with("the newer")) kept.bytes = *rule->max_bytes;
      going.emplace(run.id, std::move(why));
    }
  }
  return going;
}

std::vector<KeepRule> KeepRulesFrom(const std::map<std::string, RetentionRule>& retention, WallTime now) {
  std::vector<KeepRule> rules;
  const auto add = [&](const std::string& label, const RetentionRule& from) {
    KeepRule rule{.label = label, .keep_newest = from.keep_newest};
    if (from.older_than_days >= 0) rule.ended_before = now - std::chrono::hours(24 * from.older_than_days);
    if (from.max_runs >= 0) rule.max_runs = from.max_runs;
    if (from.max_size_mb >= 0) rule.max_bytes = from.max_size_mb * kMiB;
    rules.push_back(std::move(rule));
  };
  for (const auto& [name, rule] : retention) {
    if (name != kDefaultRetention) add(name, rule);
  }
  const auto base = retention.find(kDefaultRetention);
  add("", base == retention.end() ? RetentionRule{.older_than_days = kDefaultDays} : base->second);
  return rules;
}

}  // namespace fumehood
