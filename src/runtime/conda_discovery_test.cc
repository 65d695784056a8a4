#include "src/runtime/conda_discovery.h"

#include <gmock/gmock.h>

#include "src/record/test_dir.h"
#include "src/runtime/condarc.h"

namespace fumehood {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A file system of its own, with the home of ada.
class CondaDiscoveryTest : public ::testing::Test {
 protected:
  CondaDiscoveryTest() {
    places_.root = dir_.path();
    places_.home = "/home/ada";
    Folder("/home/ada/.conda");
  }
  void Folder(const std::string& path) const { ASSERT_TRUE(MakeDirsOrHave(dir_.path() + path)); }
  static bool MakeDirsOrHave(const std::string& path) { return MakeDirs(path, 0755) || FindStat(kHere, path, true)->has_value(); }
  void Put(const std::string& path, const std::string& text) const {
    Folder(path.substr(0, path.rfind('/')));
    dir_.Put(path.substr(1), text);
  }
  void Prefix(const std::string& path) const { Put(path + "/conda-meta/history", ""); }

  // "name path" of each.
  std::vector<std::string> Found() {
    found_ = DiscoverConda(places_);
    std::vector<std::string> lines;
    for (const CondaPrefix& prefix : found_.prefixes) lines.push_back(prefix.name + " " + prefix.path);
    return lines;
  }

  TestDir dir_;
  CondaPlaces places_;
  CondaDiscovery found_;
};

TEST_F(CondaDiscoveryTest, FindsNothingWhereThereIsNothing) {
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_THAT(found_.remarks, IsEmpty());
}

TEST_F(CondaDiscoveryTest, ReadsEnvironmentsTxtAndDropsItsStaleLines) {
  Prefix("/data/project/env");
  Folder("/data/plain");
  Put("/home/ada/.conda/environments.txt", "/data/gone\n/data/plain\n\n  /data/project/env/ \r\nrelative/env\n");
  EXPECT_THAT(Found(), ElementsAre("/data/project/env /data/project/env"));
  EXPECT_EQ(found_.prefixes[0].found_in, "/home/ada/.conda/environments.txt");
  EXPECT_EQ(found_.prefixes[0].owner, getuid());
}

TEST_F(CondaDiscoveryTest, RootReadsTheListOfEveryHome) {
  Prefix("/data/a");
  Put("/home/grace/.conda/environments.txt", "/data/a\n");
  EXPECT_THAT(Found(), IsEmpty());
  places_.homes = {"/home/grace", "/home/nobody"};
  EXPECT_THAT(Found(), ElementsAre("/data/a /data/a"));
}

TEST_F(CondaDiscoveryTest, ARootPrefixIsBaseAndItsEnvironmentsHaveNames) {
  Prefix("/opt/conda");
  Prefix("/opt/conda/envs/rnaseq");
  Folder("/opt/conda/envs/not-an-environment");
  EXPECT_THAT(Found(), ElementsAre("base /opt/conda", "rnaseq /opt/conda/envs/rnaseq"));
}

TEST_F(CondaDiscoveryTest, FindsRootsByVariable) {
  Prefix("/sw/conda");
  Prefix("/sw/conda/envs/a");
  Prefix("/sw/mamba/envs/b");  // micromamba's root is often no environment itself
  places_.environment = {{"CONDA_EXE", "/sw/conda/bin/conda"}, {"MAMBA_ROOT_PREFIX", "/sw/mamba"}};
  EXPECT_THAT(Found(), ElementsAre("base /sw/conda", "a /sw/conda/envs/a", "b /sw/mamba/envs/b"));
}

TEST_F(CondaDiscoveryTest, ARootThatOnlyTheListKnowsIsBaseToo) {
  Prefix("/big/conda");
  Put("/big/conda/condabin/conda", "");
  Prefix("/big/conda/envs/x");
  Put("/home/ada/.conda/environments.txt", "/big/conda\n");
  EXPECT_THAT(Found(), ElementsAre("base /big/conda", "x /big/conda/envs/x"));
}

TEST_F(CondaDiscoveryTest, ReadsEnvsDirsInEveryPlaceOfCondarc) {
  const std::vector<std::string> files = {
      "/etc/conda/.condarc",        "/etc/conda/condarc",           "/etc/conda/condarc.d/site.yml", "/var/lib/conda/.condarc",
      "/sw/conda/.condarc",         "/xdg/conda/condarc.d/a.yaml",  "/home/ada/.config/conda/.condarc", "/home/ada/.conda/.condarc",
      "/home/ada/.conda/condarc.d/b.yml", "/home/ada/.condarc",     "/home/ada/.mambarc",            "/active/.condarc",
      "/elsewhere/settings"};
  places_.environment = {{"CONDA_ROOT", "/sw/conda"}, {"XDG_CONFIG_HOME", "/xdg"}, {"CONDA_PREFIX", "/active"},
                         {"CONDARC", "/elsewhere/settings"}};
  std::vector<std::string> expected;
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string name = "e" + std::to_string(100 + i);
    Prefix("/envs" + std::to_string(100 + i) + "/" + name);
    Put(files[i], "channels: [defaults]\nenvs_dirs:\n  - /envs" + std::to_string(100 + i) + "\n");
    expected.push_back(name + " /envs" + std::to_string(100 + i) + "/" + name);
  }
  EXPECT_EQ(Found(), expected);
  EXPECT_THAT(found_.remarks, IsEmpty());
}

