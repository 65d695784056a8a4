#include "src/record/retry.h"

#include <algorithm>

#include <fmt/format.h>

namespace fumehood {
namespace {

bool IsOfTheSystem(Reason reason) { return reason > Reason::kCancelled; }

bool MayRaiseMemory(const RetryPolicy& policy, const AttemptEnd& end) {
  return end.reason == Reason::kMemoryLimit && policy.memory_factor > 1 && end.memory_limit_mb < policy.memory_max_mb;
}

}  // namespace

bool IsRetried(const RetryPolicy& policy, const std::vector<AttemptEnd>& history) {
  if (history.empty()) return false;
  const AttemptEnd& last = history.back();
  if (last.reason == Reason::kNone || last.reason == Reason::kCancelled) return false;
  if (MayRaiseMemory(policy, last)) return true;  // it ends by itself, at the highest limit
  if (policy.memory_factor > 1 && last.reason == Reason::kMemoryLimit) return false;  // it had all that it may have
  if (std::find(policy.on.begin(), policy.on.end(), Name(last.reason)) == policy.on.end()) return false;
  const auto same_side = [&](const AttemptEnd& end) {
    return IsOfTheSystem(end.reason) == IsOfTheSystem(last.reason) && (policy.memory_factor <= 1 || end.reason != Reason::kMemoryLimit);
  };
  return std::count_if(history.begin(), history.end(), same_side) <= policy.max;
}

int64_t NextMemoryLimitMb(const RetryPolicy& policy, const std::vector<AttemptEnd>& history) {
  const AttemptEnd& last = history.back();
  if (!MayRaiseMemory(policy, last)) return last.memory_limit_mb;
  return std::min(policy.memory_max_mb, last.memory_limit_mb * policy.memory_factor);
}

std::chrono::milliseconds PauseBeforeRetry(size_t attempts_so_far, const std::string& seed) {
  constexpr int64_t kFirstMs = 1000;
  constexpr int64_t kLongestMs = 300000;
  constexpr size_t kMostDoublings = 20;
  const int64_t whole = std::min(kLongestMs, kFirstMs << std::min(attempts_so_far == 0 ? 0 : attempts_so_far - 1, kMostDoublings));
  uint64_t hash = 1469598103934665603U + attempts_so_far;  // FNV-1a
  for (const char c : seed) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return std::chrono::milliseconds(whole - static_cast<int64_t>((hash >> 11) % static_cast<uint64_t>(whole / 2 + 1)));
}

std::string DescribeEarlier(const std::vector<AttemptEnd>& earlier) {
  if (earlier.empty()) return "";
  std::string list;
  constexpr size_t kShown = 5;
  for (size_t i = 0; i < std::min(earlier.size(), kShown); ++i) {
    list += fmt::format("{}{} with {} MiB", i == 0 ? "" : ", ", Name(earlier[i].reason), earlier[i].memory_limit_mb);
  }
  if (earlier.size() > kShown) list += fmt::format(" and {} more", earlier.size() - kShown);
  return fmt::format("This was attempt {}; before it: {}.", earlier.size() + 1, list);
}

}  // namespace fumehood
