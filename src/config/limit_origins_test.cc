#include "src/config/limit_origins.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace fumehood {
namespace {

TEST(TraceLimits, NamesFileAndLineOrTheVariable) {
  std::string dir = (std::filesystem::temp_directory_path() / "fumehood-origins-XXXXXX").string();
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  ConfigSources sources;
  sources.system_path = dir + "/system.toml";
  sources.user_path = dir + "/user.toml";
  sources.uid = geteuid();
  std::ofstream(sources.system_path) << "[maximum]\ncpu_quota = 8\n[profiles.tool]\npids_limit = 32\n";
  std::ofstream(sources.user_path) << "[profiles.tool]\npids_limit = 16\n";
  sources.environment = {{"FUMEHOOD_CPU_QUOTA", "2"}, {"FUMEHOOD_MAXIMUM_PIDS_LIMIT", "99"}, {"FUMEHOOD_PIDS_LIMIT", ""}};
  const auto origins = TraceLimits(sources);
  std::filesystem::remove_all(dir);
  ASSERT_TRUE(origins);
  EXPECT_EQ(origins->maximum, (Origins{{"cpu_quota", sources.system_path + ":2"}, {"pids_limit", "FUMEHOOD_MAXIMUM_PIDS_LIMIT"}}));
  EXPECT_EQ(origins->profiles.at("tool"), (Origins{{"pids_limit", sources.user_path + ":2"}}));
  EXPECT_EQ(origins->profiles.at("default"), (Origins{{"cpu_quota", "FUMEHOOD_CPU_QUOTA"}}));
  EXPECT_TRUE(origins->profiles.at("notebook").empty());
}

TEST(TraceLimits, ANewProfileHasWhatDefaultHadByThen) {
  LimitOrigins origins;
  origins.profiles["default"] = {{"pids_limit", "before"}};
  TraceConfigText("[profiles.long]\ntimeout_seconds = 9\n[profiles.default]\ncpu_quota = 3\n", "f", origins);
  EXPECT_EQ(origins.profiles.at("long"), (Origins{{"pids_limit", "before"}, {"cpu_quota", "f:4"}, {"timeout_seconds", "f:2"}}));
  TraceConfigText("[profiles.default]\ngrace_seconds = 1\n", "g", origins);
  EXPECT_FALSE(origins.profiles.at("long").contains("grace_seconds"));
}

}  // namespace
}  // namespace fumehood
