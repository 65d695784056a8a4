// Store: the index of all runs of a state directory, <state>/store.db (SQLite).
//
// It is an index and nothing more: the run directories and, of runs that wait, the queue files are the truth. So a store that is
// missing, damaged, or of another program is set aside and made anew; nothing is lost with it. What is new it learns from the log of
// changes (src/record/change_log.h), and of a run that has not ended it asks the run's directory each time, so what it shows is so.
//
// Any number of processes may have it open; one writes at a time and waits for the others. An object is for one thread at a time, and
// is not to be carried over a fork.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/store/run_row.h"

namespace fumehood {

// The runs that wait, as the engine knows them.
struct WaitingRuns {
  std::function<Result<std::vector<RunId>>()> list;
  std::function<Result<std::optional<RunRow>>(const RunId&)> read;  // empty: it does not wait (any more)
};

struct StoreOptions {
  WaitingRuns waiting;                            // without functions: those of <state>/queue
  std::function<void(const std::string&)> tell;   // a sentence on what was done by itself: a damaged store set aside, say
  std::function<void(int64_t done, int64_t of)> progress;  // while it is made anew
};

struct RunFilter {
  std::vector<RunStatus> statuses;            // one of them; empty: any
  std::map<std::string, std::string> labels;  // all of them
  std::string runtime;                        // empty: any, here and below
  std::optional<Reason> reason;
  std::string name_glob;                      // * and ? and [...], over the whole name
  std::string pipeline;
  std::string analysis;
  std::optional<int64_t> since_us, until_us;  // submitted at or after, before
  std::optional<bool> pinned;
  bool ended = false;                         // only those that have
};

enum class RunOrder { kNewest, kOldest, kName, kWall, kMemory, kCpu, kFinished, kDisk };  // kWall to kDisk: the largest first

struct RunQuery {
  RunFilter filter;
  RunOrder order = RunOrder::kNewest;
  int64_t limit = -1;        // -1: all
  RunId after;               // the last of the page before, of kNewest and kOldest; empty: from the beginning
};

struct RunPage {
  std::vector<RunRow> rows;
  bool more = false;         // the limit left some out
  std::vector<std::string> problems;  // runs whose records are damaged, and how; they are shown as UNKNOWN
};

class Store {
 public:
  // Opens it, makes it where it is missing, damaged or another program's, and catches up. kUnsupported: a newer Fumehood wrote it.
  static Result<Store> Open(const std::string& state_dir, StoreOptions options = {});
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // Takes in what became new since. The queries below do not: call it before those that must see everything.
  Result<void> CatchUp();
  // The whole index from nothing, beside the one in use, whose place it takes at the end. Runs may begin and end meanwhile, and other
  // processes use the store. Gives the number of runs.
  Result<int64_t> Reindex();

  // Runs that have not ended are looked at, and those that were lost are recorded so (executor/local/recover.h).
  Result<RunPage> List(const RunQuery& query);
  Result<std::optional<RunRow>> Find(const RunId& id);
  // Run ids that begin so, the oldest first, at most `limit`.
  Result<std::vector<RunId>> PrefixMatches(const std::string& prefix, size_t limit);
  // So many letters of each of these ids name one run, `shortest` at least.
  Result<size_t> UniqueLength(const std::vector<RunId>& ids, size_t shortest);
  Result<std::map<RunStatus, int64_t>> CountByStatus(const RunFilter& filter = {});

  // An end is final: a row of a run that has ended is not replaced by one that says it goes on.
  Result<void> Upsert(const RunRow& row);
  Result<void> Forget(const RunId& id);
  // Reads the run's directory or queue file anew, and forgets a run that has neither.
  Result<void> Refresh(const RunId& id);
  Result<void> SetDiskUse(const RunId& id, int64_t bytes, int64_t files);

  // The run that holds the key from now on: `id`, or the one that had it before. Durable only with the run's own record, which must
  // name the key; a claim of a run that never came about is for its holder's next attempt, or is given up.
  Result<RunId> ClaimKey(const std::string& idempotency_key, const RunId& id);
  Result<void> ReleaseKey(const std::string& idempotency_key, const RunId& id);  // only where `id` holds it

  Result<int64_t> Bytes() const;  // of the files of the store

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fumehood
