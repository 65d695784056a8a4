#include "src/engine/pipeline_parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "src/spec/problem_list.h"
#include "src/spec/test_spec.h"

namespace fumehood {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Result<std::vector<std::string>> SomeReads(const std::string& directory) {
  if (directory == "reads") return std::vector<std::string>{"s2_1.fq", "s1_1.fq", "s1_2.fq", ".s9_1.fq", "notes.txt"};
  return Error(ErrorCode::kNotFound, "no such directory");
}

PipelineReading Read(std::string_view text, Format format = Format::kYaml) { return ReadPipeline(text, format, "p.yaml", TestConfig(), SomeReads); }

std::string Problems(std::string_view text, Format format = Format::kYaml) {
  std::string out;
  for (const Problem& problem : Read(text, format).problems) out += ProblemText(problem) + "\n";
  return out;
}

PipelinePlan Plan(std::string_view text, Format format = Format::kYaml) {
  PipelineReading reading = Read(text, format);
  EXPECT_EQ(Problems(text, format), "");
  return std::move(reading.plan);
}

std::vector<std::string> Ids(const PipelinePlan& plan) {
  std::vector<std::string> ids;
  for (const PipelineStep& step : plan.steps) ids.push_back(step.id);
  return ids;
}

constexpr const char* kSmall = R"(name: small
defaults:
  memory_limit_mb: 512
  env: {LC_ALL: C, STEP: none}
steps:
  index:
    command: bwa index ref.fa
    outputs: ["ref.fa.*"]
  align:
    foreach: [s1, s2]
    needs: [index]
    command: bwa mem {item}.fq ${HOME} > {item}.bam
    env: {STEP: "{item}"}
    outputs: ["{item}.bam"]
  call:
    command: [call.sh]
    memory_limit_mb: 1024
    inputs:
      - {from: align, path: "{each}.bam", to: "bams/{each}.bam"}
      - {from: "align[s2]", path: s2.bam}
      - {path: regions.bed, to: regions.bed}
)";

TEST(PipelineParse, WritesAForeachOutAndFindsWhatEachStepNeeds) {
  const PipelinePlan plan = Plan(kSmall);
  EXPECT_EQ(plan.name, "small");
  EXPECT_THAT(Ids(plan), ElementsAre("index", "align[s1]", "align[s2]", "call"));
  EXPECT_THAT(plan.steps[1].needs, ElementsAre(0));
  EXPECT_THAT(plan.steps[3].needs, ElementsAre(1, 2));
  EXPECT_THAT(plan.order, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(LastSteps(plan), ElementsAre(3));
  EXPECT_THAT(plan.steps[2].spec.command, ElementsAre("bwa mem s2.fq ${HOME} > s2.bam"));
  EXPECT_TRUE(plan.steps[2].spec.command_is_script);
  EXPECT_EQ(plan.steps[2].spec.name, "align[s2]");
  const PipelineStep& call = plan.steps[3];
  ASSERT_EQ(call.from.size(), 3U);
  EXPECT_EQ(call.from[1].path, "s2.bam");
  EXPECT_EQ(call.spec.inputs[1].to, "bams/s2.bam");
  EXPECT_EQ(call.spec.inputs[2].to, "s2.bam");
  EXPECT_EQ(call.spec.inputs[3].path, "regions.bed");
  EXPECT_THAT(call.input_origins, ElementsAre(0, 0, 1, 2));
}

TEST(PipelineParse, GivesAStepTheDefaultsThatItDoesNotReplace) {
  const PipelinePlan plan = Plan(kSmall);
  EXPECT_EQ(plan.steps[1].spec.memory_limit_mb, 512);
  EXPECT_EQ(plan.steps[3].spec.memory_limit_mb, 1024);
  EXPECT_EQ(std::get<std::string>(plan.steps[2].spec.env.at("LC_ALL")), "C");
  EXPECT_EQ(std::get<std::string>(plan.steps[2].spec.env.at("STEP")), "s2");
  EXPECT_EQ(std::get<std::string>(plan.steps[3].spec.env.at("STEP")), "none");
}

TEST(PipelineParse, MakesAStepOfEachFileThatAGlobFinds) {
  const PipelinePlan plan = Plan("steps:\n  - {id: trim, foreach: {glob: 'reads/*_1.fq'}, command: 'trim reads/{item}_1.fq'}\n");
  EXPECT_EQ(plan.name, "p");
  EXPECT_THAT(Ids(plan), ElementsAre("trim[s1]", "trim[s2]"));
}

TEST(PipelineParse, ReadsTheThreeFormatsAlike) {
  const PipelinePlan json = Plan(R"({"steps": [{"id": "a", "command": ["true"], "outputs": ["x"]},
                                               {"id": "b", "command": ["true"], "inputs": [{"from": "a", "path": "x"}]}]})", Format::kJson);
  const PipelinePlan toml =
      Plan("[steps.b]\ncommand = ['true']\ninputs = [{from = 'a', path = 'x'}]\n[steps.a]\ncommand = ['true']\noutputs = ['x']\n", Format::kToml);
  EXPECT_THAT(Ids(json), ElementsAre("a", "b"));
  EXPECT_THAT(Ids(toml), ElementsAre("b", "a"));
  EXPECT_THAT(toml.order, ElementsAre(1, 0));
  EXPECT_EQ(json.steps[1].spec, toml.steps[0].spec);
}

