// What the three fuzz targets of this folder share.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "src/spec/parse.h"
#include "src/spec/print.h"

namespace fumehood {

inline void FuzzSpec(const uint8_t* data, size_t size, Format format) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Config config;
  config.profiles = {{"default", {}}};
  const auto checked = CheckSpec(text, format, "fuzz", config);
  if (!checked && checked.error().message().empty()) std::abort();

  const auto spec = ParseSpec(text, format, "fuzz");
  if (!spec) return;
  // A number can be infinite or no number until Validate refuses it: JSON has no text for those.
  if (spec->cpu_quota && !(*spec->cpu_quota - *spec->cpu_quota == 0)) return;
  for (const Format printed : {Format::kJson, Format::kYaml, Format::kToml}) {
    const auto back = ParseSpec(PrintSpec(*spec, printed), printed, "printed");
    if (!back || !(*back == *spec)) std::abort();
  }
}

}  // namespace fumehood
