// ParkingPlace: <state>/warm, where a keeper whose box waits for a run from whichever launcher is found by it.
//
// Each entry is a socket on which the keeper listens from its first moment: making.KEY.TOKEN, and KEY.TOKEN once its box stands. Who
// connects then and says "take", with a descriptor for the keeper's news, has a launcher's place from then on. The keeper hears one of them,
// takes its entry away and closes it, so a box goes to one launcher and no second. Who connects and says nothing has only
// asked whether somebody is there. The entry of a keeper that was killed refuses connections; whoever meets it removes it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

// The keeper's side.
class ParkingPlace {
 public:
  // Empty where `pool_size` keepers wait already, or are at it, and none of them waits for another kind of run: the one that has waited
  // longest of those is sent away.
  static Result<std::optional<ParkingPlace>> Claim(const std::string& state_dir, const std::string& key, const std::string& token,
                                                   int64_t pool_size);
  ParkingPlace(ParkingPlace&&) = default;
  ParkingPlace& operator=(ParkingPlace&&) = delete;
  ~ParkingPlace() { Leave(); }

  // From now on it can be taken.
  Result<void> Open();

  int poll_fd() const { return listener_.get(); }

  struct Visit {
    enum class Wish { kNothing, kTake, kLeave };
    Wish wish = Wish::kNothing;
    Fd orders;  // of kTake: the launcher's socket
    Fd news;    // and where it reads
  };
  // To be called when poll_fd() can be read.
  Visit Receive();

  void Leave();  // nobody finds it any more

 private:
  ParkingPlace() = default;

  Fd dir_;
  std::string name_;
  Fd listener_;
};

// The launcher's side.
struct TakenPlace {
  std::string token;
  pid_t keeper = -1;  // no child of this process
  Fd keeper_fd;       // pidfd
  Fd orders;
  Fd news;
};
// Empty: nobody waits for such a run.
Result<std::optional<TakenPlace>> TakeParked(const std::string& state_dir, const std::string& key);

// How many wait or are at it, by key (empty: all); entries without a keeper are removed.
Result<int64_t> CountParked(const std::string& state_dir, const std::string& key);

// Sends all away that wait, those too that have begun and have no place yet, and returns how many had one; they tidy up by themselves.
Result<int64_t> SendParkedAway(const std::string& state_dir);

}  // namespace fumehood
