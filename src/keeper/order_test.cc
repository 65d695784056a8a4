#include "src/keeper/order.h"

#include <gtest/gtest.h>

namespace fumehood {
namespace {

KeeperOrder SomeOrder() {
  KeeperOrder order;
  order.run_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  order.name = std::string("a\0b\n", 4);
  order.plan.namespaces = kNsUser | kNsPid;
  order.plan.steps.push_back({.op = Op::kOpenTree, .layer = Layer::kFilesystem, .flags = kTreeReadOnly, .slot = 3, .number = -7, .path = "/usr"});
  order.plan.argv = {"true", ""};
  order.plan.env = {"A=1"};
  order.cgroup_limits = {.memory_bytes = 5, .cpu_quota = 0.5, .pids_max = 9};
  order.outputs = {"*.tsv"};
  return order;
}

TEST(Order, DecodesToWhatWasEncoded) {
  const std::string bytes = EncodeOrder(SomeOrder());
  const auto back = DecodeOrder(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(EncodeOrder(*back), bytes);
  EXPECT_EQ(back->name, SomeOrder().name);
  EXPECT_EQ(back->plan.steps.at(0).number, -7);
  EXPECT_EQ(back->cgroup_limits.cpu_quota, 0.5);
}

TEST(Order, OfABoxDecodesToWhatWasEncoded) {
  BoxOrder order;
  order.token = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  order.plan.steps.push_back({.op = Op::kNewRoot, .layer = Layer::kFilesystem, .ahead = true});
  order.cgroup.version = CgroupVersion::kV1;
  order.cgroup.v1_parents = {{"memory", "/m"}, {"pids", "/p"}};
  order.by_root = true;
  EXPECT_FALSE(IsWarm(order));
  order.plan.argv = {"python3"};
  order.warm.parked.background = true;
  order.warm.key = "k";
  const std::string bytes = EncodeBoxOrder(order);
  const auto back = DecodeBoxOrder(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(EncodeBoxOrder(*back), bytes);
  EXPECT_EQ(back->cgroup.v1_parents.at("pids"), "/p");
  EXPECT_TRUE(IsWarm(*back));
  EXPECT_TRUE(back->warm.parked.background);
  EXPECT_EQ(back->warm.key, "k");
  EXPECT_FALSE(DecodeBoxOrder(bytes + "x"));
}

TEST(Order, RefusesEveryTruncationAndTrailingByte) {
  const std::string bytes = EncodeOrder(SomeOrder());
  for (size_t length = 0; length < bytes.size(); ++length) EXPECT_FALSE(DecodeOrder(bytes.substr(0, length))) << length;
  EXPECT_FALSE(DecodeOrder(bytes + "x"));
}

TEST(Order, AFalseCountNeverMakesItAllocateMoreThanTheMessage) {
  std::string bytes = EncodeOrder(SomeOrder());
  for (size_t i = 0; i + 8 <= bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged.replace(i, 8, 8, '\x7f');
    (void)DecodeOrder(damaged);  // any answer will do; the sanitizers and the memory watch
  }
}

TEST(Order, RefusesASlotBeyondTheTable) {
  KeeperOrder order = SomeOrder();
  order.plan.steps[0].slot = kMaxSlots;
  EXPECT_FALSE(DecodeOrder(EncodeOrder(order)));
}

}  // namespace
}  // namespace fumehood
