#include "src/spec/limits.h"

#include <cmath>

#include <fmt/format.h>

namespace fumehood {
namespace {

double Looseness(const LimitField& field, double value) { return field.zero_lifts && value == 0 ? INFINITY : value; }

void KeepWithin(Limits& limits, const Limits& maximum) {
  for (const LimitField& field : kLimitFields) {
    const double highest = GetLimit(maximum, field);
    if (GetLimit(limits, field) > highest) SetLimit(limits, field, highest);
  }
}

void ApplyExplicit(Limits& limits, const AnalysisSpec& spec) {
  for (const LimitField& field : kLimitFields) {
    if (field.whole != nullptr) {
      limits.*field.whole = (spec.*field.spec_whole).value_or(limits.*field.whole);
    } else {
      limits.*field.real = (spec.*field.spec_real).value_or(limits.*field.real);
    }
  }
}

}  // namespace

const LimitField* FindLimitField(std::string_view name) {
  for (const LimitField& field : kLimitFields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

double GetLimit(const Limits& limits, const LimitField& field) {
  return field.whole != nullptr ? static_cast<double>(limits.*field.whole) : limits.*field.real;
}

void SetLimit(Limits& limits, const LimitField& field, double value) {
  if (field.whole != nullptr) {
    limits.*field.whole = static_cast<int64_t>(value);
  } else {
    limits.*field.real = value;
  }
}

bool IsAsTight(const LimitField& field, double a, double b) { return Looseness(field, a) <= Looseness(field, b); }

bool IsInRange(const LimitField& field, double value, const Limits& maximum) {
  if (field.zero_lifts && value == 0) return true;
  return value >= field.lowest && value <= GetLimit(maximum, field);  // false for a NaN
}

std::string RangeText(const LimitField& field, const Limits& maximum) {
  const double highest = GetLimit(maximum, field);
  if (field.real != nullptr) return fmt::format("{} to {}", field.lowest, highest);
  return fmt::format("{} to {}", static_cast<int64_t>(field.lowest), static_cast<int64_t>(highest));
}

Limits ResolveLimits(const AnalysisSpec& spec, const Config& config) {
  auto profile = config.profiles.find(spec.profile);
  if (profile == config.profiles.end()) profile = config.profiles.find("default");
  Limits limits = profile == config.profiles.end() ? Limits() : profile->second;
  KeepWithin(limits, config.maximum);
  ApplyExplicit(limits, spec);
  if (spec.memory_plan && !spec.memory_plan->automatic) limits.memory_limit_mb = spec.memory_plan->start_mb;
  return limits;
}

}  // namespace fumehood