TEST(PipelineParse, FindsEveryProblemAtOnceWithItsLine) {
  const std::string problems = Problems(R"(steps:
  - id: index
    command: [bwa]
    outputs: [ref.fa.bwt]
  - id: align
    command: [bwa]
    memory_limit_mb: lots
    needs: [indx]
    inputs:
      - {from: index, path: ref.fa.sa}
      - {from: nobody, path: x}
      - {path: a, to: /etc/a}
  - id: index
    command: [bwa]
  - command: [bwa]
  - {id: ../x, command: [bwa], tiemout_seconds: 3}
)");
  EXPECT_THAT(problems, HasSubstr("p.yaml:7:22: steps[1].memory_limit_mb: is the text 'lots'"));
  EXPECT_THAT(problems, HasSubstr("p.yaml:8:13: steps[1].needs[0]: is 'indx': there is no such step; did you mean 'index'?"));
  EXPECT_THAT(problems,
              HasSubstr("p.yaml:10:29: steps[1].inputs[0].path: is 'ref.fa.sa', which the step 'index' does not give; its outputs are 'ref.fa.bwt'"));
  EXPECT_THAT(problems, HasSubstr("steps[1].inputs[1].from: is 'nobody': there is no such step"));
  EXPECT_THAT(problems, HasSubstr("steps[1].inputs[2].to: is '/etc/a', which lies in /etc"));
  EXPECT_THAT(problems, HasSubstr("p.yaml:13:9: steps[2].id: is 'index', as that of the step in line 2"));
  EXPECT_THAT(problems, HasSubstr("steps[3].id: is missing"));
  EXPECT_THAT(problems, HasSubstr("steps[4].id: is '../x'; an id is letters"));
}

TEST(PipelineParse, TellsACircleInItsOrder) {
  const std::string problems = Problems("steps:\n"
                                        "  a: {command: [x], needs: [c]}\n"
                                        "  b: {command: [x], needs: [a]}\n"
                                        "  c: {command: [x], needs: [b]}\n"
                                        "  d: {command: [x], needs: [c]}\n"
                                        "  e: {command: [x], needs: [e]}\n");
  EXPECT_THAT(problems, HasSubstr("p.yaml:2:6: steps.a: is in a circle of steps that need each other: a needs c needs b needs a\n"));
  EXPECT_THAT(problems, HasSubstr("p.yaml:6:6: steps.e: needs itself\n"));
  EXPECT_THAT(problems, testing::Not(HasSubstr("steps.d")));
}

TEST(PipelineParse, TellsAProblemOfTheDefaultsOnceAndOfThem) {
  const std::string problems = Problems("defaults: {memory_limit_mb: -1, needs: [a]}\n"
                                        "steps:\n"
                                        "  a: {command: [x], foreach: [1, 2, 3]}\n"
                                        "  b: {command: [x]}\n"
                                        "  c: {}\n");
  EXPECT_EQ(std::count(problems.begin(), problems.end(), '\n'), 3) << problems;
  EXPECT_THAT(problems, HasSubstr("p.yaml:1:29: defaults.memory_limit_mb: is -1"));
  EXPECT_THAT(problems, HasSubstr("defaults.needs: belongs to one step"));
  EXPECT_THAT(problems, HasSubstr("p.yaml:5:6: steps.c.command: "));
}

