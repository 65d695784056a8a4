#include "src/keeper/parking_place.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

namespace fumehood {
namespace {

class AParkingPlace : public testing::Test {
 protected:
  AParkingPlace() {
    char name[] = "/tmp/fh-parking-XXXXXX";
    state_ = mkdtemp(name);
  }
  ~AParkingPlace() override { std::filesystem::remove_all(state_); }

  ParkingPlace Claim(const std::string& key, const std::string& token, int64_t pool_size = 8) {
    auto place = ParkingPlace::Claim(state_, key, token, pool_size);
    EXPECT_TRUE(place && *place);
    return std::move(**place);
  }
  static ParkingPlace::Visit NextWish(ParkingPlace& place) {
    for (;;) {
      ParkingPlace::Visit visit = place.Receive();  // one that only asked whether somebody is there says nothing
      if (visit.wish != ParkingPlace::Visit::Wish::kNothing) return visit;
    }
  }
  std::string state_;
};

TEST_F(AParkingPlace, GoesToOneLauncher) {
  ParkingPlace place = Claim("k", "T1");
  ASSERT_TRUE(place.Open());
  std::thread keeper([&] {
    const ParkingPlace::Visit visit = NextWish(place);
    EXPECT_EQ(visit.wish, ParkingPlace::Visit::Wish::kTake);
    place.Leave();
    EXPECT_EQ(write(visit.news.get(), "taken\n", 6), 6);
  });
  const auto taken = TakeParked(state_, "k");
  keeper.join();
  ASSERT_TRUE(taken && *taken);
  EXPECT_EQ((*taken)->token, "T1");
  EXPECT_EQ((*taken)->keeper, getpid());
  const auto again = TakeParked(state_, "k");
  EXPECT_TRUE(again && !*again);
}

TEST_F(AParkingPlace, IsNotFoundBeforeItIsOpenOrByAnotherKey) {
  ParkingPlace place = Claim("k", "T1");
  const auto too_early = TakeParked(state_, "k");
  EXPECT_TRUE(too_early && !*too_early);
  ASSERT_TRUE(place.Open());
  const auto other = TakeParked(state_, "other");
  EXPECT_TRUE(other && !*other);
  EXPECT_EQ(*CountParked(state_, ""), 1);
  EXPECT_EQ(*CountParked(state_, "other"), 0);
}

TEST_F(AParkingPlace, IsNotTakenOfALauncherThatGetsNoAnswer) {
  ParkingPlace place = Claim("k", "T1");
  ASSERT_TRUE(place.Open());
  std::thread keeper([&] { (void)NextWish(place); });  // which closes what it got
  const auto taken = TakeParked(state_, "k");
  keeper.join();
  EXPECT_TRUE(taken && !*taken);
}

TEST_F(AParkingPlace, OfAKilledKeeperIsRemovedByWhoeverMeetsIt) {
  { const ParkingPlace place = Claim("k", "T1"); }
  const int dead = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  const std::string path = state_ + "/warm/k.T2";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(dead, reinterpret_cast<const struct sockaddr*>(&address), sizeof address), 0);
  close(dead);
  const auto taken = TakeParked(state_, "k");
  EXPECT_TRUE(taken && !*taken);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(AParkingPlace, IsGivenUpForAnotherKindOfRunAndNotForItsOwn) {
  ParkingPlace first = Claim("k", "T1", 2);
  ParkingPlace second = Claim("k", "T2", 2);
  const auto third = ParkingPlace::Claim(state_, "k", "T3", 2);
  EXPECT_TRUE(third && !*third);
  const ParkingPlace other = Claim("other", "T4", 2);
  EXPECT_EQ(NextWish(first).wish, ParkingPlace::Visit::Wish::kLeave);
  EXPECT_EQ(*CountParked(state_, ""), 2);
}

TEST_F(AParkingPlace, IsLeftWhenAllAreSentAway) {
  EXPECT_EQ(*SendParkedAway(state_), 0);
  ParkingPlace place = Claim("k", "T1");
  EXPECT_EQ(*SendParkedAway(state_), 1);
  EXPECT_EQ(NextWish(place).wish, ParkingPlace::Visit::Wish::kLeave);
}

TEST_F(AParkingPlace, IsRefusedToOneThatBeganBeforeAllWereSentAway) {
  { const ParkingPlace place = Claim("k", "T1"); }
  ASSERT_TRUE(SendParkedAway(state_));
  const auto late = ParkingPlace::Claim(state_, "k", "00000000000000000000000000", 8);
  EXPECT_TRUE(late && !*late);
  const ParkingPlace after = Claim("k", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
}

}  // namespace
}  // namespace fumehood
