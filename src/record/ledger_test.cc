#include "src/record/ledger.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/ulid.h"
#include "src/record/test_dir.h"

namespace fumehood {
namespace {

class LedgerTest : public testing::Test {
 protected:
  Ledger Open() {
    auto ledger = Ledger::Open(dir_.path());
    EXPECT_TRUE(ledger) << ledger.error().message();
    return std::move(ledger).value();
  }
  static Reservation Some(int64_t memory_mb) {
    return {.id = NewRunId(), .demand = {memory_mb, 1500, 256, 10}, .priority = -3, .ends_by_us = 99, .share = "ada"};
  }
  TestDir dir_;
};

TEST_F(LedgerTest, IsEmptyAtFirst) { EXPECT_TRUE(Open().Held()->empty()); }

TEST_F(LedgerTest, GivesBackWhatWasReserved) {
  const Ledger ledger = Open();
  const Reservation wanted = Some(7);
  const auto slot = ledger.Reserve(wanted);
  ASSERT_TRUE(slot) << slot.error().message();
  const auto held = Open().Held();
  ASSERT_EQ(held->size(), 1U);
  EXPECT_EQ(held->at(0).id, wanted.id);
  EXPECT_EQ(held->at(0).demand, wanted.demand);
  EXPECT_EQ(held->at(0).priority, wanted.priority);
  EXPECT_EQ(held->at(0).ends_by_us, wanted.ends_by_us);
  EXPECT_EQ(held->at(0).share, wanted.share);
}

TEST_F(LedgerTest, ASlotIsFreeWhenItsDescriptorIsClosed) {
  const Ledger ledger = Open();
  auto first = ledger.Reserve(Some(1));
  auto second = ledger.Reserve(Some(2));
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->slot, second->slot);
  first->fd.Reset();
  ASSERT_EQ(ledger.Held()->size(), 1U);
  EXPECT_EQ(ledger.Held()->at(0).demand.memory_mb, 2);
  const auto third = ledger.Reserve(Some(3));
  EXPECT_EQ(third->slot, 0);  // used again
  EXPECT_EQ(ledger.Held()->size(), 2U);
}

TEST_F(LedgerTest, AnEmptiedSlotCountsForNothingAlthoughItIsLocked) {
  const Ledger ledger = Open();
  const auto slot = ledger.Reserve(Some(1));
  EmptySlot(slot->fd, slot->slot);
  EXPECT_TRUE(ledger.Held()->empty());
  const auto next = ledger.Reserve(Some(2));
  EXPECT_EQ(next->slot, 1);  // the lock of the first is still somebody's
}

TEST_F(LedgerTest, TheLockTravelsWithTheDescriptorAndOutlivesTheProcessThatTookIt) {
  const Ledger ledger = Open();
  auto slot = ledger.Reserve(Some(1));
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  int end[2];
  ASSERT_EQ(pipe(end), 0);
  const pid_t child = fork();  // has a copy of the descriptor
  if (child == 0) {
    close(end[1]);
    (void)!write(ready[1], "x", 1);
    char c = 0;
    (void)!read(end[0], &c, 1);
    _exit(0);
  }
  char c = 0;
  ASSERT_EQ(read(ready[0], &c, 1), 1);
  slot->fd.Reset();
  EXPECT_EQ(ledger.Held()->size(), 1U);
  close(end[1]);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(ledger.Held()->empty());
  for (const int fd : {ready[0], ready[1], end[0]}) close(fd);
}

}  // namespace
}  // namespace fumehood
