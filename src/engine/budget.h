// Budget: how much of the host runs may have together, and what a run asks of it.
#pragma once

#include <string>
#include <vector>

#include "fumehood/analysis_spec.h"
#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/record/ledger.h"

namespace fumehood {

// The same units as a demand, of the host's whole: see HostBudget.
using Budget = Demand;

// What the configuration says, and, where it says nothing, `budget_share` of what is there: memory of the machine or of the control
// groups around the runs, whichever is less; processes that the kernel allows; the disk of the state directory that is free now. Of
// processors all that this process may use: a part of one is of no use to anybody.
Result<Budget> HostBudget(const Config& config);

// What a run may take by its limits. What the spec does not ask for itself, but has from its profile, is no firm demand: on a machine
// that is smaller than that, the run is counted with the whole budget and so runs alone.
struct Ask {
  Demand demand;
  Demand firm;  // the part of it that the spec asks for by name; 0: nothing
  bool operator==(const Ask&) const = default;
};
Ask AskOf(const AnalysisSpec& spec, const Config& config);
Demand Within(const Ask& ask, const Budget& budget);

// Refuses what could never start: one problem a field, each with the figures.
Result<void> CheckEverFits(const Ask& ask, const Budget& budget);

bool Fits(const Demand& demand, const Demand& room);
Demand Sum(const std::vector<Reservation>& held);
Demand Plus(const Demand& a, const Demand& b);
Demand Minus(const Demand& a, const Demand& b);

// "needs 8192 MiB of memory, of 20480 MiB 4096 are free": the first thing that does not fit; empty: it fits.
std::string WhyNot(const Demand& demand, const Budget& budget, const Demand& taken);

}  // namespace fumehood
