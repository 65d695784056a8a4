#include "src/record/log_ring.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr int64_t kMagic = 0x32676f6c70636866;  // "fhcplog2"

// FNV-1a over the words in front of `check`. It meets accidents only: nobody else can write this file.
uint64_t Check(const RingState& state) {
  std::array<uint64_t, sizeof(RingState) / sizeof(uint64_t) - 1> words;
  std::memcpy(words.data(), &state, sizeof words);
  uint64_t sum = 0xcbf29ce484222325;
  for (const uint64_t word : words) sum = (sum ^ word) * 0x100000001b3;
  return sum;
}

bool IsSound(const RingState& state) {
  return state.magic == kMagic && state.check == Check(state) && state.file_size >= 0 && state.ring_size > 0 && state.ring_at >= 0 &&
         state.ring_at < state.ring_size && state.ring_kept >= 0 && state.ring_kept <= state.ring_size &&
         state.ring_in >= state.ring_kept && state.claimed >= 0;
}

}  // namespace

int64_t RingState::Sure() const { return std::min(ring_kept, std::max<int64_t>(0, ring_size - claimed)); }

void SaveRingState(const Fd& ring, RingState& state) {
  state.magic = kMagic;
  state.check = Check(state);
  (void)WriteAt(ring.get(), {reinterpret_cast<const char*>(&state), sizeof state}, 0);  // see the header
}

Result<std::optional<RingState>> LoadRingState(const Fd& ring) {
  RingState state;
  FH_ASSIGN_OR_RETURN(const size_t got, ReadAt(ring.get(), reinterpret_cast<char*>(&state), sizeof state, 0));
  if (got < sizeof state || !IsSound(state)) return std::optional<RingState>();
  return std::optional<RingState>(state);
}

}  // namespace fumehood
