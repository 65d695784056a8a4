#include "src/runtime/conda_activation.h"

#include <gmock/gmock.h>

#include "src/record/test_dir.h"
#include "src/runtime/activation_cache.h"
#include "src/runtime/test_bash.h"

namespace fumehood {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class CondaActivationTest : public ::testing::Test {
 protected:
  CondaActivationTest() {
    for (const char* path : {"envs", "envs/lab", "envs/lab/conda-meta", "envs/lab/etc", "envs/lab/etc/conda", "envs/lab/etc/conda/activate.d",
                             "envs/lab/etc/conda/env_vars.d"}) {
      dir_.Dir(path);
    }
    Put("conda-meta/history", "");
    input_.prefix = prefix_;
    input_.base = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/nowhere"}};
  }
  void Put(const std::string& name, const std::string& text) const { dir_.Put("envs/lab/" + name, text); }
  void Script(const std::string& name, const std::string& text) const { Put("etc/conda/activate.d/" + name, text); }

  // Of what the scripts set, besides what conda sets.
  std::map<std::string, std::string> SetByScripts() {
    const auto difference = ActivateConda(input_, RunByBash);
    if (!difference) return {{"error", difference.error().message()}};
    const EnvironmentDifference condas = StaticActivation(input_).value();
    std::map<std::string, std::string> set = difference->set;
    std::erase_if(set, [&](const auto& variable) {
      const auto found = condas.set.find(variable.first);
      return found != condas.set.end() && found->second == variable.second;
    });
    return set;
  }

