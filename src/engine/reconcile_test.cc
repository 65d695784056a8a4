#include "src/engine/reconcile.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

namespace fumehood {
namespace {

constexpr Recorded kAllRecorded[] = {Recorded::kQueued, Recorded::kStarting, Recorded::kRunning, Recorded::kEnded};
constexpr Observation kAllObservations[] = {Observation::kQueued,   Observation::kRunning,       Observation::kExited,
                                            Observation::kPreempted, Observation::kNodeLost,      Observation::kMissing,
                                            Observation::kUnschedulable, Observation::kDuplicate, Observation::kNoInformation};

// Written down a second time, by cell and not by table, so that a slip in one of the two shows.
TEST(Reconcile, EveryCell) {
  using R = Recorded;
  using O = Observation;
  using A = Action;
  const std::map<std::pair<R, O>, A> expected = {
      {{R::kQueued, O::kQueued}, A::kAttach},
      {{R::kQueued, O::kRunning}, A::kAttach},
      {{R::kQueued, O::kExited}, A::kPublish},
      {{R::kQueued, O::kPreempted}, A::kRetryOrFail},
      {{R::kQueued, O::kNodeLost}, A::kRetryOrFail},
      {{R::kQueued, O::kMissing}, A::kStart},
      {{R::kQueued, O::kUnschedulable}, A::kFail},
      {{R::kQueued, O::kDuplicate}, A::kEndDuplicate},
      {{R::kQueued, O::kNoInformation}, A::kAskAgain},
      {{R::kStarting, O::kQueued}, A::kAttach},
      {{R::kStarting, O::kRunning}, A::kAttach},
      {{R::kStarting, O::kExited}, A::kPublish},
      {{R::kStarting, O::kPreempted}, A::kRetryOrFail},
      {{R::kStarting, O::kNodeLost}, A::kRetryOrFail},
      {{R::kStarting, O::kMissing}, A::kStart},
      {{R::kStarting, O::kUnschedulable}, A::kFail},
      {{R::kStarting, O::kDuplicate}, A::kEndDuplicate},
      {{R::kStarting, O::kNoInformation}, A::kAskAgain},
      {{R::kRunning, O::kQueued}, A::kAttach},
      {{R::kRunning, O::kRunning}, A::kNothing},
      {{R::kRunning, O::kExited}, A::kPublish},
      {{R::kRunning, O::kPreempted}, A::kRetryOrFail},
      {{R::kRunning, O::kNodeLost}, A::kRetryOrFail},
      {{R::kRunning, O::kMissing}, A::kRetryOrFail},
      {{R::kRunning, O::kUnschedulable}, A::kFail},
      {{R::kRunning, O::kDuplicate}, A::kEndDuplicate},
      {{R::kRunning, O::kNoInformation}, A::kAskAgain},
      {{R::kEnded, O::kQueued}, A::kEndLeftover},
      {{R::kEnded, O::kRunning}, A::kEndLeftover},
      {{R::kEnded, O::kExited}, A::kNothing},
      {{R::kEnded, O::kPreempted}, A::kNothing},
      {{R::kEnded, O::kNodeLost}, A::kNothing},
      {{R::kEnded, O::kMissing}, A::kNothing},
      {{R::kEnded, O::kUnschedulable}, A::kNothing},
      {{R::kEnded, O::kDuplicate}, A::kEndLeftover},
      {{R::kEnded, O::kNoInformation}, A::kNothing},
  };
  EXPECT_EQ(expected.size(), std::size(kAllRecorded) * std::size(kAllObservations));
  for (const auto& [cell, action] : expected) {
    EXPECT_EQ(Reconcile(cell.first, cell.second), action) << Name(cell.first) << " × " << Name(cell.second);
  }
}

TEST(Reconcile, NoAnswerChangesNothing) {
  for (const Recorded recorded : kAllRecorded) {
    const Action action = Reconcile(recorded, Observation::kNoInformation);
    EXPECT_TRUE(action == Action::kAskAgain || action == Action::kNothing) << Name(recorded);
  }
}

TEST(Reconcile, WhatHasEndedIsNeitherStartedNorPublishedAgain) {
  for (const Observation seen : kAllObservations) {
    const Action action = Reconcile(Recorded::kEnded, seen);
    EXPECT_TRUE(action == Action::kNothing || action == Action::kEndLeftover) << Name(seen);
  }
}

TEST(Reconcile, OnlyWhatTheBackendDoesNotHaveIsStarted) {
  for (const Recorded recorded : kAllRecorded) {
    for (const Observation seen : kAllObservations) {
      if (Reconcile(recorded, seen) != Action::kStart) continue;
      EXPECT_EQ(seen, Observation::kMissing) << Name(recorded);
    }
  }
}

}  // namespace
}  // namespace fumehood
