#include "src/store/statistics.h"

#include <algorithm>
#include <cmath>

namespace fumehood {
namespace {

// Below this nobody gains by a lower limit.
constexpr int64_t kWorthMb = 256;
constexpr double kFarTooHigh = 2;
constexpr double kNearlyFull = 0.9;

Fit FitOf(const AnalysisUse& use) {
  const auto asked = static_cast<double>(use.asked_mb);
  if (use.asked_mb <= 0) return Fit::kUnknown;
  if (use.suggested_mb > use.asked_mb && (use.ended_for_memory > 0 || use.used_mb > kNearlyFull * asked)) return Fit::kTooLow;
  if (use.suggested_mb <= 0) return Fit::kUnknown;
  const bool far = asked > kFarTooHigh * static_cast<double>(use.suggested_mb) && use.asked_mb - use.suggested_mb >= kWorthMb;
  return far ? Fit::kTooHigh : Fit::kGood;
}

AnalysisUse UseOf(const std::vector<const RunRow*>& rows, const PredictRules& rules) {
  const RunRow& latest = *rows.front();
  AnalysisUse use{.analysis = latest.analysis, .name = latest.name, .runtime = latest.runtime, .runs = static_cast<int64_t>(rows.size()),
                  .asked_mb = latest.memory_limit_mb, .asked_s = latest.timeout_seconds};
  std::vector<PastRun> past;
  int64_t largest_input = -1;
  for (const RunRow* row : rows) {
    if (!IsFinal(row->status)) continue;
    past.push_back(PastRunOf(*row));
    use.completed += row->status == RunStatus::kCompleted ? 1 : 0;
    use.ended_for_memory += row->reason == Reason::kMemoryLimit ? 1 : 0;
    use.used_mb = std::max(use.used_mb, row->memory_peak_mb);
    use.longest_s = std::max(use.longest_s, row->wall_s);
    largest_input = std::max(largest_input, row->input_bytes);
  }
  if (const auto prediction = Predict(past, largest_input, rules)) {
    use.suggested_mb = prediction->memory_limit_mb;
    use.suggested_s = prediction->timeout_seconds;
  }
  use.memory = FitOf(use);
  return use;
}

double WastedMb(const AnalysisUse& use) { return (static_cast<double>(use.asked_mb) - use.used_mb) * static_cast<double>(use.runs); }

}  // namespace

const char* Name(Fit fit) {
  switch (fit) {
    case Fit::kUnknown: return "unknown";
    case Fit::kGood: return "good";
    case Fit::kTooHigh: return "too_high";
    case Fit::kTooLow: return "too_low";
  }
  return "unknown";
}

Percentiles PercentilesOf(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto rank = [&](double share) {
    const auto at = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
    return values[std::clamp<size_t>(at, 1, values.size()) - 1];
  };
  return {rank(0.5), rank(0.9), rank(0.99)};
}

Statistics Summarise(const std::vector<RunRow>& rows, const PredictRules& rules) {
  constexpr double kSecond = 1e6;
  Statistics all;
  std::vector<double> waited;
  std::vector<double> lasted;
  std::map<std::string, std::vector<const RunRow*>> by_analysis;
  int64_t first = INT64_MAX;
  int64_t last = 0;
  for (const RunRow& row : rows) {
    ++all.runs;
    ++all.by_status[row.status];
    if (!row.analysis.empty()) by_analysis[row.analysis].push_back(&row);
    first = std::min(first, row.submitted_us);
    if (row.started_us > 0) waited.push_back(static_cast<double>(std::max<int64_t>(0, row.started_us - row.submitted_us)) / kSecond);
    if (!IsFinal(row.status)) continue;
    ++all.ended;
    last = std::max(last, row.finished_us);
    lasted.push_back(row.wall_s);
    all.cpu_hours += row.cpu_s / 3600;
    if (row.status != RunStatus::kCompleted) ++all.failures[row.reason];
  }
  if (last > first) {
    all.span_s = static_cast<double>(last - first) / kSecond;
    all.ended_per_hour = static_cast<double>(all.ended) * 3600 / all.span_s;
  }
  all.waited_s = PercentilesOf(std::move(waited));
  all.lasted_s = PercentilesOf(std::move(lasted));
  for (const auto& [analysis, of_it] : by_analysis) all.analyses.push_back(UseOf(of_it, rules));
  std::stable_sort(all.analyses.begin(), all.analyses.end(), [](const AnalysisUse& a, const AnalysisUse& b) { return WastedMb(a) > WastedMb(b); });
  return all;
}

}  // namespace fumehood
