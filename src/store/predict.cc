#include "src/store/predict.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

double MedianOf(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

struct Point {
  double gib = 0;
  double needed_mb = 0;
};

// What a run needed at least: of one that was ended for its memory, more than its limit.
double NeededMb(const PastRun& run) {
  const bool cut = run.reason == Reason::kMemoryLimit;
  return cut ? std::max(run.memory_peak_mb, static_cast<double>(run.memory_limit_mb)) : run.memory_peak_mb;
}

// Of the lines through each two points the median of their slopes; none where the sizes do not differ enough to tell.
std::optional<double> GrowthOf(const std::vector<Point>& points) {
  constexpr size_t kMostPoints = 200;  // 19,900 pairs; more tell nothing new
  constexpr size_t kFewest = 4;
  const size_t count = std::min(points.size(), kMostPoints);
  if (count < kFewest) return std::nullopt;
  const auto [smallest, largest] = std::minmax_element(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.gib < b.gib; });
  constexpr double kSpread = 1.2;
  if (largest->gib <= smallest->gib * kSpread) return std::nullopt;
  std::vector<double> slopes;
  for (size_t i = 0; i < count; ++i) {
    for (size_t k = i + 1; k < count; ++k) {
      const double wide = points[k].gib - points[i].gib;
      if (std::abs(wide) > 0) slopes.push_back((points[k].needed_mb - points[i].needed_mb) / wide);
    }
  }
  const double slope = MedianOf(std::move(slopes));
  if (!(slope > 0) || !std::isfinite(slope)) return std::nullopt;
  return slope;
}

int64_t Up(double value) {
  constexpr double kMost = 9e15;  // a double holds each whole number up to there
  return static_cast<int64_t>(std::ceil(std::clamp(value, 0.0, kMost)));
}

template <typename T>
T Bounded(T value, T floor, T most, bool& capped) {
  value = std::max(value, floor);
  if (most <= 0 || value <= most) return value;
  capped = true;
  return most;
}

struct MemoryNeed {
  double mb = 0;
  Basis basis = Basis::kHighest;
  double mb_per_gib = 0;
};

MemoryNeed NeedOf(const std::vector<PastRun>& runs, int64_t input_bytes) {
  MemoryNeed need;
  std::vector<Point> points;
  for (const PastRun& run : runs) {
    need.mb = std::max(need.mb, NeededMb(run));
    if (run.input_bytes >= 0) points.push_back({static_cast<double>(run.input_bytes) / kGiB, NeededMb(run)});
  }
  const auto slope = input_bytes >= 0 && points.size() == runs.size() ? GrowthOf(points) : std::nullopt;
  if (!slope) return need;
  double above = 0;  // raised until no run lies above the line
  for (const Point& point : points) above = std::max(above, point.needed_mb - *slope * point.gib);
  const double at = above + *slope * static_cast<double>(input_bytes) / kGiB;
  need.basis = Basis::kGrowth;
  need.mb_per_gib = *slope;
  // Larger than any before: by the line. Within what was seen the highest peak stays the measure: a limit that is too high costs little.
  need.mb = std::max(need.mb, at);
  return need;
}

}  // namespace

PastRun PastRunOf(const RunRow& row) {
  return {.id = row.id, .completed = row.status == RunStatus::kCompleted, .reason = row.reason, .input_bytes = row.input_bytes,
          .memory_peak_mb = row.memory_peak_mb, .memory_limit_mb = row.memory_limit_mb, .wall_s = row.wall_s, .cpu_s = row.cpu_s,
          .throttled_s = row.throttled_s, .cpu_quota = row.cpu_quota, .pids_peak = row.pids_peak};
}

std::optional<Prediction> Predict(const std::vector<PastRun>& past, int64_t input_bytes, const PredictRules& rules) {
  Prediction answer;
  std::vector<PastRun> telling;
  std::vector<double> peaks;
  double cores = 0;
  int64_t pids = 0;
  for (const PastRun& run : past) {
    const bool ended_for_memory = run.reason == Reason::kMemoryLimit;
    if (!run.completed && !ended_for_memory) continue;
    telling.push_back(run);
    answer.runs.push_back(run.id);
    answer.ended_for_memory += ended_for_memory ? 1 : 0;
    pids = std::max(pids, run.pids_peak);
    if (!run.completed) continue;
    ++answer.completed;
    peaks.push_back(run.memory_peak_mb);
    answer.longest_s = std::max(answer.longest_s, run.wall_s);
    // What it used, and what it would have used beyond, had it not been held back.
    if (run.wall_s > 0) cores = std::max(cores, (run.cpu_s + run.throttled_s) / run.wall_s);
  }
  if (answer.completed < rules.enough_runs) return std::nullopt;
  answer.lowest_mb = *std::min_element(peaks.begin(), peaks.end());
  answer.highest_mb = *std::max_element(peaks.begin(), peaks.end());
  answer.median_mb = MedianOf(peaks);
  answer.margin = rules.memory_margin;
  const MemoryNeed need = NeedOf(telling, input_bytes);
  answer.basis = need.basis;
  answer.mb_per_gib = need.mb_per_gib;
  answer.memory_limit_mb = Bounded(Up(need.mb * rules.memory_margin), rules.memory_floor_mb, rules.memory_most_mb, answer.capped);
  answer.timeout_seconds = Bounded(Up(answer.longest_s * rules.time_margin), rules.timeout_floor_s, rules.timeout_most_s, answer.capped);
  answer.pids_limit = Bounded(Up(static_cast<double>(pids) * rules.pids_margin), rules.pids_floor, rules.pids_most, answer.capped);
  constexpr double kStep = 0.5;  // of a core
  answer.cpu_quota = Bounded(std::ceil(cores / kStep - 0.1) * kStep, rules.cpu_floor, rules.cpu_most, answer.capped);
  return answer;
}

std::string Prediction::Evidence() const {
  std::string text = fmt::format("{} runs of this analysis completed, with peaks of {:.0f} to {:.0f} MiB (median {:.0f}) and at most {:.0f} s", completed, lowest_mb,
                                 highest_mb, median_mb, longest_s);
  if (ended_for_memory > 0) text += fmt::format("; {} ended for their memory limit", ended_for_memory);
  if (basis == Basis::kGrowth) text += fmt::format("; {:.0f} MiB more for each GiB more of inputs", mb_per_gib);
  text += fmt::format("; {:.0f} % on top", (margin - 1) * 100);
  return text + (capped ? "; held down by what the configuration allows" : "");
}

}  // namespace fumehood