TEST(PipelineParse, RefusesItemsThatAShellWouldReadAsMore) {
  const std::string problems = Problems("steps:\n  a: {command: [x], foreach: ['a b', '$(id)', ../x, -rf, ok, ok]}\n");
  for (const char* item : {"foreach[0]: is 'a b'", "foreach[1]: is '$(id)'", "foreach[2]: is '../x'; `..`", "foreach[3]: is '-rf'",
                           "foreach[5]: is 'ok', as one before"}) {
    EXPECT_THAT(problems, HasSubstr(item));
  }
}

TEST(PipelineParse, WantsAPlaceOfItsOwnForEachOutputOfAForeach) {
  EXPECT_THAT(Problems("steps:\n  a: {command: [x], foreach: [1, 2]}\n  b: {command: [x], inputs: [{from: a, path: out.txt}]}\n"),
              HasSubstr("steps.b.inputs[0].path: is the same place for each of the 2 steps of 'a'; put {each} into it"));
}

TEST(PipelineParse, RefusesTheLabelsThatItSets) {
  EXPECT_THAT(Problems("steps:\n  a: {command: [x], labels: {key: mine, study: s}}\n"),
              HasSubstr("p.yaml:2:35: steps.a.labels.key: is set by the pipeline itself"));
}

TEST(PipelineParse, KnowsWhichOutputsAGlobCanGive) {
  const auto gives = [](const char* glob, const char* path) {
    return Problems(fmt::format("steps:\n  a: {{command: [x], outputs: ['{}']}}\n  b: {{command: [x], inputs: [{{from: a, path: '{}', to: in}}]}}\n",
                                glob, path))
        .empty();
  };
  EXPECT_TRUE(gives("out/*.bam", "out/a.bam"));
  EXPECT_TRUE(gives("out/*.bam", "out"));
  EXPECT_TRUE(gives("out", "out/deep/a.bam"));
  EXPECT_TRUE(gives("**/*.bam", "any/where"));
  EXPECT_TRUE(gives("out/*.bam", "."));
  EXPECT_FALSE(gives("out/*.bam", "out/a.sam"));
  EXPECT_FALSE(gives("out/*.bam", "other"));
  EXPECT_FALSE(gives("out/*.bam", "../out/a.bam"));
}

TEST(PipelineParse, IsTooLargeWhereItHasTooManySteps) {
  std::string items;
  for (size_t i = 0; i <= kMaxPipelineSteps; ++i) items += fmt::format("{},", i);
  EXPECT_THAT(Problems("steps: {a: {command: [x], foreach: [" + items + "]}}"), HasSubstr("more than 20000 steps"));
}

TEST(PipelineParse, IsTooLargeWhereItsStepsAreTooLong) {
  std::string items;
  for (int i = 0; i < 2000; ++i) items += fmt::format("{},", i);
  EXPECT_THAT(Problems("steps: {a: {command: [" + std::string(1000000, 'x') + "], foreach: [" + items + "]}}"), HasSubstr("too long to be held"));
}

TEST(PipelineParse, RefusesItemsThatMoveACursor) {
  EXPECT_THAT(Problems("steps: {a: {command: [x], foreach: [\"\\u009b2J\"]}}"), HasSubstr("an item is put into commands as it is"));
  EXPECT_THAT(Ids(Plan("steps: {a: {command: [x], foreach: [Müller]}}")), ElementsAre("a[Müller]"));
}

TEST(PipelineParse, ReadsWhatIsNoPipelineAtAll) {
  EXPECT_THAT(Problems("[1, 2]"), HasSubstr("a pipeline is a map with `steps`"));
  EXPECT_THAT(Problems("name: x"), HasSubstr("has no `steps`"));
  EXPECT_THAT(Problems("steps: []"), HasSubstr("steps: is empty"));
  EXPECT_THAT(Problems("step: {}"), HasSubstr("step: is not a known name; did you mean 'steps'?"));
  EXPECT_THAT(Problems("steps: ["), HasSubstr("p.yaml:1"));
}

}  // namespace
}  // namespace fumehood
