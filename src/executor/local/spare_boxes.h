// SpareBoxes: boxes that wait for their runs, so that a program which launches many runs does not pay for each of them while it
// waits. A spare serves a run whose box would have been ordered in the very same words, and only once.
//
// A spare costs a keeper process (below 2 MiB of private memory), the run's own first process, and a cgroup without limits. All
// of it ends with this object, or with the process that has it, however that ends. Several threads may use one.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "src/executor/local/kept_box.h"

namespace fumehood {

class SpareBoxes {
 public:
  explicit SpareBoxes(size_t wanted) : wanted_(wanted) {}
  ~SpareBoxes();
  SpareBoxes(const SpareBoxes&) = delete;
  SpareBoxes& operator=(const SpareBoxes&) = delete;

  // Empty: there is none for this order.
  std::optional<KeptBox> Take(const BoxOrder& order);
  // Starts boxes for `order` until there are as many as wanted; those for other orders give way.
  void Refill(const BoxOrder& order);

 private:
  struct Spare {
    std::string order;  // encoded
    std::chrono::steady_clock::time_point made_at;
    KeptBox box;
  };
  static bool IsUseful(const Spare& spare, const std::string& order);
  static void Drop(std::vector<Spare> spares);

  std::vector<Spare> TakeUseless(const std::string& order);

  size_t wanted_;
  std::mutex mutex_;
  size_t being_made_ = 0;
  std::vector<Spare> spares_;
};

}  // namespace fumehood
