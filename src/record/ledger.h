// Ledger: what of the host's budget is taken, and by whom. One slot a run, in <state>/engine/ledger.
//
// A slot counts while somebody holds its lock, which belongs to an open file description: the launcher takes it and hands the
// descriptor to the run's keeper. However the two end, kill -9 or loss of power included, the slot is free with them, so the
// sum of the slots is never of runs that were. Whoever waits for room watches the file: a keeper that ends empties its slot.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/sys/fd.h"

namespace fumehood {

namespace layout {
inline constexpr const char* kEngine = "engine";        // in the state directory
inline constexpr const char* kLedger = "ledger";        // in it
inline constexpr const char* kAdmission = "admission";  // in it: locked by whoever decides what may start
inline constexpr const char* kKeys = "keys";            // in it: locked while a run is submitted with an idempotency key
}  // namespace layout

// What a run may take at most of what the host has.
struct Demand {
  int64_t memory_mb = 0;  // MiB
  int64_t cpu_milli = 0;  // thousandths of a core
  int64_t pids = 0;
  int64_t disk_mb = 0;    // MiB
  bool operator==(const Demand&) const = default;
};

struct Reservation {
  RunId id;
  Demand demand;
  int64_t priority = 0;
  int64_t ends_by_us = 0;  // since the epoch: its time limit's end
  std::string share;       // for fair share; the first kLongestShare bytes count
};
inline constexpr size_t kLongestShare = 39;

struct HeldSlot {
  Fd fd;  // -1: none
  int64_t slot = -1;
};

class Ledger {
 public:
  static Result<Ledger> Open(const std::string& state_dir);  // makes the directory

  // Held while it is decided what may start: two who decide at once would both take the last room.
  Result<Fd> LockAdmission() const;
  // Held while a run is submitted with an idempotency key.
  Result<Fd> LockKeys() const;

  Result<std::vector<Reservation>> Held() const;
  // Under the lock of admission.
  Result<HeldSlot> Reserve(const Reservation& reservation) const;

 private:
  Result<Fd> Lock(const char* name) const;
  explicit Ledger(Fd dir) : dir_(std::move(dir)) {}
  Fd dir_;
};

// By the keeper, at the run's end: tells who waits, before the lock goes with the process.
void EmptySlot(const Fd& ledger, int64_t slot);

}  // namespace fumehood
