#include "src/record/log_reader.h"

#include <fcntl.h>

#include <algorithm>

#include <fmt/format.h>

#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

Result<Fd> OpenIfThere(const Fd& dir, const std::string& name) {
  auto fd = OpenAt(dir.get(), name, O_RDONLY | O_NOFOLLOW);
  if (!fd && fd.error().code() == ErrorCode::kNotFound) return Fd();
  return fd;
}

Result<std::string> ReadPart(const Fd& file, int64_t from, int64_t size) {
  std::string data(static_cast<size_t>(std::max<int64_t>(0, size)), '\0');
  FH_ASSIGN_OR_RETURN(const size_t got, ReadAt(file.get(), data.data(), data.size(), from));
  data.resize(got);
  return data;
}

}  // namespace

Result<std::string> LogReader::Next(int64_t limit) {
  FH_ASSIGN_OR_RETURN(const bool there, Open());
  if (!there) return std::string();
  FH_ASSIGN_OR_RETURN(std::string data, at_ < 0 ? FromFile(limit) : std::string());
  if (data.empty() && state_) {
    FH_ASSIGN_OR_RETURN(data, FromRing(limit));
  }
  if (!data.empty()) at_line_start_ = data.back() == '\n';
  return data;
}

// False: no byte was written so far.
Result<bool> LogReader::Open() {
  if (!file_.valid()) {
    FH_ASSIGN_OR_RETURN(file_, OpenIfThere(dir_, name_));
    if (!file_.valid()) return false;
  }
  FH_TRY(OpenRing());
  if (!started_) FH_TRY(Start());
  started_ = true;
  return true;
}

Result<void> LogReader::OpenRing() {
  if (!ring_.valid()) {
    FH_ASSIGN_OR_RETURN(ring_, OpenIfThere(dir_, name_ + kRingSuffix));
    if (!ring_.valid()) return {};
  }
  FH_ASSIGN_OR_RETURN(const std::optional<RingState> state, LoadRingState(ring_));
  // Beyond file_size: NAME was being finished before the ring was seen, and will hold all that is in it.
  if (state && (at_ >= 0 || from_ <= state->file_size)) state_ = state;
  return {};
}

Result<void> LogReader::Start() {
  if (from_ >= 0) return {};
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(file_));
  const int64_t in_ring = state_ ? state_->Sure() : 0;
  const int64_t in_file = state_ ? state_->file_size : info.st_size;
  if (state_ && -from_ <= in_ring) at_ = state_->seen + from_;
  from_ = std::clamp<int64_t>(in_file + in_ring + from_, 0, in_file);
  return {};
}

Result<std::string> LogReader::FromFile(int64_t limit) {
  if (!state_) {
    FH_ASSIGN_OR_RETURN(std::string data, ReadPart(file_, from_, limit));
    from_ += static_cast<int64_t>(data.size());
    return data;
  }
  // What Finish adds behind file_size is what the ring tells.
  FH_ASSIGN_OR_RETURN(std::string data, ReadPart(file_, from_, std::min(limit, state_->file_size - from_)));
  from_ += static_cast<int64_t>(data.size());
  if (data.empty()) at_ = state_->seen - state_->ring_in - state_->unmarked;
  return data;
}

Result<std::string> LogReader::FromRing(int64_t limit) {
  if (until_ == Until::kPresentEnd) end_ = std::min(end_, state_->seen);
  constexpr int kTries = 20;  // the writer may be ahead by a whole ring whenever this process has to wait for a processor
  for (int i = 0; i < kTries && at_ < std::min(end_, state_->seen); ++i) {
    int64_t from = std::max(at_, state_->seen - state_->Sure());
    const int64_t newer = state_->seen - from;
    const int64_t slot = state_->Slot(newer);
    FH_ASSIGN_OR_RETURN(std::string data, ReadPart(ring_, kRingStart + slot, std::min({limit, newer, state_->ring_size - slot})));
    FH_ASSIGN_OR_RETURN(const std::optional<RingState> after, LoadRingState(ring_));
    if (!after) continue;  // its writer is at it
    state_ = after;
    // What was written over meanwhile is cut off.
    const int64_t overtaken = std::clamp<int64_t>(after->seen - after->Sure() - from, 0, static_cast<int64_t>(data.size()));
    data.erase(0, static_cast<size_t>(overtaken));
    from += overtaken;
    if (data.empty() && (newer > 0 || after->claimed > 0)) continue;  // overtaken altogether, or about to be
    const int64_t missed = from - at_;
    at_ = from + static_cast<int64_t>(data.size());
    if (missed == 0) return data;
    return fmt::format("{}[fumehood: {} bytes of output were dropped here]\n{}", at_line_start_ ? "" : "\n", missed, data);
  }
  return std::string();
}

}  // namespace fumehood
