// A HoodPlan as bytes (src/base/wire.h): from the launcher to the keeper, and from the keeper to the run's first process.
#pragma once

#include <string>
#include <string_view>

#include "fumehood/result.h"
#include "src/hood/plan.h"

namespace fumehood {

// Found by argument-dependent lookup from wire.h.
template <typename A>
void Visit(A& a, HoodStep& s) {
  a(s.op)(s.layer)(s.ahead)(s.flags)(s.slot)(s.number)(s.path)(s.text);
}
template <typename A>
void Visit(A& a, HoodPlan& p) {
  a(p.namespaces)(p.uid_inside)(p.gid_inside)(p.steps)(p.cwd)(p.executables)(p.argv)(p.env);
}

std::string EncodePlan(const HoodPlan& plan);
Result<HoodPlan> DecodePlan(std::string_view bytes);

// Every slot of the plan is one that there is.
Result<void> CheckSlots(const HoodPlan& plan);

}  // namespace fumehood
