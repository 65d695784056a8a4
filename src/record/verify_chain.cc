// VerifyChain, of src/record/verify.h.
#include <optional>

#include <fmt/format.h>

#include "src/record/event_line.h"
#include "src/record/json_reader.h"
#include "src/record/run_dir.h"
#include "src/record/sha256.h"
#include "src/record/verify.h"

namespace fumehood {
namespace {

struct Line {
  std::string_view text;
  int64_t number = 0;
  int64_t offset = 0;
};

class ChainCheck {
 public:
  explicit ChainCheck(std::string_view text) : text_(text) {}

  ChainReport Run() {
    Line line;
    size_t at = 0;
    while (at < text_.size()) {
      const size_t end = std::min(text_.find('\n', at), text_.size());
      line = {text_.substr(at, end - at), line.number + 1, static_cast<int64_t>(at)};
      Check(line);
      at = end + 1;
    }
    if (fragment_ || (!text_.empty() && !text_.ends_with('\n'))) report_.ends_torn = true;
    report_.head = prev_;
    return std::move(report_);
  }

 private:
  void Check(const Line& line) {
    const auto ends = FindEventEnds(line.text);
    auto json = JsonReader::Parse(line.text);
    if (!ends || !json) {
      if (!fragment_) fragment_ = line;
      return;
    }
    const std::string type = json->String("type");
    if (!fragment_) {
      CheckLink(line, *ends, type);
    } else {
      CheckTorn(line, *ends, type, json->Has("bytes") ? json->Int("bytes") : -1);
    }
    // Asked of both, the event's type and its member, so that no change of one byte can hide the other.
    if (!HoldsCheck(line.text).value_or(type != kClosedEvent)) Find(line, "was changed: it does not have the digest that it states");
    if (type == kClosedEvent) TakeClosing(line, *json);
    report_.closed = type == kClosedEvent;
    ++report_.events;
    last_ = line;
    prev_ = Sha256Hex(line.text);
    next_seq_ = ends->seq + 1;
    fragment_.reset();
  }

  void CheckLink(const Line& line, const EventEnds& ends, const std::string& type) {
    if (ends.seq != next_seq_) {
      Find(line, fmt::format("has number {} where {} is due: events before it were removed or added", ends.seq, next_seq_));
    } else if (ends.prev != prev_) {
      Find(last_.number == 0 ? line : last_, fmt::format("was changed, or the digest of it in line {} was", line.number));
    } else if (type == kTornEvent) {
      Find(line, "speaks of a torn line, and there is none before it");
    }
  }

  void CheckTorn(const Line& line, const EventEnds& ends, const std::string& type, int64_t bytes) {
    // The fragment may be several lines: closing it off can be torn too.
    const auto size = static_cast<size_t>(line.offset - fragment_->offset - 1);
    const std::string_view fragment = text_.substr(static_cast<size_t>(fragment_->offset), size);
    const bool named = type == kTornEvent && ends.seq == next_seq_ && ends.prev == Sha256Hex(fragment) &&
                       bytes == static_cast<int64_t>(size);
    if (named) {
      ++report_.torn_events;
    } else {
      Find(*fragment_, "was changed or added: it is not an event, and no event after it calls it torn");
    }
  }

  void TakeClosing(const Line& line, JsonReader& json) {
    report_.files.clear();
    for (JsonReader& element : json.Objects("files")) {
      RecordedFile file{element.String("path"), element.Int("size_bytes"), element.String("sha256")};
      if (!element.Finish()) Find(line, "was changed: its list of files cannot be read");
      report_.files.push_back(std::move(file));
    }
  }

  void Find(const Line& line, std::string problem) {
    report_.findings.push_back({layout::kEvents, line.number, line.offset, std::move(problem)});
  }

  std::string_view text_;
  ChainReport report_;
  std::optional<Line> fragment_;  // where what is no event begins
  Line last_;                     // the last event; number 0: none yet
  std::string prev_ = std::string(64, '0');
  int64_t next_seq_ = 0;
};

}  // namespace

ChainReport VerifyChain(std::string_view events) { return ChainCheck(events).Run(); }

}  // namespace fumehood
