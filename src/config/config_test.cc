#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>

#include "src/base/text.h"
#include "src/config/environment.h"
#include "src/config/read_config.h"
#include "src/config/settings.h"

namespace fumehood {
namespace {

namespace fs = std::filesystem;

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "fumehood-config-XXXXXX").string();
    dir_ = mkdtemp(pattern.data());
    sources_.uid = geteuid();
    sources_.environment = {{"HOME", dir_ / "home"}};
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::string Write(const std::string& name, const std::string& text) {
    fs::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name) << text;
    return dir_ / name;
  }
  void System(const std::string& text) { sources_.system_path = Write("system.toml", text); }
  void User(const std::string& text) { sources_.user_path = Write("user.toml", text); }
  void Project(const std::string& text) { sources_.project_path = Write("project.toml", text); }

  Config Good() {
    auto config = ReadConfig(sources_);
    EXPECT_TRUE(config) << Problems();
    return config ? std::move(config).value() : Config();
  }
  // The problems, with the directory taken out of them.
  std::string Problems() {
    const auto config = ReadConfig(sources_);
    if (config) return "";
    std::string text = config.error().problems().empty() ? config.error().message() + "\n" : "";
    for (const Problem& problem : config.error().problems()) text += ProblemText(problem) + "\n";
    for (size_t at = text.find(dir_.string() + "/"); at != std::string::npos; at = text.find(dir_.string() + "/")) {
      text.erase(at, dir_.string().size() + 1);
    }
    return text;
  }

  fs::path dir_;
  ConfigSources sources_;
};

std::string Slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const fs::path kRoot = fs::path(FH_TESTDATA) / "../../..";

// The example with its settings switched on: a line "#key" without a space after the sign.
std::string SwitchedOn(const std::string& text) { return std::regex_replace("\n" + text, std::regex("\n#([^ \n])"), "\n$1"); }

TEST_F(ConfigTest, WithoutAnySourceHasTheProfilesOfTheManual) {
  const Config config = Good();
  ASSERT_EQ(config.profiles.size(), 4U);
  EXPECT_EQ(config.profiles.at("default"), Limits());
  EXPECT_EQ(config.profiles.at("notebook").cpu_quota, 2);
  EXPECT_EQ(config.profiles.at("post_process").memory_limit_mb, 1024);
  EXPECT_EQ(config.profiles.at("tool").timeout_seconds, 120);
  EXPECT_EQ(config.maximum, kHighestLimits);
}

TEST_F(ConfigTest, LaterSourcesWinOverEarlierOnes) {
  System("executor = 'slurm'\ndisk_method = 'sampled'\n[profiles.default]\nmemory_limit_mb = 1000\npids_limit = 10\ntimeout_seconds = 99\n");
  User("executor = 'container'\n[profiles.default]\nmemory_limit_mb = 3000\npids_limit = 20\n");
  Project("[profiles.default]\nmemory_limit_mb = 2000\n");
  sources_.environment["FUMEHOOD_PIDS_LIMIT"] = "30";
  Config config = Good();
  EXPECT_EQ(config.executor, "container");
  EXPECT_EQ(config.disk_method, "sampled");
  EXPECT_EQ(config.profiles.at("default").memory_limit_mb, 2000);
  EXPECT_EQ(config.profiles.at("default").pids_limit, 30);
  EXPECT_EQ(config.profiles.at("default").timeout_seconds, 99);
  sources_.environment["FUMEHOOD_EXECUTOR"] = "kubernetes";
  EXPECT_EQ(Good().executor, "kubernetes");
  sources_.environment["EXECUTOR_TYPE"] = "cloud";
  EXPECT_EQ(Good().executor, "cloud");
  sources_.environment["EXECUTOR_TYPE"] = "";
  EXPECT_EQ(Good().executor, "kubernetes") << "an empty variable counts as not set";
}

