#include "src/record/result_json.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "src/record/read_result.h"
#include "src/record/test_dir.h"

namespace fumehood {
namespace {

template <typename T>
T Any() {
  return *rc::gen::arbitrary<T>();
}

// Whole micro-units, as they are written.
double AnyDouble() { return static_cast<double>(*rc::gen::inRange<int64_t>(0, 1000000000000)) / 1e6; }

Usage AnyUsage() {
  return {AnyDouble(), AnyDouble(), AnyDouble(), AnyDouble(), Any<int64_t>(), Any<int64_t>(), Any<int64_t>(), AnyDouble()};
}

// UTF-8, as far as the field promises it; paths and notes may be any bytes.
std::string AnyWord() { return *rc::gen::element<std::string>("", "a", "\xc3\xbc\n\"", "\\", "\x7f"); }

std::optional<int> AnyOptional() { return Any<bool>() ? std::optional(Any<int>()) : std::nullopt; }

RunResult AnyResult() {
  RunResult result;
  result.run_id = AnyWord();
  result.name = Any<std::string>();
  result.status = static_cast<RunStatus>(*rc::gen::inRange(0, 6));
  result.exit_code = AnyOptional();
  result.signal = AnyOptional();
  result.reason = static_cast<Reason>(*rc::gen::inRange(0, static_cast<int>(Reason::kEngineError) + 1));
  result.completion_notes = Any<std::string>();
  result.submitted_at = AnyWord();
  result.started_at = AnyWord();
  result.finished_at = AnyWord();
  result.usage = AnyUsage();
  result.isolation.cgroup = AnyWord();
  result.isolation.controllers = {"memory", AnyWord()};
  result.isolation.namespaces = {AnyWord()};
  result.isolation.seccomp = Any<bool>();
  result.isolation.no_new_privs = Any<bool>();
  result.isolation.no_capabilities = Any<bool>();
  result.isolation.landlock_abi = Any<int>();
  result.isolation.filesystem = AnyWord();
  result.isolation.network = AnyWord();
  result.isolation.disk = AnyWord();
  result.isolation.uid = Any<int64_t>();
  result.isolation.weakened = {AnyWord()};
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) result.outputs.push_back({Any<std::string>(), Any<int64_t>(), AnyWord()});
  result.run_dir = Any<std::string>();
  result.stdout_path = Any<std::string>();
  result.stderr_path = Any<std::string>();
  result.log_path = Any<std::string>();
  result.attempt = Any<int>();
  return result;
}

// The printed text names every field, so that equal texts of two results mean equal results.
RC_GTEST_PROP(ParseResult, OfPrintIsIdentity, ()) {
  const RunResult result = AnyResult();
  const auto parsed = ParseResult(PrintResult(result));
  if (!parsed) RC_FAIL(parsed.error().message() + "\n" + PrintResult(result));
  RC_ASSERT(PrintResult(*parsed) == PrintResult(result));
  RC_ASSERT(parsed->name == result.name);
  RC_ASSERT(parsed->exit_code == result.exit_code);
  RC_ASSERT(parsed->usage.cpu_user_s == result.usage.cpu_user_s);
  RC_ASSERT(parsed->usage.memory_peak_mb == result.usage.memory_peak_mb);
  RC_ASSERT(parsed->usage.read_bytes == result.usage.read_bytes);
  RC_ASSERT(parsed->run_dir == result.run_dir);
  RC_ASSERT(parsed->outputs.size() == result.outputs.size());
  for (size_t i = 0; i < result.outputs.size(); ++i) RC_ASSERT(parsed->outputs[i].path == result.outputs[i].path);
}

RC_GTEST_PROP(ParseExit, OfPrintIsIdentity, ()) {
  AttemptExit exit;
  exit.attempt = Any<int>();
  exit.code = AnyOptional();
  exit.signal = AnyOptional();
  exit.reason = static_cast<Reason>(*rc::gen::inRange(0, static_cast<int>(Reason::kEngineError) + 1));
  exit.evidence = Any<std::string>();
  exit.oom_kills = Any<int64_t>();
  exit.pids_limit_hits = Any<int64_t>();
  exit.usage = AnyUsage();
  const auto parsed = ParseExit(PrintExit(exit));
  if (!parsed) RC_FAIL(parsed.error().message());
  RC_ASSERT(PrintExit(*parsed) == PrintExit(exit));
  RC_ASSERT(parsed->evidence == exit.evidence);
}

TEST(ParseResult, RefusesEveryTruncation) {
  const std::string text = PrintResult({});
  for (size_t size = 0; size < text.size(); ++size) {
    const auto parsed = ParseResult(text.substr(0, size));
    ASSERT_FALSE(parsed) << size;
    EXPECT_EQ(parsed.error().code(), ErrorCode::kCorrupt);
  }
}

TEST(ParseResult, NamesTheMemberThatIsWrong) {
  const auto replaced = [](const std::string& from, const std::string& to) {
    std::string text = PrintResult({});
    text.replace(text.find(from), from.size(), to);
    const auto parsed = ParseResult(text);
    return parsed ? std::string("accepted") : parsed.error().message();
  };
  EXPECT_EQ(replaced("\"PENDING\"", "\"DONE\""), "member 'status' has the unknown value 'DONE'");
  EXPECT_EQ(replaced("\"attempt\":1", "\"attempt\":\"1\""), "member 'attempt' is not an integer");
  EXPECT_EQ(replaced("\"attempt\":1", "\"attempt\":3000000000"), "member 'attempt' is out of range");
  EXPECT_EQ(replaced("\"attempt\":1", "\"attempt\":1,\"more\":2"), "member 'more' is not known");
  EXPECT_EQ(replaced("\"pids_peak\":0,", ""), "member 'pids_peak' is missing");
  EXPECT_EQ(replaced("\"outputs\":[]", "\"outputs\":[1]"), "member 'outputs' has an element that is not an object");
}

TEST(ParseResult, SaysThatANewerVersionIsNewer) {
  std::string text = PrintResult({});
  text.replace(text.find("\"version\":1"), 11, "\"version\":2");
  EXPECT_EQ(ParseResult(text).error().code(), ErrorCode::kUnsupported);
}

TEST(PublishResult, LetsTheFirstWriterWin) {
  const TestDir dir;
  RunResult result;
  result.name = "first";
  ASSERT_TRUE(PublishResult(dir.fd(), result, Durability::kNow));
  result.name = "second";
  EXPECT_EQ(PublishResult(dir.fd(), result, Durability::kLater).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(ReadResult(dir.fd()).value().name, "first");
}

}  // namespace
}  // namespace fumehood
