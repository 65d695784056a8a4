#include "src/engine/pipeline_journal.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/record/json_reader.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr const char* kName = "journal.jsonl";
constexpr size_t kMaxBytes = size_t{1} << 30;
constexpr size_t kKeptEntries = 4;         // of each step, when the journal is rewritten
constexpr size_t kLinesOfAStep = 12 * kKeptEntries;  // beyond so many a step it is

std::string IntentLine(const JournalEntry& entry) {
  JsonWriter json;
  json.BeginObject().Key("type").String("intent").Key("step").String(entry.step).Key("key").String(entry.key).Key("intent").String(entry.intent);
  json.Key("at").String(entry.at).Key("members").Raw(CanonicalKey(entry.members));
  return json.EndObject().Take() + "\n";
}

std::string RunLine(const std::string& intent, const RunId& run) {
  return JsonWriter().BeginObject().Key("type").String("run").Key("intent").String(intent).Key("run").String(run).EndObject().Take() + "\n";
}

std::string RefusedLine(const std::string& intent, const std::string& why) {
  return JsonWriter().BeginObject().Key("type").String("refused").Key("intent").String(intent).Key("why").String(why).EndObject().Take() + "\n";
}

std::string EndedLine(const std::string& intent, const std::string& status, bool steady) {
  JsonWriter json;
  json.BeginObject().Key("type").String("ended").Key("intent").String(intent).Key("status").String(status).Key("steady").Bool(steady);
  return json.EndObject().Take() + "\n";
}

std::string LinesOf(const JournalEntry& entry) {
  std::string lines = IntentLine(entry);
  if (!entry.run.empty()) lines += RunLine(entry.intent, entry.run);
  if (!entry.refused.empty()) lines += RefusedLine(entry.intent, entry.refused);
  if (!entry.status.empty()) lines += EndedLine(entry.intent, entry.status, entry.steady);
  return lines;
}

class Replay {
 public:
  Result<void> Line(std::string_view line) {
    FH_ASSIGN_OR_RETURN(JsonReader json, JsonReader::Parse(line));
    const std::string type = json.String("type");
    if (type == "intent") {
      JournalEntry entry;
      entry.step = json.String("step");
      entry.key = json.String("key");
      entry.intent = json.String("intent");
      entry.at = json.String("at");
      JsonReader members = json.Object("members");
      entry.members = members.Texts();
      FH_TRY(members.Finish());
      FH_TRY(json.Finish());
      auto& entries = entries_[entry.step];
      places_[entry.intent] = {entry.step, entries.size()};
      entries.push_back(std::move(entry));
      return {};
    }
    const auto place = places_.find(json.String("intent"));
    JournalEntry unknown;  // of an intent that a rewrite left out
    JournalEntry& entry = place == places_.end() ? unknown : entries_[place->second.first][place->second.second];
    if (type == "run") {
      entry.run = json.String("run");
    } else if (type == "refused") {
      entry.refused = json.String("why");
    } else if (type == "ended") {
      entry.status = json.String("status");
      entry.steady = json.Bool("steady");
    } else {
      json.Fail("type", "is not known to this version");
    }
    return json.Finish();
  }
  JournalEntries Take() { return std::move(entries_); }

 private:
  JournalEntries entries_;
  std::map<std::string, std::pair<std::string, size_t>> places_;
};

std::string Rewritten(const JournalEntries& entries) {
  std::string text;
  for (const auto& [step, all] : entries) {
    for (size_t i = all.size() - std::min(all.size(), kKeptEntries); i < all.size(); ++i) text += LinesOf(all[i]);
  }
  return text;
}

}  // namespace

Result<JournalReading> ReadJournalText(std::string_view text) {
  Replay replay;
  JournalReading reading;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) break;  // half of one
    Result<void> read = replay.Line(text.substr(0, end));
    ++reading.lines;
    const bool last = end + 1 == text.size();
    // A loss of power may leave a line of the right length with something else in it, but only as the last.
    if (!read && last) break;
    if (!read) return std::move(read).error().Within(fmt::format("line {} of the pipeline's journal", reading.lines));
    reading.whole_bytes += end + 1;
    text.remove_prefix(end + 1);
  }
  reading.entries = replay.Take();
  return reading;
}

Result<JournalEntries> ReadJournal(const std::string& pipeline_dir) {
  FH_ASSIGN_OR_RETURN(const auto text, FindFile(kHere, pipeline_dir + "/" + kName, kMaxBytes));
  if (!text) return JournalEntries();
  FH_ASSIGN_OR_RETURN(JournalReading reading, ReadJournalText(*text));
  return std::move(reading.entries);
}

Result<PipelineJournal> PipelineJournal::Open(const std::string& pipeline_dir) {
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, pipeline_dir));
  FH_ASSIGN_OR_RETURN(AppendFile file, AppendFile::Open(dir.get(), kName));
  FH_ASSIGN_OR_RETURN(const std::string text, ReadFile(dir.get(), kName, kMaxBytes));
  FH_ASSIGN_OR_RETURN(JournalReading reading, ReadJournalText(text));
  if (reading.lines > kLinesOfAStep * (reading.entries.size() + 1)) {
    FH_TRY(WriteFileAtomically(dir.get(), kName, Rewritten(reading.entries), 0600, Durability::kNow));
    FH_ASSIGN_OR_RETURN(file, AppendFile::Open(dir.get(), kName));
  } else if (reading.whole_bytes < text.size()) {
    FH_TRY(Truncate(file.fd(), static_cast<int64_t>(reading.whole_bytes)));
    FH_TRY(file.Refresh());
  }
  FH_TRY(Sync(dir.get()));
  return PipelineJournal(std::move(file), std::move(reading.entries));
}

Result<void> PipelineJournal::Append(const std::string& line, bool sync) {
  const std::scoped_lock lock(*mutex_);
  FH_TRY(file_.Append(line));
  return sync ? SyncData(file_.fd()) : Result<void>();
}

Result<void> PipelineJournal::Intend(const JournalEntry& entry) { return Append(IntentLine(entry), true); }
// What follows can be found out again from the runs themselves: it goes to the disk with the next intent.
Result<void> PipelineJournal::Submitted(const std::string& intent, const RunId& run) { return Append(RunLine(intent, run), false); }
Result<void> PipelineJournal::Refused(const std::string& intent, const std::string& why) { return Append(RefusedLine(intent, why), false); }
Result<void> PipelineJournal::Ended(const std::string& intent, const std::string& status, bool steady) {
  return Append(EndedLine(intent, status, steady), false);
}

}  // namespace fumehood
