// The limits that a profile names, in one table: how each is reached in a Limits and in a spec, and its lowest value. The
// highest is kHighestLimits, or what the configuration sets below it.
#pragma once

#include <string>
#include <string_view>

#include "fumehood/analysis_spec.h"
#include "fumehood/config.h"

namespace fumehood {

struct LimitField {
  std::string_view name;
  int64_t Limits::*whole = nullptr;  // one of whole and real is set
  double Limits::*real = nullptr;
  std::optional<int64_t> AnalysisSpec::*spec_whole = nullptr;
  std::optional<double> AnalysisSpec::*spec_real = nullptr;
  double lowest = 1;
  bool zero_lifts = false;  // 0 means no limit, and stays allowed whatever the maximum: another limit bounds it
};

// 0.01 core: the kernel's least quota, 1 ms, in a period of 100 ms.
inline constexpr LimitField kLimitFields[] = {
    {"memory_limit_mb", &Limits::memory_limit_mb, nullptr, &AnalysisSpec::memory_limit_mb},
    {"cpu_quota", nullptr, &Limits::cpu_quota, nullptr, &AnalysisSpec::cpu_quota, 0.01},
    {"pids_limit", &Limits::pids_limit, nullptr, &AnalysisSpec::pids_limit},
    {"timeout_seconds", &Limits::timeout_seconds, nullptr, &AnalysisSpec::timeout_seconds},
    {"grace_seconds", &Limits::grace_seconds, nullptr, &AnalysisSpec::grace_seconds, nullptr, 0},
    {"idle_timeout_seconds", &Limits::idle_timeout_seconds, nullptr, &AnalysisSpec::idle_timeout_seconds, nullptr, 0, true},
    {"disk_limit_mb", &Limits::disk_limit_mb, nullptr, &AnalysisSpec::disk_limit_mb},
    {"inode_limit", &Limits::inode_limit, nullptr, &AnalysisSpec::inode_limit},
    {"output_limit_mb", &Limits::output_limit_mb, nullptr, &AnalysisSpec::output_limit_mb, nullptr, 0, true},
};

const LimitField* FindLimitField(std::string_view name);
double GetLimit(const Limits& limits, const LimitField& field);
void SetLimit(Limits& limits, const LimitField& field, double value);  // a value in range, whole where the field is
// Is `a` no looser than `b`? Knows the limits whose 0 means none.
bool IsAsTight(const LimitField& field, double a, double b);
bool IsInRange(const LimitField& field, double value, const Limits& maximum);
std::string RangeText(const LimitField& field, const Limits& maximum);  // "1 to 4096"

// The profile's limits, never above the maximum, with the spec's own in their place. An unknown profile counts as `default`.
Limits ResolveLimits(const AnalysisSpec& spec, const Config& config);

}  // namespace fumehood
