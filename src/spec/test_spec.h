// What the tests of this folder share: a configuration with the usual profiles, problems as text.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/result.h"

namespace fumehood {

inline Config TestConfig() {
  Config config;
  config.profiles = {{"default", {}}, {"notebook", {}}, {"post_process", {}}, {"tool", {}}};
  config.profiles["tool"].memory_limit_mb = 512;
  return config;
}

inline std::string AllTexts(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += problem.field + ": " + problem.message + "\n";
  return text;
}

}  // namespace fumehood
