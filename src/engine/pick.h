// Pick: which of the waiting runs start now. Pure: one function of what waits, what runs, and the budget.
//
// Order: priority, lifted by one step for each so long a wait; then the share (user, project) that has had least; then age. The first in
// that order is never passed by one that would delay it: later ones start before it only where they end, by their own time limits,
// before it could start anyway, or take nothing that it will need then (EASY backfill: Lifka, JSSPP 1995). So nobody starves,
// and the host is not idle while somebody big waits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "src/engine/budget.h"

namespace fumehood {

struct Waiting {
  RunId id;
  Ask ask;
  int64_t priority = 0;
  std::string share;
  int64_t since_us = 0;       // submitted
  int64_t not_before_us = 0;  // a retry's pause
  int64_t lasts_us = 0;       // at most: its time limit and grace
};

struct PickRules {
  int64_t age_us = 0;  // 0: waiting lifts nothing
};

struct Scene {
  int64_t now_us = 0;
  Budget budget;
  std::vector<Reservation> held;
  std::vector<const Waiting*> waiting;
  std::map<std::string, double> had;  // by share: what it had of the host lately; any unit
};

struct Picked {
  const Waiting* run = nullptr;  // nullptr: nothing can start now
  Demand demand;                 // what it is to be counted with
};
Picked Pick(const Scene& scene, const PickRules& rules);

// The waiting runs in the order of their turns, whether they can start or not: for people who ask why.
std::vector<const Waiting*> InTurn(const Scene& scene, const PickRules& rules);

}  // namespace fumehood
