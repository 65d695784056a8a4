#include "src/executor/local/spare_boxes.h"

#include <poll.h>

#include <algorithm>

#include "src/base/ulid.h"

namespace fumehood {
namespace {

using std::chrono::steady_clock;

// What a box shows of the host (mounts, /etc) was taken when it was made. So old it may be when it is used.
constexpr std::chrono::minutes kLongestWait{5};

bool IsAlive(const KeptBox& box) {
  struct pollfd wait {box.news.get(), 0, 0};
  return poll(&wait, 1, 0) == 0;  // else: hung up
}

}  // namespace

SpareBoxes::~SpareBoxes() { Drop(std::move(spares_)); }

std::optional<KeptBox> SpareBoxes::Take(const BoxOrder& order) {
  const std::string wanted = EncodeBoxOrder(order);
  const std::scoped_lock lock(mutex_);
  const auto found = std::find_if(spares_.begin(), spares_.end(), [&](const Spare& spare) { return IsUseful(spare, wanted); });
  if (found == spares_.end()) return std::nullopt;
  KeptBox box = std::move(found->box);
  spares_.erase(found);
  return box;
}

void SpareBoxes::Refill(const BoxOrder& order) {
  const std::string wanted = EncodeBoxOrder(order);
  Drop(TakeUseless(wanted));
  for (;;) {
    {
      const std::scoped_lock lock(mutex_);
      if (spares_.size() + being_made_ >= wanted_) return;
      ++being_made_;
    }
    auto box = StartBox(order, NewRunId());
    const std::scoped_lock lock(mutex_);
    --being_made_;
    if (!box) return;  // the next run starts its own, and says what is wrong
    spares_.push_back({wanted, steady_clock::now(), std::move(box).value()});
  }
}

std::vector<SpareBoxes::Spare> SpareBoxes::TakeUseless(const std::string& order) {
  const std::scoped_lock lock(mutex_);
  const auto useless = std::stable_partition(spares_.begin(), spares_.end(), [&](const Spare& spare) { return IsUseful(spare, order); });
  std::vector<Spare> taken(std::make_move_iterator(useless), std::make_move_iterator(spares_.end()));
  spares_.erase(useless, spares_.end());
  return taken;
}

bool SpareBoxes::IsUseful(const Spare& spare, const std::string& order) {
  return spare.order == order && spare.made_at > steady_clock::now() - kLongestWait && IsAlive(spare.box);
}

void SpareBoxes::Drop(std::vector<Spare> spares) {
  for (Spare& spare : spares) spare.box.orders.Reset();  // all at once: they end side by side
  for (Spare& spare : spares) GiveUp(spare.box);
}

}  // namespace fumehood
