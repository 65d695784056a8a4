#include "src/record/ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "src/record/run_dir.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/lock.h"

namespace fumehood {
namespace {

constexpr uint32_t kTaken = 0x464c4431;  // "FLD1"
constexpr size_t kIdLength = 26;

// As it lies in the file, on this machine only: a ledger outlives no boot.
struct Slot {
  uint32_t taken = 0;
  char id[kIdLength] = {};
  char padding[2] = {};
  int64_t memory_mb = 0;
  int64_t cpu_milli = 0;
  int64_t pids = 0;
  int64_t disk_mb = 0;
  int64_t priority = 0;
  int64_t ends_by_us = 0;
  char share[kLongestShare + 1] = {};
  uint32_t padding_2 = 0;
  uint32_t whole = 0;  // the same as `taken`, at the other end: half of a slot counts for nothing
};
constexpr size_t kSlotBytes = 128;
static_assert(sizeof(Slot) == kSlotBytes);

struct flock LockOf(size_t slot, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(slot * kSlotBytes);
  lock.l_len = kSlotBytes;
  return lock;
}

Result<bool> IsHeld(int fd, size_t slot) {
  struct flock lock = LockOf(slot, F_WRLCK);
  if (fcntl(fd, F_OFD_GETLK, &lock) != 0) {
    const int error = errno;
    return ErrnoError(error, "ask for a lock of the ledger");
  }
  return lock.l_type != F_UNLCK;
}

// False: it is somebody else's.
Result<bool> TryLock(int fd, size_t slot) {
  struct flock lock = LockOf(slot, F_WRLCK);
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return true;
  const int error = errno;
  if (error == EAGAIN || error == EACCES) return false;
  return ErrnoError(error, "lock a slot of the ledger");
}

Result<std::vector<Slot>> ReadSlots(int fd) {
  constexpr size_t kLargest = size_t{64} << 20;
  FH_ASSIGN_OR_RETURN(const std::string bytes, ReadFd(fd, kLargest));
  std::vector<Slot> slots(bytes.size() / kSlotBytes);
  if (!slots.empty()) std::memcpy(slots.data(), bytes.data(), slots.size() * kSlotBytes);
  return slots;
}

bool IsTaken(const Slot& slot) { return slot.taken == kTaken && slot.whole == kTaken; }

Reservation FromSlot(const Slot& slot) {
  return {.id = std::string(slot.id, kIdLength),
          .demand = {slot.memory_mb, slot.cpu_milli, slot.pids, slot.disk_mb},
          .priority = slot.priority,
          .ends_by_us = slot.ends_by_us,
          .share = std::string(slot.share, strnlen(slot.share, kLongestShare))};
}

Slot ToSlot(const Reservation& reservation) {
  Slot slot;
  slot.taken = slot.whole = kTaken;
  std::copy_n(reservation.id.data(), std::min(reservation.id.size(), kIdLength), slot.id);
  slot.memory_mb = reservation.demand.memory_mb;
  slot.cpu_milli = reservation.demand.cpu_milli;
  slot.pids = reservation.demand.pids;
  slot.disk_mb = reservation.demand.disk_mb;
  slot.priority = reservation.priority;
  slot.ends_by_us = reservation.ends_by_us;
  std::copy_n(reservation.share.data(), std::min(reservation.share.size(), kLongestShare), slot.share);
  return slot;
}

Result<void> WriteSlot(int fd, size_t index, const Slot& slot) {
  const ssize_t put = pwrite(fd, &slot, kSlotBytes, static_cast<off_t>(index * kSlotBytes));
  const int error = errno;
  if (put == static_cast<ssize_t>(kSlotBytes)) return {};
  return ErrnoError(put < 0 ? error : ENOSPC, "write the ledger");
}

}  // namespace

Result<Ledger> Ledger::Open(const std::string& state_dir) {
  const std::string path = state_dir + "/" + layout::kEngine;
  auto dir = OpenDir(kHere, path);
  if (!dir && dir.error().code() == ErrorCode::kNotFound) {
    FH_TRY(EnsureStateDir(state_dir));
    FH_TRY(MakeDirs(path, 0700));
    dir = OpenDir(kHere, path);
  }
  if (!dir) return std::move(dir).error();
  return Ledger(std::move(dir).value());
}

Result<Fd> Ledger::LockAdmission() const { return Lock(layout::kAdmission); }

Result<Fd> Ledger::LockKeys() const { return Lock(layout::kKeys); }

Result<Fd> Ledger::Lock(const char* name) const {
  FH_ASSIGN_OR_RETURN(Fd file, OpenAt(dir_.get(), name, O_RDWR | O_CREAT, 0600));
  FH_TRY(LockExclusive(file));
  return file;
}

Result<std::vector<Reservation>> Ledger::Held() const {
  std::vector<Reservation> held;
  const auto file = OpenAt(dir_.get(), layout::kLedger, O_RDONLY);
  if (!file && file.error().code() == ErrorCode::kNotFound) return held;
  if (!file) return file.error();
  FH_ASSIGN_OR_RETURN(const std::vector<Slot> slots, ReadSlots(file->get()));
  for (size_t i = 0; i < slots.size(); ++i) {
    if (!IsTaken(slots[i])) continue;
    FH_ASSIGN_OR_RETURN(const bool is_held, IsHeld(file->get(), i));
    if (is_held) held.push_back(FromSlot(slots[i]));
  }
  return held;
}

Result<HeldSlot> Ledger::Reserve(const Reservation& reservation) const {
  HeldSlot held;
  // An open file description of its own: the lock is its.
  FH_ASSIGN_OR_RETURN(held.fd, OpenAt(dir_.get(), layout::kLedger, O_RDWR | O_CREAT, 0600));
  FH_ASSIGN_OR_RETURN(const std::vector<Slot> slots, ReadSlots(held.fd.get()));
  for (size_t i = 0; i <= slots.size(); ++i) {
    if (i < slots.size() && IsTaken(slots[i])) {
      FH_ASSIGN_OR_RETURN(const bool is_held, IsHeld(held.fd.get(), i));
      if (is_held) continue;
    }
    // One that was emptied is locked until its keeper has gone.
    FH_ASSIGN_OR_RETURN(const bool locked, TryLock(held.fd.get(), i));
    if (!locked) continue;
    FH_TRY(WriteSlot(held.fd.get(), i, ToSlot(reservation)));
    held.slot = static_cast<int64_t>(i);
    return held;
  }
  return Error(ErrorCode::kUnavailable, "the ledger grew while a slot of it was taken");
}

void EmptySlot(const Fd& ledger, int64_t slot) {
  if (ledger.valid() && slot >= 0) (void)WriteSlot(ledger.get(), static_cast<size_t>(slot), Slot());
}

}  // namespace fumehood