TEST_F(ConfigTest, AProjectCanOnlyTighten) {
  Project(
      "executor = 'slurm'\nallow_weaker = ['seccomp']\nstate_dir = '/x'\n"
      "[maximum]\nmemory_limit_mb = 100\npids_limit = 4194304\n"
      "[profiles.default]\nmemory_limit_mb = 2049\nidle_timeout_seconds = 60\noutput_limit_mb = 0\n"
      "[profiles.notebok]\npids_limit = 1\n");
  EXPECT_EQ(Problems(),
            "project.toml:1:1: executor: cannot be set by a project's file, which can only lower limits in [maximum] and [profiles.NAME]\n"
            "project.toml:2:1: allow_weaker: cannot be set by a project's file, which can only lower limits in [maximum] and [profiles.NAME]\n"
            "project.toml:3:1: state_dir: cannot be set by a project's file, which can only lower limits in [maximum] and [profiles.NAME]\n"
            "project.toml:8:19: profiles.default.memory_limit_mb: is 2049, but it is 2048 already and a project's file can only tighten\n"
            "project.toml:10:19: profiles.default.output_limit_mb: is 0, but it is 64 already and a project's file can only tighten (0 means no limit)\n"
            "project.toml:11:11: profiles.notebok: is no profile that is there, and a project's file can only tighten; did you mean 'notebook'?\n");
  Project("[maximum]\nmemory_limit_mb = 100\n[profiles.default]\nidle_timeout_seconds = 60\n");
  const Config config = Good();
  EXPECT_EQ(config.maximum.memory_limit_mb, 100);
  EXPECT_EQ(config.profiles.at("default").idle_timeout_seconds, 60);
}

TEST_F(ConfigTest, ANewProfileStartsFromDefault) {
  User("[profiles.big]\nmemory_limit_mb = 65536\n[profiles.default]\ngrace_seconds = 77\n");
  const Limits big = Good().profiles.at("big");
  EXPECT_EQ(big.memory_limit_mb, 65536);
  EXPECT_EQ(big.grace_seconds, 77);
}

TEST_F(ConfigTest, ReportsTheProblemsOfAllSourcesAtOnce) {
  System("exekutor = 'local'\n[maximum]\nmemory_limit = 1\ncpu_quota = 5000\n");
  User("executor = 'locl'\nusage_interval_seconds = nan\nuid_range_first = 0\nallow_weaker = ['seccmp']\ncgroup_parent = 'a/../b'\nstate_dir = 'here'\n"
       "maximum = 3\n[profiles.'a b']\n");
  sources_.environment["FUMEHOOD_MEMORY_LIMIT"] = "1";
  sources_.environment["FUMEHOOD_PIDS_LIMIT"] = "many";
  sources_.environment["FUMEHOOD_DISK_METHOD"] = "tape";
  sources_.environment["EXECUTOR_TYPE"] = "LOCAL";
  EXPECT_EQ(Problems(),
            "system.toml:1:1: exekutor: is not a known name; did you mean 'executor'?\n"
            "system.toml:3:1: maximum.memory_limit: is not a known name; did you mean 'memory_limit_mb'?\n"
            "system.toml:4:13: maximum.cpu_quota: is 5000; allowed: 0.01 to 4096\n"
            "user.toml:1:12: executor: is 'locl'; allowed: local, container, cloud, kubernetes, slurm; did you mean 'local'?\n"
            "user.toml:2:26: usage_interval_seconds: is nan; allowed: 0.05 to 3600\n"
            "user.toml:3:19: uid_range_first: is 0; allowed: 1000 to 4294967294\n"
            "user.toml:4:17: allow_weaker[0]: is 'seccmp'; allowed: memory, cpu, pids, namespaces, filesystem, privileges, seccomp, landlock, "
            "network, disk; did you mean 'seccomp'?\n"
            "user.toml:5:17: cgroup_parent: is 'a/../b'; `..` is not allowed\n"
            "user.toml:6:13: state_dir: is 'here'; an absolute path is needed\n"
            "user.toml:7:11: maximum: is 3; a map with memory_limit_mb, cpu_quota, pids_limit, timeout_seconds, grace_seconds, "
            "idle_timeout_seconds, disk_limit_mb, inode_limit, output_limit_mb is needed\n"
            "user.toml:8:11: profiles['a b']: is no name for a profile; allowed: letters, digits, _ and -, at most 64\n"
            "FUMEHOOD_DISK_METHOD: is 'tape'; allowed: auto, quota, sampled\n"
            "FUMEHOOD_MEMORY_LIMIT: is not a known variable; did you mean 'FUMEHOOD_MEMORY_LIMIT_MB'?\n"
            "FUMEHOOD_PIDS_LIMIT: is the text 'many'; a whole number is needed, without a unit\n"
            "EXECUTOR_TYPE: is 'LOCAL'; allowed: local, container, cloud, kubernetes, slurm\n");
}

TEST_F(ConfigTest, TheLastUidMustExist) {
  User("uid_range_first = 4294967294\nuid_range_count = 2\n");
  EXPECT_EQ(Problems(), "the configuration: uid_range_count: with uid_range_first ends at 4294967295; the last uid is 4294967294\n");
}

