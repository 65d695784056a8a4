// The journal of a pipeline: what was meant to be run, and what came of it. Append-only; an intent is on the disk before its run is
// submitted, so that after any crash each run can be found again.
//
//   {"type":"intent","step":"align[s1]","key":"SHA-256","intent":"ULID","at":"...","members":{...}}
//   {"type":"run","intent":"ULID","run":"ULID"}               submitted as this run
//   {"type":"refused","intent":"ULID","why":"..."}            nothing was started
//   {"type":"ended","intent":"ULID","status":"COMPLETED","steady":true}
//
// `steady`: what the key was made of was still the same when the run had ended. A line that a crash left half is cut off.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "fumehood/run_result.h"
#include "src/engine/pipeline_key.h"
#include "src/record/append_file.h"

namespace fumehood {

struct JournalEntry {
  std::string step;
  std::string key;
  std::string intent;  // a ULID; the label `intent` of the run
  std::string at;
  KeyMembers members;
  RunId run;           // empty: the program died before it could say, or nothing was started
  std::string refused; // why nothing was started
  std::string status;  // of the ended run; empty: it was not seen to end
  bool steady = true;
};

// By step, in the order in which they were meant.
using JournalEntries = std::map<std::string, std::vector<JournalEntry>>;

struct JournalReading {
  JournalEntries entries;
  size_t lines = 0;
  size_t whole_bytes = 0;  // up to the end of the last whole line
};
// kCorrupt for a line in the middle that is none of ours.
Result<JournalReading> ReadJournalText(std::string_view text);
// Without an open journal: for `status`. No journal is no entries.
Result<JournalEntries> ReadJournal(const std::string& pipeline_dir);

// For the one program that holds the pipeline's lock; several threads may append.
class PipelineJournal {
 public:
  // Cuts a half line off, and rewrites a journal that has grown far beyond what is asked of it.
  static Result<PipelineJournal> Open(const std::string& pipeline_dir);

  const JournalEntries& entries() const { return entries_; }  // as they were when it was opened

  Result<void> Intend(const JournalEntry& entry);  // on the disk when it returns
  Result<void> Submitted(const std::string& intent, const RunId& run);
  Result<void> Refused(const std::string& intent, const std::string& why);
  Result<void> Ended(const std::string& intent, const std::string& status, bool steady);

 private:
  PipelineJournal(AppendFile file, JournalEntries entries) : file_(std::move(file)), entries_(std::move(entries)), mutex_(std::make_unique<std::mutex>()) {}
  Result<void> Append(const std::string& line, bool sync);

  AppendFile file_;
  JournalEntries entries_;
  std::unique_ptr<std::mutex> mutex_;  // of file_
};

}  // namespace fumehood
