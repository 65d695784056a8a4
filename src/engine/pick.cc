#include "src/engine/pick.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace fumehood {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// Compared member by member; the smallest has its turn first.
using Turn = std::tuple<int64_t, double, int64_t, const RunId&>;

class Turns {
 public:
  Turns(const Scene& scene, const PickRules& rules) : scene_(scene), rules_(rules) {
    for (const Reservation& held : scene.held) running_[held.share] += static_cast<double>(held.demand.cpu_milli);
  }

  Turn Of(const Waiting& waiting) const {
    const int64_t waited = std::max<int64_t>(0, scene_.now_us - waiting.since_us);
    const int64_t lift = rules_.age_us > 0 ? waited / rules_.age_us : 0;
    return {-(waiting.priority + lift), HadBy(waiting.share), waiting.since_us, waiting.id};
  }

  bool Before(const Waiting& a, const Waiting& b) const { return Of(a) < Of(b); }

 private:
  double HadBy(const std::string& share) const {
    const auto had = scene_.had.find(share);
    const auto running = running_.find(share);
    return (had == scene_.had.end() ? 0 : had->second) + (running == running_.end() ? 0 : running->second);
  }

  const Scene& scene_;
  const PickRules& rules_;
  std::map<std::string, double> running_;
};

// When the first in turn can start at the latest, as the time limits of those that run say, and what is free besides it then.
struct Shadow {
  int64_t at_us = kNever;  // never: it does not fit into the budget as it is now
  Demand spare;
};

Shadow ShadowOf(const Demand& first, const Scene& scene, Demand room) {
  std::vector<const Reservation*> ends;
  ends.reserve(scene.held.size());
  for (const Reservation& held : scene.held) ends.push_back(&held);
  std::sort(ends.begin(), ends.end(), [](const Reservation* a, const Reservation* b) { return a->ends_by_us < b->ends_by_us; });
  for (const Reservation* held : ends) {
    room = Plus(room, held->demand);
    if (Fits(first, room)) return {std::max(held->ends_by_us, scene.now_us), Minus(room, first)};
  }
  return {};
}

bool HurtsNot(const Waiting& later, const Demand& demand, const Shadow& shadow, int64_t now_us) {
  if (shadow.at_us == kNever) return true;
  return Fits(demand, shadow.spare) || (later.lasts_us <= kNever - now_us && now_us + later.lasts_us <= shadow.at_us);
}

}  // namespace

Picked Pick(const Scene& scene, const PickRules& rules) {
  const Turns turns(scene, rules);
  const auto before = [&](const Waiting* a, const Waiting* b) { return turns.Before(*a, *b); };
  std::vector<const Waiting*> due;
  due.reserve(scene.waiting.size());
  for (const Waiting* waiting : scene.waiting) {
    if (waiting->not_before_us <= scene.now_us) due.push_back(waiting);
  }
  const auto first = std::min_element(due.begin(), due.end(), before);
  if (first == due.end()) return {};
  const Demand room = Minus(scene.budget, Sum(scene.held));
  const Demand wanted = Within((*first)->ask, scene.budget);
  if (Fits(wanted, room)) return {*first, wanted};
  const Shadow shadow = ShadowOf(wanted, scene, room);
  Picked picked;
  for (const Waiting* later : due) {
    const Demand demand = Within(later->ask, scene.budget);
    if (!Fits(demand, room) || !HurtsNot(*later, demand, shadow, scene.now_us)) continue;
    if (picked.run == nullptr || before(later, picked.run)) picked = {later, demand};
  }
  return picked;
}

std::vector<const Waiting*> InTurn(const Scene& scene, const PickRules& rules) {
  const Turns turns(scene, rules);
  std::vector<const Waiting*> ordered = scene.waiting;
  std::sort(ordered.begin(), ordered.end(), [&](const Waiting* a, const Waiting* b) { return turns.Before(*a, *b); });
  return ordered;
}

}  // namespace fumehood
