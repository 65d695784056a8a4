#include "src/engine/queue_entry.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "src/base/ulid.h"
#include "src/record/queue_file.h"
#include "src/record/test_dir.h"


namespace fumehood {
namespace {

QueueEntry Some() {
  QueueEntry entry;
  entry.run_id = NewRunId();
  entry.spec.name = "a name";
  entry.spec.command = {"python3", "a b\n\"c\".py"};
  entry.spec.priority = 7;
  entry.submitter = {"/home/\xff/work", {{"HOME", "/home/x"}, {"FUMEHOOD_STATE", "/s"}}};
  entry.idempotency_key = "k";
  entry.rerun_of = NewRunId();
  return entry;
}

TEST(QueueEntry, ReadsBackWhatWasPrinted) {
  const QueueEntry entry = Some();
  const auto read = ParseQueueEntry(PrintQueueEntry(entry));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->run_id, entry.run_id);
  EXPECT_EQ(read->spec, entry.spec);
  EXPECT_EQ(read->submitter.cwd, entry.submitter.cwd);
  EXPECT_EQ(read->submitter.env, entry.submitter.env);
  EXPECT_EQ(read->idempotency_key, entry.idempotency_key);
  EXPECT_EQ(read->rerun_of, entry.rerun_of);
}

TEST(QueueEntry, HalfOfOneIsCorrupt) {
  const std::string text = PrintQueueEntry(Some());
  for (const size_t length : {size_t{0}, size_t{1}, text.size() / 2, text.size() - 3}) {
    const auto read = ParseQueueEntry(text.substr(0, length));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
  }
}

TEST(QueueEntry, KeepsNoSecretOfTheEnvironment) {
  const auto kept = KeptEnvironment({{"HOME", "/h"}, {"FUMEHOOD_BUDGET_CPUS", "2"}, {"AWS_SECRET_ACCESS_KEY", "s3cret"}, {"EXECUTOR_TYPE", "local"}});
  EXPECT_EQ(kept, (std::map<std::string, std::string>{{"HOME", "/h"}, {"FUMEHOOD_BUDGET_CPUS", "2"}, {"EXECUTOR_TYPE", "local"}}));
}

TEST(QueueFile, IsFoundUntilItIsRemoved) {
  const TestDir dir;
  const RunId a = NewRunId();
  const RunId b = NewRunId();
  EXPECT_TRUE(ListWaiting(dir.path())->empty());
  ASSERT_TRUE(PutQueueFile(dir.path(), b, "b"));
  ASSERT_TRUE(PutQueueFile(dir.path(), a, "a"));
  EXPECT_EQ(PutQueueFile(dir.path(), a, "c").error().code(), ErrorCode::kAlreadyExists);
  std::vector<RunId> both = {a, b};
  std::sort(both.begin(), both.end());
  EXPECT_EQ(*ListWaiting(dir.path()), both);
  EXPECT_EQ(*ReadQueueFile(dir.path(), a), "a");
  EXPECT_TRUE(*Waits(dir.path(), a));
  ASSERT_TRUE(RemoveQueueFile(dir.path(), a));
  ASSERT_TRUE(RemoveQueueFile(dir.path(), a));
  EXPECT_EQ(*ListWaiting(dir.path()), std::vector<RunId>{b});
  EXPECT_EQ(ReadQueueFile(dir.path(), a).error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(ReadQueueFile(dir.path(), "../x"));
}

}  // namespace
}  // namespace fumehood