  TestDir dir_;
  const std::string prefix_ = dir_.At("envs/lab");
  ActivationInput input_;
};

TEST_F(CondaActivationTest, SetsWhatCondaSets) {
  const auto difference = ActivateConda(input_, nullptr);
  ASSERT_TRUE(difference) << difference.error().message();
  EXPECT_THAT(difference->set,
              UnorderedElementsAre(Pair("PATH", prefix_ + "/bin:/usr/bin:/bin"), Pair("CONDA_PREFIX", prefix_), Pair("CONDA_SHLVL", "1"),
                                   Pair("CONDA_DEFAULT_ENV", "lab"), Pair("CONDA_PROMPT_MODIFIER", "(lab) ")));
  EXPECT_THAT(difference->unset, IsEmpty());
}

TEST_F(CondaActivationTest, NamesTheCondaWhereThereIsOne) {
  input_.conda_root = "/opt/conda";
  input_.is_base = true;
  const auto difference = ActivateConda(input_, nullptr);
  EXPECT_EQ(difference->set.at("PATH"), prefix_ + "/bin:/opt/conda/condabin:/usr/bin:/bin");
  EXPECT_EQ(difference->set.at("CONDA_EXE"), "/opt/conda/bin/conda");
  EXPECT_EQ(difference->set.at("CONDA_DEFAULT_ENV"), "base");
}

TEST_F(CondaActivationTest, AnActiveEnvironmentOfTheCallerLeavesNothing) {
  input_.base["CONDA_PREFIX"] = "/other";
  input_.base["CONDA_SHLVL"] = "2";
  input_.base["CONDA_PREFIX_1"] = "/more";
  const auto difference = ActivateConda(input_, nullptr);
  EXPECT_EQ(difference->set.at("CONDA_SHLVL"), "1");
  EXPECT_THAT(difference->unset, ElementsAre("CONDA_PREFIX_1"));
  EXPECT_EQ(Apply(*difference, input_.base).count("CONDA_PREFIX_1"), 0U);
}

TEST_F(CondaActivationTest, VariablesOfPackagesAreOverriddenByTheUsers) {
  Put("etc/conda/env_vars.d/10-b.json", R"({"FROM_B": "b", "lower_b": "x", "BOTH": "b", "GONE": "b"})");
  Put("etc/conda/env_vars.d/2-a.json", R"({"BOTH": "a", "PATH": "/evil", "COUNT": 3})");
  Put("conda-meta/state", R"({"env_vars": {"BOTH": "user", "GONE": "***unset***", "path": "/evil"}, "pinned": 1})");
  const auto set = ActivateConda(input_, nullptr)->set;
  EXPECT_EQ(set.at("FROM_B"), "b");
  EXPECT_EQ(set.at("LOWER_B"), "x") << "conda sets names in capitals, whatever was written";
  EXPECT_EQ(set.count("lower_b"), 0U);
  EXPECT_EQ(set.at("BOTH"), "user");
  EXPECT_EQ(set.count("GONE"), 0U);
  EXPECT_EQ(set.at("COUNT"), "3");
  EXPECT_EQ(set.at("PATH"), prefix_ + "/bin:/usr/bin:/bin") << "PATH is reserved";
}

TEST_F(CondaActivationTest, AVariableThatWasSetBeforeIsSaved) {
  input_.base["LANG"] = "C";
  input_.base["SAME"] = "same";
  Put("conda-meta/state", R"({"env_vars": {"LANG": "de_DE", "SAME": "same"}})");
  const auto set = ActivateConda(input_, nullptr)->set;
  EXPECT_EQ(set.at("__CONDA_SHLVL_0_LANG"), "C");
  EXPECT_EQ(set.count("__CONDA_SHLVL_0_SAME"), 0U);
}

TEST_F(CondaActivationTest, RefusesVariablesThatAreNone) {
  Put("conda-meta/state", R"({"env_vars": {"A=B": "x"}})");
  EXPECT_EQ(ActivateConda(input_, nullptr).error().code(), ErrorCode::kCorrupt);
  Put("conda-meta/state", R"({"env_vars": {"A": ["x"]}})");
  EXPECT_THAT(ActivateConda(input_, nullptr).error().message(), HasSubstr("conda-meta/state"));
  Put("conda-meta/state", R"({"env_vars": )");
  EXPECT_THAT(ActivateConda(input_, nullptr).error().message(), HasSubstr("not JSON"));
}

TEST_F(CondaActivationTest, IsNoEnvironmentWithoutItsHistory) {
  ASSERT_EQ(unlinkat(dir_.fd(), "envs/lab/conda-meta/history", 0), 0);
  EXPECT_EQ(ActivateConda(input_, nullptr).error().code(), ErrorCode::kNotFound);
}

TEST_F(CondaActivationTest, ScriptsRunInTheOrderOfTheirBytes) {
  for (const std::string name : {"10-a", "2-b", "Z", "a"}) Script(name + ".sh", "export ORDER=\"$ORDER " + name + "\"\n");
  Script("no.fish", "export ORDER=never\n");
  EXPECT_THAT(SetByScripts(), ElementsAre(Pair("ORDER", " 10-a 2-b Z a")));
}

TEST_F(CondaActivationTest, ScriptsMayReadWhatIsNotSetAndFail) {
  Script("a.sh", "if [ -n \"$PROJ_LIB\" ]; then export OLD=\"$PROJ_LIB\"; fi\nexport PROJ_LIB=\"$CONDA_PREFIX/share/proj\"\nfalse\n");
  Script("b.sh", "set -eu\nfalse\nexport REACHED=\"after false\"\n");
  Script("c.sh", "echo \"$NOT_SET\"\nexport THEN=still\nreturn 3\n");
  EXPECT_THAT(SetByScripts(),
              UnorderedElementsAre(Pair("PROJ_LIB", prefix_ + "/share/proj"), Pair("REACHED", "after false"), Pair("THEN", "still")));
}

TEST_F(CondaActivationTest, WhatScriptsPrintIsNotTakenForTheirEnvironment) {
  Script("a.sh", "echo EVIL=1; printf 'EVIL=2\\0'; printf 'EVIL=3\\0' >&3; export VALUE=$'two\\nlines = '\n");
  EXPECT_THAT(SetByScripts(), ElementsAre(Pair("VALUE", "two\nlines = ")));
}

TEST_F(CondaActivationTest, ScriptsMayRemoveAndUseWhatWasSet) {
  input_.base["R_HOME"] = "/usr/lib/R";
  Put("conda-meta/state", R"({"env_vars": {"GIVEN": "1", "TAKEN": "1"}})");
  Script("a.sh", "unset R_HOME TAKEN; export GIVEN=\"$GIVEN+1\" PATH=\"$CONDA_PREFIX/libexec:$PATH\"; helper() { echo hi; }\n");
  Script("b.sh", "export SAID=$(helper)\n");
  const auto difference = ActivateConda(input_, RunByBash);
  ASSERT_TRUE(difference) << difference.error().message();
  EXPECT_THAT(difference->unset, ElementsAre("R_HOME"));
  EXPECT_EQ(difference->set.count("TAKEN"), 0U);
  EXPECT_EQ(difference->set.at("GIVEN"), "1+1");
  EXPECT_EQ(difference->set.at("SAID"), "hi") << "all scripts share one shell";
  EXPECT_EQ(difference->set.at("PATH"), prefix_ + "/libexec:" + prefix_ + "/bin:/usr/bin:/bin");
}

TEST_F(CondaActivationTest, ExportedFunctionsAreKeptAndTheShellsOwnVariablesAreNot) {
  Script("a.sh", "module() { echo loaded; }; export -f module; cd /; set -a; LEFT=1\n");
  const auto set = SetByScripts();
  EXPECT_THAT(set, UnorderedElementsAre(Pair("BASH_FUNC_module%%", HasSubstr("echo loaded")), Pair("LEFT", "1")));
}

TEST_F(CondaActivationTest, TheCallersBashSettingsDoNotReachTheScripts) {
  dir_.Put("trap.sh", "export TRAPPED=1\n");
  input_.base["BASH_ENV"] = dir_.At("trap.sh");
  input_.base["SHELLOPTS"] = "nounset:errexit";
  Script("a.sh", "export A=\"$NOT_SET\"done\n");
  EXPECT_THAT(SetByScripts(), ElementsAre(Pair("A", "done")));
}

TEST_F(CondaActivationTest, NamesTheScriptThatEndsTheShell) {
  Script("a.sh", "export A=1\n");
  Script("b.sh", "exit 0\n");
  EXPECT_THAT(SetByScripts()["error"], HasSubstr("b.sh"));
  Script("b.sh", "exec true\n");
  EXPECT_THAT(SetByScripts()["error"], HasSubstr("b.sh"));
}

TEST_F(CondaActivationTest, AScriptThatHangsIsEndedAndNamed) {
  Script("a.sh", "export A=1\n");
  Script("b.sh", "read -r line < <(sleep 30)\n");
  const auto plan = PlanActivation(*ActivationScripts(prefix_), input_.base, std::chrono::seconds(1));
  const auto difference = ParseActivationDump(RunByBash(plan).value(), plan.environment);
  ASSERT_FALSE(difference);
  EXPECT_EQ(difference.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(difference.error().message(), HasSubstr("b.sh"));
}

TEST_F(CondaActivationTest, WhatAScriptLeavesRunningHoldsNothingUp) {
  Script("a.sh", "sleep 3 & export A=1\n");
  Script("b.sh", "disown -a; wait; export B=1\n");
  EXPECT_THAT(SetByScripts(), UnorderedElementsAre(Pair("A", "1"), Pair("B", "1")));
}

TEST(ActivationDump, IsReadWholeOrNotAtAll) {
  using namespace std::string_literals;
  const std::string good = "begin\0/x.sh\0environment\0A=1\0_=/usr/bin/env\0complete\0"s;
  ASSERT_TRUE(ParseActivationDump(good, {}));
  EXPECT_THAT(ParseActivationDump(good, {})->set, ElementsAre(Pair("A", "1")));
  for (size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(ParseActivationDump(good.substr(0, size), {})) << size;
  EXPECT_FALSE(ParseActivationDump(good + "B=1\0"s, {}));
  EXPECT_FALSE(ParseActivationDump("A=1\0"s + good, {}));
}

class ActivationCacheTest : public CondaActivationTest {
 protected:
  std::string Key() const { return ActivationKey(input_).value(); }
};

TEST_F(ActivationCacheTest, KeepsADifferenceExactly) {
  const EnvironmentDifference difference{.set = {{"A", "1\n\"\\"}, {"FOO", "\xff\xfe"}, {"FOO_hex", "x"}, {"BASH_FUNC_m%%", "() { :; }"}},
                                         .unset = {"R_HOME", "\xff"}};
  EXPECT_EQ(*FindActivation(dir_.fd(), Key()), std::nullopt);
  ASSERT_TRUE(KeepActivation(dir_.fd(), Key(), difference));
  EXPECT_EQ(*FindActivation(dir_.fd(), Key()), difference);
}

TEST_F(ActivationCacheTest, WhatCannotBeReadIsMadeAnew) {
  dir_.Put(Key() + ".json", "{\"version\":1,\"set\":[");
  EXPECT_EQ(*FindActivation(dir_.fd(), Key()), std::nullopt);
}

TEST_F(ActivationCacheTest, ScriptsRunOnceForEachStateOfThePrefix) {
  Script("a.sh", "export A=1\n");
  int runs = 0;
  const auto count = [&](const ActivationScript& script) {
    ++runs;
    return RunByBash(script);
  };
  const auto first = ActivateKept(dir_.fd(), input_, count);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(*ActivateKept(dir_.fd(), input_, count), *first);
  EXPECT_EQ(runs, 1);
  Script("b.sh", "export B=1\n");
  EXPECT_EQ(ActivateKept(dir_.fd(), input_, count)->set.at("B"), "1");
  EXPECT_EQ(runs, 2);
  Script("b.sh", "exit 1 # fails\n");
  EXPECT_FALSE(ActivateKept(dir_.fd(), input_, count));
  EXPECT_FALSE(ActivateKept(dir_.fd(), input_, count)) << "a failure is not kept";
  EXPECT_EQ(runs, 4);
}

TEST_F(ActivationCacheTest, TheKeyFollowsEverythingThatAnActivationReads) {
  Script("a.sh", "export A=1\n");
  std::set<std::string> keys{Key()};
  const auto changes = [&](const char* what) { EXPECT_TRUE(keys.insert(Key()).second) << what; };
  EXPECT_FALSE(keys.insert(Key()).second) << "nothing changed";
  // The kernel's file times move by ticks of some milliseconds.
  const std::string path = "envs/lab/etc/conda/activate.d/a.sh";
  const auto before = FindStat(dir_.fd(), path, true).value()->st_ctim;
  const auto moved = [&] {
    const auto now = FindStat(dir_.fd(), path, true).value()->st_ctim;
    return now.tv_sec != before.tv_sec || now.tv_nsec != before.tv_nsec;
  };
  do Script("a.sh", "export A=2\n");
  while (!moved());
  changes("a script was edited where it lies, to the same size");
  Script("b.sh", "");
  changes("a script came");
  ASSERT_EQ(unlinkat(dir_.fd(), "envs/lab/etc/conda/activate.d/b.sh", 0), 0);
  Put("conda-meta/state", "{}");
  changes("the user's variables came");
  Put("conda-meta/history", "# update specs: []\n");
  changes("a transaction");
  Put("etc/conda/env_vars.d/x.json", "{}");
  changes("a package's variables came");
  input_.base["LANG"] = "C";
  changes("another environment to start from");
  input_.conda_root = "/opt/conda";
  changes("another conda");
}

}  // namespace
}  // namespace fumehood
