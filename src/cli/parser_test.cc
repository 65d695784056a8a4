#include "src/cli/parser.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/ulid.h"
#include "src/cli/spec_flags.h"
#include "src/config/profiles.h"
#include "src/spec/fields.h"

namespace fumehood {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Parsed ParseOrDie(const std::vector<std::string>& words) {
  auto parsed = ParseCommandLine(words);
  EXPECT_TRUE(parsed) << parsed.error().message();
  return parsed ? std::move(parsed).value() : Parsed();
}

// All that is wrong with the words, a line each.
std::string Refusal(const std::vector<std::string>& words) {
  const auto parsed = ParseCommandLine(words);
  const Error error = parsed ? CommandLineError(words[0], parsed->arguments.problems) : parsed.error();
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  std::string text = error.message() + "\n";
  for (const Problem& problem : error.problems()) text += problem.source + ": " + problem.message + "\n";
  return text;
}

TEST(Parser, AFlagWithAValueDoesNotSwallowTheNextWord) {
  const Parsed parsed = ParseOrDie({"run", "--env", "A=1", "spec.yaml"});
  EXPECT_THAT(parsed.arguments.Values("env"), ElementsAre("A=1"));
  EXPECT_THAT(parsed.arguments.positional, ElementsAre("spec.yaml"));
}

TEST(Parser, WhatStandsBehindTheDashesIsTheAnalysisOwn) {
  const Parsed parsed = ParseOrDie({"run", "-m", "100", "--", "tool", "--help", "--", "-x"});
  EXPECT_EQ(parsed.arguments.Value("memory"), "100");
  EXPECT_THAT(parsed.arguments.command, ElementsAre("tool", "--help", "--", "-x"));
  EXPECT_FALSE(parsed.arguments.Has("help"));
}

TEST(Parser, TakesAValueBehindAnEqualsSign) { EXPECT_EQ(ParseOrDie({"run", "--cpus=0.5", "--", "x"}).arguments.Value("cpus"), "0.5"); }

TEST(Parser, KeepsTheOrderOfAFlagThatMayBeRepeated) {
  const Parsed parsed = ParseOrDie({"run", "--input", "b", "--input", "a", "--", "x"});
  EXPECT_THAT(parsed.arguments.Values("input"), ElementsAre("b", "a"));
}

TEST(Parser, RefusesAFlagThatMayNotBeRepeated) {
  EXPECT_THAT(Refusal({"run", "--memory", "1", "--memory", "2", "--", "x"}), HasSubstr("--memory: was given 2 times"));
}

TEST(Parser, AnswersATypoInAFlagWithTheNearestName) { EXPECT_THAT(Refusal({"run", "--memroy", "1", "--", "x"}), HasSubstr("did you mean --memory?")); }

TEST(Parser, AnswersATypoInACommandWithTheNearestName) { EXPECT_THAT(Refusal({"statsu"}), HasSubstr("did you mean `fumehood status`?")); }

TEST(Parser, ShowsTheTextOfAnUnknownCommandEscaped) { EXPECT_THAT(Refusal({"\033[2J"}), HasSubstr("\\x1b")); }

TEST(Parser, RefusesAFlagWithoutItsValue) {
  EXPECT_THAT(Refusal({"run", "--memory"}), HasSubstr("--memory: needs a value: --memory MIB"));
  EXPECT_THAT(Refusal({"run", "-m", "--cpus", "1", "--", "x"}), HasSubstr("--memory: needs a value"));
}

TEST(Parser, TellsOfEveryFaultAtOnce) {
  EXPECT_EQ(Refusal({"run", "--memroy", "1", "--nme=x", "--cpus", "1", "--cpus", "2", "--pids"}),
            "the command line has 4 problems; see `fumehood run --help`\n"
            ": there is no flag '--memroy'; did you mean --memory?\n"
            ": there is no flag '--nme'; did you mean --name?\n"
            "--pids: needs a value: --pids N\n"
            "--cpus: was given 2 times\n");
}

TEST(Parser, TheValueOfAMisspeltFlagIsNoArgument) {
  const Parsed parsed = ParseOrDie({"run", "--memroy", "5", "spec.yaml"});
  EXPECT_THAT(parsed.arguments.positional, ElementsAre("spec.yaml"));
  EXPECT_EQ(parsed.arguments.problems.size(), 1U);
}

TEST(Parser, OnlyCommandsThatTellThemHandFaultsOn) {
  EXPECT_TRUE(ParseCommandLine({"run", "--nonsense"}));
  EXPECT_FALSE(ParseCommandLine({"status", "--nonsense"}));
}

TEST(Parser, HelpIsForEveryCommandAndNamesEachOfItsFlags) {
  for (const Command& command : AllCommands()) {
    const Parsed parsed = ParseOrDie({command.name, "--help"});
    EXPECT_EQ(parsed.command, nullptr);
    EXPECT_THAT(parsed.text, HasSubstr("Usage: fumehood " + command.name));
    for (const Flag& flag : command.flags) EXPECT_THAT(parsed.text, HasSubstr("--" + flag.name));
  }
}

TEST(Parser, NoCommandHasTwoFlagsOfOneNameOrLetter) {
  for (const Command& command : AllCommands()) {
    std::map<std::string, int> names;
    for (const Flag& flag : command.flags) {
      EXPECT_EQ(++names["--" + flag.name], 1) << command.name << " " << flag.name;
      if (flag.letter == 0) continue;
      EXPECT_EQ(++names[std::string(1, flag.letter)], 1) << command.name << " -" << flag.letter;
    }
  }
}

TEST(SpecFlags, EveryFlagThatTheTableOfFieldsNamesIsThere) {
  for (const FieldInfo& field : SpecFields()) {
    if (!field.flag.starts_with("--") || field.flag.size() == 2) continue;
    const std::string name(field.flag.substr(2, field.flag.find(' ') - 2));
    const std::vector<Flag> flags = SpecFlags();
    if (name.empty()) continue;  // `command`: what stands behind --
    EXPECT_TRUE(std::any_of(flags.begin(), flags.end(), [&](const Flag& flag) { return flag.name == name; })) << field.flag;
  }
}

// The spec that comes of `file` (YAML) with flags over it.
AnalysisSpec Over(const std::string& file, std::vector<std::string> words) {
  const std::string path = testing::TempDir() + "fumehood-flags-" + NewRunId() + ".yaml";
  std::ofstream(path) << file;
  words.insert(words.begin(), {"explain", path});
  Config config;
  config.profiles = BuiltInProfiles();
  auto given = SpecFromArguments(ParseOrDie(words).arguments, config, CurrentSubmitter());
  unlink(path.c_str());
  std::string problems;
  if (!given) {
    for (const Problem& problem : given.error().problems()) problems += problem.field + " " + problem.message + "\n";
  }
  EXPECT_TRUE(given) << given.error().message() << "\n" << problems;
  return given ? std::move(given->spec) : AnalysisSpec();
}

// The problems of `file` with flags over it, a line each, as a person sees them; what is judged by Resolve included.
std::string ProblemsOver(const std::string& file, std::vector<std::string> words) {
  const std::string path = testing::TempDir() + "fumehood-flags-" + NewRunId() + ".yaml";
  std::ofstream(path) << file;
  words.insert(words.begin(), {"explain", path});
  Config config;
  config.profiles = BuiltInProfiles();
  const std::string workdir = testing::TempDir() + "fumehood-flags-" + NewRunId();  // /tmp itself would be refused
  EXPECT_EQ(mkdir(workdir.c_str(), 0700), 0);
  const Submitter submitter{workdir, {}};
  const auto given = SpecFromArguments(ParseOrDie(words).arguments, config, submitter);
  const auto resolved = given ? Resolve(given->spec, config, submitter) : Result<ResolvedRun>(given.error());
  unlink(path.c_str());
  rmdir(workdir.c_str());
  if (resolved) return "no problem\n";
  const Error error = given ? given->Placed(resolved.error()) : given.error();
  std::string problems;
  for (const Problem& problem : error.problems()) {
    problems += (problem.source == path ? "file:" + std::to_string(problem.line) : problem.source) + " " + problem.field + "\n";
  }
  return problems;
}

TEST(SpecFlags, EachProblemIsToldWithItsLineOrItsFlag) {
  EXPECT_EQ(ProblemsOver("command: [true]\npids_limit: 0\nworkdir: /nosuch\nenv: {A B: '1'}\n", {"--cpus", "0", "--label", "a b=c"}),
            "--cpus cpu_quota\n--label labels['a b']\nfile:2 pids_limit\nfile:3 workdir\nfile:4 env['A B']\n");
}

TEST(SpecFlags, AValueThatIsNoneHidesNothingElse) {
  EXPECT_EQ(ProblemsOver("command: [true]\nstdin: /nosuch\ngpus: many\n", {"--memory", "x", "--pids", "0", "--input", "/nosuch"}),
            "--memory memory_limit_mb\n--pids pids_limit\n--input inputs[0].path\nfile:2 stdin\nfile:3 gpus\n");
}

TEST(SpecFlags, AnEntryOfAListKeepsItsPlaceInTheFile) {
  EXPECT_EQ(ProblemsOver("command: [true]\ninputs:\n- {path: /nosuch/a, to: a}\n- {path: /nosuch/b, to: b}\noutputs: ['/x']\n"
                         "databases:\n- {name: 1a, path: /nosuch/d}\n",
                         {"--input", "/nosuch/c:a", "--output", "/y"}),
            "--output outputs[1]\n--input inputs[1].path\nfile:4 inputs[1].path\nfile:5 outputs[0]\nfile:7 databases[0].name\n"
            "file:7 databases[0].path\n");
}

TEST(SpecFlags, ANameThatIsNotKnownExplainsWhatIsMissingBesideIt) {
  EXPECT_EQ(ProblemsOver("command: [true]\nnetwork: {alow: ['a.org:443']}\n", {}), "file:2 network\nfile:2 network.alow\n");
  EXPECT_EQ(ProblemsOver("command: [true]\ndatabases: [{nam: x, path: /nosuch}]\n", {}),
            "file:2 databases[0].name\nfile:2 databases[0].nam\nfile:2 databases[0].path\n");
}

std::string FirstMessage(std::vector<std::string> words) {
  words.insert(words.begin(), "run");
  words.insert(words.end(), {"--", "true"});
  Config config;
  config.profiles = BuiltInProfiles();
  const auto given = SpecFromArguments(ParseOrDie(words).arguments, config, {testing::TempDir(), {}});
  return given || given.error().problems().empty() ? "" : given.error().problems()[0].message;
}

TEST(SpecFlags, AMessageSaysWhatIsNeeded) {
  EXPECT_EQ(FirstMessage({"--memory", "1g"}), "'1g' is no whole number; it is given in MiB, without a unit");
  EXPECT_EQ(FirstMessage({"--memory", "99999999999999999999"}), "'99999999999999999999' is too large a number; allowed: 1 to 16777216");
  EXPECT_EQ(FirstMessage({"--network", "hots"}), "'hots' is no network; there are none and host; did you mean 'host'?");
  EXPECT_EQ(FirstMessage({"--input", "a:b:roo"}), "'roo' is no mode; there are ro, cow and copy; did you mean 'ro'?");
  EXPECT_EQ(FirstMessage({"--db", "a=b:snapshto"}), "'snapshto' is no mode; there are snapshot and ro; did you mean 'snapshot'?");
}

TEST(SpecFlags, ANumberReplacesWhatTheFileSaysOfThatQuantityInWhateverForm) {
  for (const std::string form : {"100", "auto", "{start: 100, on_oom: x2, max: 400}"}) {
    const AnalysisSpec spec = Over("command: [true]\nmemory_limit_mb: " + form + "\n", {"--memory", "300"});
    EXPECT_EQ(spec.memory_limit_mb, 300) << form;
    EXPECT_FALSE(spec.memory_plan) << form;
  }
}

TEST(SpecFlags, WhatAFlagReplacesMayBeAnythingReadable) {
  const AnalysisSpec spec = Over(
      "command: [true]\ntimeout_seconds: 99999999999\nprofile: nobodys\nexecutor: slurm\nnetwork: {allow: [a.org:443]}\ngpus: 1\n",
      {"--timeout", "5", "--profile", "tool", "--executor", "local", "--network", "none", "--gpus", "0"});
  EXPECT_EQ(spec.timeout_seconds, 5);
  EXPECT_EQ(spec.profile, "tool");
  EXPECT_EQ(spec.executor, "local");
  EXPECT_EQ(spec.gpus, 0);
}

TEST(SpecFlags, AnEntryReplacesTheFilesOfThatNameOrPlaceAndLeavesTheOthers) {
  const AnalysisSpec spec = Over(
      "command: [true]\n"
      "env: {A: file, B: file}\n"
      "labels: {x: file, y: file}\n"
      "databases: [{name: one, path: a.db, mode: ro}, {name: two, path: b.db}]\n"
      "inputs: [{path: p, to: data, mode: cow}, {path: q}, {path: r}]\n"
      "network: host\n"
      "outputs: [a]\n",
      {"--env", "A=flag", "--label", "x=flag", "--db", "one=c.db", "--input", "new:data", "--input", "q", "--network", "none", "--output", "b"});
  EXPECT_EQ(std::get<std::string>(spec.env.at("A")), "flag");
  EXPECT_EQ(std::get<std::string>(spec.env.at("B")), "file");
  EXPECT_EQ(spec.labels.at("x"), "flag");
  EXPECT_EQ(spec.labels.at("y"), "file");
  EXPECT_THAT(spec.databases, ElementsAre(DatabaseSpec{.name = "two", .path = "b.db"}, DatabaseSpec{.name = "one", .path = "c.db"}));
  EXPECT_THAT(spec.inputs, ElementsAre(InputSpec{.path = "r"}, InputSpec{.path = "new", .to = "data"}, InputSpec{.path = "q"}));
  EXPECT_EQ(spec.network.mode, NetworkMode::kNone);
  EXPECT_THAT(spec.outputs, ElementsAre("a", "b"));
}

}  // namespace
}  // namespace fumehood