TEST_F(ConfigTest, VariablesThatARunGetsAreNoSettings) {
  sources_.environment["FUMEHOOD_DB_SAMPLES"] = "/x";
  sources_.environment["FUMEHOOD_REQUIRE"] = "root";
  sources_.environment["FUMEHOOD_ALLOW_WEAKER"] = "seccomp, landlock";
  EXPECT_EQ(Good().allow_weaker, (std::vector<std::string>{"seccomp", "landlock"}));
}

TEST_F(ConfigTest, AFileThatCannotBeUsedIsAnError) {
  fs::create_directory(dir_ / "directory");
  sources_.user_path = dir_ / "directory";
  EXPECT_EQ(Problems(), "the configuration 'directory' is not a regular file\n");
  ASSERT_EQ(mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  sources_.user_path = dir_ / "fifo";
  EXPECT_NE(Problems().find("is not a regular file"), std::string::npos);
  User("x");
  fs::resize_file(sources_.user_path, 100 << 20);
  EXPECT_NE(Problems().find("larger than the"), std::string::npos) << Problems();
  User("executor = ");
  EXPECT_NE(Problems().find("user.toml:1:"), std::string::npos) << Problems();
  User(std::string("a\0b", 3));
  EXPECT_NE(Problems().find("NUL byte"), std::string::npos) << Problems();
}

TEST_F(ConfigTest, StateDirIsWhereTheDesignSays) {
  const auto state = [](Environment environment, uid_t uid) {
    const auto dir = DefaultStateDir(environment, uid);
    return dir ? *dir : dir.error().message();
  };
  EXPECT_EQ(state({{"FUMEHOOD_STATE", "/s"}, {"XDG_STATE_HOME", "/x"}}, 0), "/s");
  EXPECT_EQ(state({{"XDG_STATE_HOME", "/x"}}, 0), "/var/lib/fumehood");
  EXPECT_EQ(state({{"XDG_STATE_HOME", "/x"}, {"HOME", "/h"}}, 1000), "/x/fumehood");
  EXPECT_EQ(state({{"XDG_STATE_HOME", "relative"}, {"HOME", "/h"}}, 1000), "/h/.local/state/fumehood");
  EXPECT_EQ(state({}, 1000), "no place for the state: neither FUMEHOOD_STATE nor HOME is set");
  EXPECT_EQ(state({{"FUMEHOOD_STATE", "s"}}, 1000), "FUMEHOOD_STATE is 's'; an absolute path is needed");
  System("state_dir = '/srv//runs/'\n");
  EXPECT_EQ(Good().state_dir, "/srv/runs");
  sources_.environment["FUMEHOOD_STATE"] = "/s/./x";
  EXPECT_EQ(Good().state_dir, "/s/x");
}

TEST_F(ConfigTest, FindsTheNearestProjectFileOfATrustedOwner) {
  fs::create_directories(dir_ / "a/b/c");
  EXPECT_EQ(FindProjectFile(dir_ / "a/b/c", geteuid()), "");
  Write("a/fumehood.toml", "");
  EXPECT_EQ(FindProjectFile(dir_ / "a/b/c", geteuid()), (dir_ / "a/fumehood.toml").string());
  fs::create_directory(dir_ / "a/b/fumehood.toml");
  EXPECT_EQ(FindProjectFile(dir_ / "a/b/c", geteuid()), (dir_ / "a/b/fumehood.toml").string()) << "found, and then refused by name";
  fs::remove(dir_ / "a/b/fumehood.toml");
  const uid_t stranger = geteuid() + 12345;
  if (geteuid() == 0) {
    ASSERT_EQ(chown((dir_ / "a/b").c_str(), stranger, 0), 0);
    EXPECT_EQ(FindProjectFile(dir_ / "a/b/c", 0), "") << "the search ends at a stranger's directory";
    ASSERT_EQ(chown((dir_ / "a/b").c_str(), 0, 0), 0);
    ASSERT_EQ(chown((dir_ / "a/fumehood.toml").c_str(), stranger, 0), 0);
    EXPECT_EQ(FindProjectFile(dir_ / "a/b/c", 0), "") << "a stranger's file is passed over";
    sources_.project_path = dir_ / "a/fumehood.toml";
    sources_.uid = 0;
    EXPECT_NE(Problems().find("belongs to another user"), std::string::npos);
  } else {
    EXPECT_EQ(FindProjectFile(dir_ / "a/b/c", stranger), "");
  }
}

TEST_F(ConfigTest, ADirectoryOfThatNameIsRefusedAndNotPassedOver) {
  fs::create_directories(dir_ / "work/fumehood.toml");
  sources_.project_path = FindProjectFile(dir_ / "work", geteuid());
  EXPECT_EQ(Problems(), "the configuration 'work/fumehood.toml' is not a regular file\n");
}

TEST_F(ConfigTest, ALimitOutsideOfItsTableIsToldWhereItGoes) {
  System("memory_limt = 5\npids_limit = 3\n[profiles.default]\nmemory_limt = 5\n");
  EXPECT_EQ(Problems(),
            "system.toml:1:1: memory_limt: is not a known name here; did you mean 'memory_limit_mb' in [profiles.default] or [maximum]?\n"
            "system.toml:2:1: pids_limit: is not a known name here; did you mean 'pids_limit' in [profiles.default] or [maximum]?\n"
            "system.toml:4:1: profiles.default.memory_limt: is not a known name; did you mean 'memory_limit_mb'?\n");
}

TEST_F(ConfigTest, AVariableIsComparedBehindWhatAllBeginWith) {
  sources_.environment["FUMEHOOD_TIMEOT"] = "5";
  sources_.environment["FUMEHOOD_ZEBRA"] = "5";
  EXPECT_EQ(Problems(),
            "FUMEHOOD_TIMEOT: is not a known variable; did you mean 'FUMEHOOD_TIMEOUT_SECONDS'?\n"
            "FUMEHOOD_ZEBRA: is not a known variable; .env.example lists them\n");
}

TEST_F(ConfigTest, UsualPlacesFollowTheEnvironment) {
  Write("work/fumehood.toml", "");
  const ConfigSources sources = DefaultSources({{"XDG_CONFIG_HOME", "/c"}, {"HOME", "/h"}}, dir_ / "work", geteuid());
  EXPECT_EQ(sources.system_path, "/etc/fumehood/fumehood.toml");
  EXPECT_EQ(sources.user_path, "/c/fumehood/fumehood.toml");
  EXPECT_EQ(sources.project_path, (dir_ / "work/fumehood.toml").string());
  EXPECT_EQ(DefaultSources({{"HOME", "/h"}}, "/", geteuid()).user_path, "/h/.config/fumehood/fumehood.toml");
  // In the directory of the user's own configuration there is no project.
  Write("c/fumehood/fumehood.toml", "");
  EXPECT_EQ(DefaultSources({{"XDG_CONFIG_HOME", dir_ / "c"}}, dir_ / "c/fumehood", geteuid()).project_path, "");
}

TEST_F(ConfigTest, TheExampleNamesEveryKeyWithItsDefault) {
  const std::string example = Slurp(kRoot / "fumehood.toml.example");
  for (const Setting& setting : Settings()) EXPECT_NE(example.find("\n#" + std::string(setting.key) + " = "), std::string::npos) << setting.key;
  for (const auto& [name, limits] : BuiltInProfiles()) EXPECT_NE(example.find("\n#[profiles." + name + "]"), std::string::npos) << name;
  for (const LimitField& field : kLimitFields) {
    const std::string line = "\n#" + std::string(field.name) + " = ";
    EXPECT_NE(example.find(line, example.find("#[maximum]")), std::string::npos) << field.name;
    EXPECT_NE(example.find(line, example.find("#[profiles.default]")), std::string::npos) << field.name;
  }
  const Config defaults = Good();
  User(SwitchedOn(example));
  const Config config = Good();
  EXPECT_EQ(config.profiles, defaults.profiles);
  EXPECT_EQ(config.maximum, defaults.maximum);
  EXPECT_EQ(config.executor, defaults.executor);
  EXPECT_EQ(config.disk_method, defaults.disk_method);
  EXPECT_EQ(config.allow_weaker, defaults.allow_weaker);
  EXPECT_EQ(config.uid_range_first, defaults.uid_range_first);
  EXPECT_EQ(config.uid_range_count, defaults.uid_range_count);
  EXPECT_EQ(config.usage_interval_seconds, defaults.usage_interval_seconds);
  EXPECT_EQ(config.cgroup_parent, defaults.cgroup_parent);
}

TEST_F(ConfigTest, TheExampleOfVariablesNamesEachWithItsDefault) {
  std::vector<std::string> named;
  const Config defaults = Good();
  for (const std::string& line : Split(SwitchedOn(Slurp(kRoot / ".env.example")), '\n')) {
    const size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string::npos) continue;
    named.push_back(line.substr(0, equals));
    sources_.environment[named.back()] = line.substr(equals + 1);
  }
  std::vector<std::string> known = VariableNames();
  std::sort(named.begin(), named.end());
  std::sort(known.begin(), known.end());
  EXPECT_EQ(named, known);
  const Config config = Good();
  EXPECT_EQ(config.profiles, defaults.profiles);
  EXPECT_EQ(config.maximum, defaults.maximum);
}

}  // namespace
}  // namespace fumehood
