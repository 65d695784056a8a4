// Whatever the bytes of a fumehood.toml: no crash, no hang, limits within their ranges, and a project's file only tightens.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "src/config/read_config.h"

namespace fumehood {
namespace {

void FuzzConfig(std::string_view text) {
  for (const Power power : {Power::kSet, Power::kTighten}) {
    Config before;
    before.profiles = BuiltInProfiles();
    Config after = before;
    ProblemList problems("fuzz");
    ApplyConfigText(text, power, after, problems);
    for (const LimitField& field : kLimitFields) {
      if (!IsInRange(field, GetLimit(after.maximum, field), kHighestLimits)) std::abort();
      if (power == Power::kSet) continue;
      if (!IsAsTight(field, GetLimit(after.maximum, field), GetLimit(before.maximum, field))) std::abort();
      for (const auto& [name, limits] : after.profiles) {
        if (!IsAsTight(field, GetLimit(limits, field), GetLimit(before.profiles.at(name), field))) std::abort();
      }
    }
    const bool same = after.state_dir == before.state_dir && after.executor == before.executor && after.allow_weaker == before.allow_weaker;
    if (power == Power::kTighten && !same) std::abort();
  }
}

}  // namespace
}  // namespace fumehood

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fumehood::FuzzConfig({reinterpret_cast<const char*>(data), size});
  return 0;
}
