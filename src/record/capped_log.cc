#include "src/record/capped_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr int64_t kSmallestRing = 4096;  // a full disk shrinks the ring no further: it then keeps nothing
constexpr size_t kCopyBytes = 16384;

}  // namespace

Result<CappedLog> CappedLog::Create(int dir, std::string name, int64_t limit_bytes) {
  CappedLog log(dir, std::move(name));
  FH_ASSIGN_OR_RETURN(log.file_, OpenAt(dir, log.name_, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  log.state_.limit = limit_bytes;
  log.state_.head_left = limit_bytes / 2;
  log.state_.ring_size = limit_bytes - limit_bytes / 2;
  return log;
}

void CappedLog::Write(std::string_view data) {
  if (state_.limit == 0 || state_.head_left > 0) data.remove_prefix(PutHead(data));
  if (data.empty()) return;
  state_.claimed = static_cast<int64_t>(data.size());
  if (ring_.valid()) SaveRingState(ring_, state_);
  while (!data.empty()) data.remove_prefix(PutRing(data));
  state_.claimed = 0;
  if (ring_.valid()) SaveRingState(ring_, state_);
}

// Returns how much of `data` it has dealt with: written, or counted as failed.
size_t CappedLog::PutHead(std::string_view data) {
  const bool all = state_.limit == 0;
  const size_t part = all ? data.size() : std::min(data.size(), static_cast<size_t>(state_.head_left));
  if (!all) state_.head_left -= static_cast<int64_t>(part);
  if (state_.unmarked > 0 && !PutMarker()) {
    Lose(part);
    return part;
  }
  Written written = WriteAt(file_.get(), data.substr(0, part), state_.file_size);
  const std::string_view taken = data.substr(0, written.bytes);
  digest_.Update(taken);
  state_.file_size += static_cast<int64_t>(taken.size());
  state_.seen += static_cast<int64_t>(taken.size());
  if (!taken.empty()) at_line_start_ = taken.back() == '\n';
  if (written.error) Fail(part - written.bytes, *written.error);
  return part;
}

size_t CappedLog::PutRing(std::string_view data) {
  if (!ring_.valid() && !OpenRing()) {
    Lose(data.size());
    return data.size();
  }
  const size_t part = std::min(data.size(), static_cast<size_t>(state_.ring_size - state_.ring_at));
  Written written = WriteAt(ring_.get(), data.substr(0, part), kRingStart + state_.ring_at);
  const auto bytes = static_cast<int64_t>(written.bytes);
  state_.seen += bytes;
  state_.ring_in += bytes;
  state_.ring_kept = std::min(state_.ring_kept + bytes, state_.ring_size);
  state_.ring_at = (state_.ring_at + bytes) % state_.ring_size;
  if (!written.error) return part;
  size_t done = written.bytes;
  if (state_.ring_kept == state_.ring_at && state_.ring_at >= kSmallestRing) {
    state_.ring_size = state_.ring_at;  // the rest of `data` goes round in the blocks that are there
    if (failure_.empty()) failure_ = written.error->message();
  } else {
    // The tail must be without gaps: it starts anew behind what was lost.
    Fail(part - written.bytes, *written.error);
    state_.ring_kept = 0;
    done = part;
  }
  state_.ring_at = 0;
  SaveRingState(ring_, state_);  // before a byte stands where it would have stood otherwise
  return done;
}

bool CappedLog::OpenRing() {
  auto ring = OpenAt(dir_, name_ + kRingSuffix, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  if (!ring) {
    if (failure_.empty()) failure_ = ring.error().message();
    return false;
  }
  ring_ = std::move(ring).value();
  SaveRingState(ring_, state_);  // its block is there before the disk can be full
  return true;
}

void CappedLog::Lose(size_t bytes) {
  state_.seen += static_cast<int64_t>(bytes);
  state_.failed += static_cast<int64_t>(bytes);
  state_.unmarked += static_cast<int64_t>(bytes);
}

void CappedLog::Fail(size_t bytes, const Error& error) {
  Lose(bytes);
  if (failure_.empty()) failure_ = error.message();
}

// Bytes that are gone and that no marker speaks of yet.
int64_t CappedLog::Unsaid() const { return state_.unmarked + state_.ring_in - state_.ring_kept; }

// The line that stands for them. False: there is still no room for it.
bool CappedLog::PutMarker() {
  std::string text = at_line_start_ ? "[fumehood: " : "\n[fumehood: ";
  text += fmt::format("{} bytes of output were dropped here", Unsaid());
  if (Unsaid() > state_.unmarked) {
    text += fmt::format("; the last {} bytes follow (output_limit_mb allows {} in all)", state_.ring_kept, state_.limit);
  }
  if (state_.unmarked > 0) {
    text += fmt::format("; {} of them could not be written", state_.unmarked);
    if (!failure_.empty()) text += ": " + failure_;
  }
  if (!AppendToFile(text + "]\n")) return false;
  at_line_start_ = true;
  state_.unmarked = 0;
  return true;
}

// All or nothing, as far as file_size and the digest know.
bool CappedLog::AppendToFile(std::string_view data) {
  const Written written = WriteAt(file_.get(), data, state_.file_size);
  if (written.error) {
    if (failure_.empty()) failure_ = written.error->message();
    return false;
  }
  digest_.Update(data);
  state_.file_size += static_cast<int64_t>(data.size());
  return true;
}

bool CappedLog::AppendRing() {
  std::array<char, kCopyBytes> buffer;
  for (int64_t left = state_.ring_kept; left > 0;) {
    const int64_t from = state_.Slot(left);
    const int64_t part = std::min({left, static_cast<int64_t>(buffer.size()), state_.ring_size - from});
    const auto got = ReadAt(ring_.get(), buffer.data(), static_cast<size_t>(part), kRingStart + from);
    if (!got || *got != static_cast<size_t>(part)) {
      if (failure_.empty()) failure_ = got ? "the side file is shorter than it was" : got.error().message();
      return false;
    }
    if (!AppendToFile({buffer.data(), *got})) return false;
    left -= part;
  }
  return true;
}

FinishedLog CappedLog::Finish() {
  const Sha256 head_digest = digest_;
  const int64_t head_size = state_.file_size;
  FinishedLog finished;
  finished.bytes_seen = state_.seen;
  finished.bytes_dropped = bytes_dropped();
  finished.bytes_failed = state_.failed;
  const bool whole = (Unsaid() == 0 || PutMarker()) && AppendRing();
  if (whole) {
    if (ring_.valid()) (void)unlinkat(dir_, (name_ + kRingSuffix).c_str(), 0);  // a leftover is removed with the run
  } else {
    digest_ = head_digest;
    finished.bytes_failed += state_.ring_kept;
    finished.bytes_dropped += state_.ring_kept;
    if (state_.ring_kept > 0) failure_ += fmt::format("; the last {} bytes are in {}{}", state_.ring_kept, name_, kRingSuffix);
    (void)Truncate(file_.get(), head_size);  // else the digest tells
  }
  ring_.Reset();
  file_.Reset();
  finished.failure = failure_;
  finished.sha256 = digest_.FinishHex();
  return finished;
}

// The digest of what the file holds, for a log that another process began.
Result<void> CappedLog::Rehash() {
  std::array<char, kCopyBytes> buffer;
  for (int64_t at = 0; at < state_.file_size;) {
    const auto want = static_cast<size_t>(std::min<int64_t>(state_.file_size - at, buffer.size()));
    FH_ASSIGN_OR_RETURN(const size_t got, ReadAt(file_.get(), buffer.data(), want, at));
    if (got < want) return Error(ErrorCode::kCorrupt, Quoted(name_) + " is shorter than it was");
    digest_.Update({buffer.data(), got});
    at_line_start_ = buffer[got - 1] == '\n';
    at += static_cast<int64_t>(got);
  }
  return {};
}

Result<FinishedLog> FinishCappedLog(int dir, const std::string& name) {
  CappedLog log(dir, name);
  FH_ASSIGN_OR_RETURN(log.file_, OpenAt(dir, name, O_RDWR | O_NOFOLLOW));
  auto ring = OpenAt(dir, name + kRingSuffix, O_RDWR | O_NOFOLLOW);
  if (!ring && ring.error().code() != ErrorCode::kNotFound) return std::move(ring).error();
  if (!ring) {
    FH_ASSIGN_OR_RETURN(FileDigest digest, DigestFd(log.file_.get()));
    return FinishedLog{digest.size_bytes, 0, 0, "", std::move(digest.sha256)};
  }
  log.ring_ = std::move(ring).value();
  FH_ASSIGN_OR_RETURN(const std::optional<RingState> state, LoadRingState(log.ring_));
  if (!state) return Error(ErrorCode::kCorrupt, Quoted(name + kRingSuffix) + " does not hold the end of a log");
  log.state_ = *state;
  log.state_.ring_kept = state->Sure();
  FH_TRY(Truncate(log.file_.get(), state->file_size));  // a Finish that was interrupted had begun to add to it
  FH_TRY(log.Rehash());
  return log.Finish();
}

}  // namespace fumehood
