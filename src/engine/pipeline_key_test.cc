#include "src/engine/pipeline_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace fumehood {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

AnalysisSpec Spec() {
  AnalysisSpec spec;
  spec.command = {"jellyfish", "count", "-k", "21", "reads.fq"};
  spec.env = {{"LC_ALL", "C"}, {"TOKEN", SecretRef{SecretRef::From::kFile, "/etc/token"}}};
  spec.outputs = {"counts.jf"};
  spec.inputs = {{"reads.fq", "", InputMode::kReadOnly}};
  return spec;
}

std::string Key(const AnalysisSpec& spec, int64_t threads = 1) { return KeyOf(MembersOfSpec(spec, threads)); }

TEST(PipelineKey, IsAnotherOneWhenAnythingThatMattersChanges) {
  const std::string key = Key(Spec());
  const std::vector<std::function<void(AnalysisSpec&)>> changes = {
      [](AnalysisSpec& spec) { spec.command[3] = "31"; },
      [](AnalysisSpec& spec) { spec.command = {"jellyfish count -k 21 reads.fq"}; },
      [](AnalysisSpec& spec) { spec.env["LC_ALL"] = "de_DE.UTF-8"; },
      [](AnalysisSpec& spec) { spec.env["MORE"] = ""; },
      [](AnalysisSpec& spec) { spec.env.erase("LC_ALL"); },
      [](AnalysisSpec& spec) { spec.env["TOKEN"] = SecretRef{SecretRef::From::kFile, "/etc/other"}; },
      [](AnalysisSpec& spec) { spec.env["TOKEN"] = SecretRef{SecretRef::From::kEnvironment, "/etc/token"}; },
      [](AnalysisSpec& spec) { spec.outputs = {"*.jf"}; },
      [](AnalysisSpec& spec) { spec.network.mode = NetworkMode::kHost; },
      [](AnalysisSpec& spec) { spec.gpus = 1; },
      [](AnalysisSpec& spec) { spec.deterministic = true; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    AnalysisSpec spec = Spec();
    changes[i](spec);
    EXPECT_NE(Key(spec), key) << "change " << i;
  }
  EXPECT_NE(Key(Spec(), 2), key);
  for (const char* member : {"runtime", "input.reads.fq", "file.count.sh", "database.SAMPLES", "stdin"}) {
    KeyMembers members = MembersOfSpec(Spec(), 1);
    members[member] = "a";
    const std::string one = KeyOf(members);
    members[member] = "b";
    EXPECT_NE(one, key) << member;
    EXPECT_NE(KeyOf(members), one) << member;
  }
}

TEST(PipelineKey, IsTheSameWhateverDoesNotMatter) {
  const std::string key = Key(Spec());
  const std::vector<std::function<void(AnalysisSpec&)>> changes = {
      [](AnalysisSpec& spec) { spec.name = "another"; },          [](AnalysisSpec& spec) { spec.memory_limit_mb = 4096; },
      [](AnalysisSpec& spec) { spec.timeout_seconds = 7200; },    [](AnalysisSpec& spec) { spec.disk_limit_mb = 1; },
      [](AnalysisSpec& spec) { spec.pids_limit = 4; },            [](AnalysisSpec& spec) { spec.labels["study"] = "s"; },
      [](AnalysisSpec& spec) { spec.priority = 3; },              [](AnalysisSpec& spec) { spec.retries.max = 3; },
      [](AnalysisSpec& spec) { spec.log_path = "/tmp/x.log"; },   [](AnalysisSpec& spec) { spec.output_limit_mb = 1; },
      [](AnalysisSpec& spec) { spec.executor = "local"; },        [](AnalysisSpec& spec) { spec.profile = "tool"; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    AnalysisSpec spec = Spec();
    changes[i](spec);
    EXPECT_EQ(Key(spec), key) << "change " << i;
  }
}

TEST(PipelineKey, HasACanonicalForm) {
  AnalysisSpec spec;
  spec.command = {"echo \"hi\""};
  spec.command_is_script = true;
  spec.env = {{"B", "2"}, {"A", "1"}};
  EXPECT_EQ(CanonicalKey(MembersOfSpec(spec, 1)),
            R"({"command":"[\"bash\",\"-euo\",\"pipefail\",\"-c\",\"echo \\\"hi\\\"\"]","env.A":"=1","env.B":"=2","format":"1","network":"none","outputs":"[]","threads":"1"})");
  // What is allowed is a set.
  spec.network = {NetworkMode::kAllow, {"b:1", "a:1"}};
  const std::string key = Key(spec);
  spec.network.allow = {"a:1", "b:1"};
  EXPECT_EQ(Key(spec), key);
}

TEST(PipelineKey, HoldsNoSecret) {
  AnalysisSpec spec = Spec();
  EXPECT_EQ(MembersOfSpec(spec, 1).at("env.TOKEN"), "secret of the file /etc/token");
}

TEST(PipelineKey, NamesAnInputByWhereTheRunSeesIt) {
  EXPECT_EQ(InputMember({"/data/x.fa", ""}, "/home/me/project"), "input./data/x.fa");
  EXPECT_EQ(InputMember({"/home/me/project/x.fa", ""}, "/home/me/project"), "input.x.fa");
  EXPECT_EQ(InputMember({"/data/x.fa", "./ref/x.fa"}, "/home/me/project"), "input.ref/x.fa");
}

std::vector<std::string> Diff(const std::function<void(KeyMembers&)>& change) {
  KeyMembers before = MembersOfSpec(Spec(), 1);
  before["runtime"] = "python3 aaaa";
  before["input.reads.fq"] = "ro file 1111";
  KeyMembers now = before;
  change(now);
  return Differences(before, now, "01J");
}

TEST(PipelineKey, SaysWhatChanged) {
  AnalysisSpec other = Spec();
  other.command[3] = "31";
  EXPECT_THAT(Diff([&](KeyMembers& now) { now["command"] = MembersOfSpec(other, 1)["command"]; }),
              ElementsAre("command changed: -k 21 became -k 31"));
  other.command.push_back("more.fq");
  other.command[3] = "21";
  EXPECT_THAT(Diff([&](KeyMembers& now) { now["command"] = MembersOfSpec(other, 1)["command"]; }), ElementsAre("command changed: more.fq was added"));
  EXPECT_THAT(Diff([](KeyMembers& now) { now["input.reads.fq"] = "ro file 2222"; }), ElementsAre("input 'reads.fq' changed since run 01J"));
  EXPECT_THAT(Diff([](KeyMembers& now) { now["runtime"] = "python3 bbbb"; }), ElementsAre("runtime python3: lock digest changed since run 01J"));
  EXPECT_THAT(Diff([](KeyMembers& now) { now["runtime"] = "r-base bbbb"; }), ElementsAre("runtime python3 became r-base"));
  EXPECT_THAT(Diff([](KeyMembers& now) { now["threads"] = "4"; }), ElementsAre("threads changed: 1 became 4"));
  EXPECT_THAT(Diff([](KeyMembers& now) { now["env.LC_ALL"] = "=x"; }), ElementsAre("variable LC_ALL changed"));
  EXPECT_THAT(Diff([](KeyMembers& now) { now.erase("input.reads.fq"), now["input.b"] = "x"; }),
              ElementsAre("input 'b' is new", "input 'reads.fq' is no longer given"));
  EXPECT_THAT(Diff([](KeyMembers&) {}), IsEmpty());
}

}  // namespace
}  // namespace fumehood
