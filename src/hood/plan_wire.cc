#include "src/hood/plan_wire.h"

#include "src/base/wire.h"

namespace fumehood {

std::string EncodePlan(const HoodPlan& plan) {
  wire::Writer writer;
  Visit(writer, const_cast<HoodPlan&>(plan));
  return writer.Take();
}

Result<HoodPlan> DecodePlan(std::string_view bytes) {
  HoodPlan plan;
  wire::Reader reader(bytes);
  Visit(reader, plan);
  if (!reader.whole()) return Error(ErrorCode::kCorrupt, "the plan of the hood is damaged");
  FH_TRY(CheckSlots(plan));
  return plan;
}

Result<void> CheckSlots(const HoodPlan& plan) {
  for (const HoodStep& step : plan.steps) {
    if (step.slot >= kMaxSlots) return Error(ErrorCode::kInvalidArgument, "too many inputs: a run can be shown some 100");
  }
  return {};
}

}  // namespace fumehood