TEST_F(CondaDiscoveryTest, ReadsEnvsDirsOfTheEnvironment) {
  Prefix("/one/a");
  Prefix("/two/b");
  Prefix("/three/c");
  Prefix("/home/ada/.conda/envs/own");
  places_.environment = {{"CONDA_ENVS_PATH", "/one:/two"}, {"CONDA_ENVS_DIRS", "/three"}};
  EXPECT_THAT(Found(), ElementsAre("own /home/ada/.conda/envs/own", "a /one/a", "c /three/c", "b /two/b"));
}

TEST_F(CondaDiscoveryTest, OnePrefixWithManyPathsIsFoundOnce) {
  Prefix("/opt/conda/envs/a");
  dir_.Link("opt/conda/envs/same", "a");
  Put("/home/ada/.conda/environments.txt", "/opt/conda/envs/a\n/opt//conda/./envs/a/\n");
  EXPECT_THAT(Found(), ElementsAre("a /opt/conda/envs/a"));
}

TEST_F(CondaDiscoveryTest, SaysWhichFileItCouldNotRead) {
  Put("/home/ada/.condarc", "envs_dirs: [unclosed\n");
  Prefix("/opt/conda/envs/a");
  EXPECT_THAT(Found(), ElementsAre("a /opt/conda/envs/a")) << "one bad file does not hide the rest";
  ASSERT_EQ(found_.remarks.size(), 1U);
  EXPECT_THAT(found_.remarks[0], HasSubstr("/home/ada/.condarc"));
}

TEST_F(CondaDiscoveryTest, AFifoInSomebodysHomeDoesNotStopTheSearch) {
  Folder("/home/eve/.conda");
  dir_.Fifo("home/eve/.conda/environments.txt");
  Prefix("/opt/conda/envs/a");
  places_.homes = {"/home/eve"};
  EXPECT_THAT(Found(), ElementsAre("a /opt/conda/envs/a"));
}

TEST(Condarc, ExpandsPathsAsCondaDoes) {
  const Environment environment{{"USER", "ada"}, {"GROUP_DIR", "/g"}};
  EXPECT_EQ(ExpandPath("~/envs", environment, "/home/ada"), "/home/ada/envs");
  EXPECT_EQ(ExpandPath("$GROUP_DIR/${USER}/envs", environment, ""), "/g/ada/envs");
  EXPECT_EQ(ExpandPath("/x/$NOT_SET/${USER", environment, ""), "/x/$NOT_SET/${USER");
  EXPECT_EQ(ExpandPath("/~/$", environment, "/home/ada"), "/~/$");
}

TEST(Condarc, TakesATextWhereAListIsWanted) {
  EXPECT_THAT(ParseCondarc("envs_dirs: /one\n", {}, "")->envs_dirs, ElementsAre("/one"));
  EXPECT_THAT(ParseCondarc("envs_path: [/one, ~/two, 3]\n", {}, "/h")->envs_dirs, ElementsAre("/one", "/h/two"));
  EXPECT_THAT(ParseCondarc("root_prefix: /m\n", {}, "")->root_prefix, ElementsAre("/m"));
  EXPECT_THAT(ParseCondarc("", {}, "")->envs_dirs, IsEmpty());
}

TEST(CondaName, IsWhatActivateCallsIt) {
  EXPECT_EQ(CondaName("/opt/conda", true), "base");
  EXPECT_EQ(CondaName("/opt/conda/envs/a", false), "a");
  EXPECT_EQ(CondaName("/data/a", false), "/data/a");
}

}  // namespace
}  // namespace fumehood
