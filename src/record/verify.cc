#include "src/record/verify.h"

#include <fcntl.h>

#include <set>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/glob.h"
#include "src/record/outputs.h"
#include "src/record/read_result.h"
#include "src/record/sha256.h"
#include "src/record/upper_walk.h"

namespace fumehood {
namespace {

constexpr size_t kMaxChainBytes = size_t{1} << 30;

class RunCheck {
 public:
  explicit RunCheck(const RunDir& run) : run_(run) {}

  Result<VerifyReport> Run() {
    FH_ASSIGN_OR_RETURN(const std::string events, ReadEvents());
    report_.chain = VerifyChain(events);
    report_.findings.insert(report_.findings.end(), report_.chain.findings.begin(), report_.chain.findings.end());
    report_.bytes_checked = static_cast<int64_t>(events.size());
    for (const RecordedFile& file : report_.chain.files) {
      CheckFile(run_.fd.get(), file.path, file.path, file.size_bytes, file.sha256);
    }
    FH_TRY(CheckEnd());
    FH_TRY(CheckOutputs());
    return std::move(report_);
  }

 private:
  // Damage is a finding, however great; that it cannot be looked at is not.
  Result<std::string> ReadEvents() {
    const auto there = FindStat(run_.fd.get(), layout::kEvents, false);
    if (there && *there && S_ISREG((*there)->st_mode)) return ReadFile(run_.fd.get(), layout::kEvents, kMaxChainBytes);
    if (!there) return there.error();
    Find(layout::kEvents, *there ? "is no file any more" : "is missing: of this run only the outputs can be checked, by outputs.json");
    return std::string();
  }

  void Find(const std::string& file, std::string problem) { report_.findings.push_back({file, 0, -1, std::move(problem)}); }

  // `sha256` empty: only the size was recorded.
  void CheckFile(int dir, const std::string& path, const std::string& shown, int64_t size, const std::string& sha256) {
    const auto fd = OpenRegularFile(dir, path);
    if (!fd) {
      Find(shown, fd.error().code() == ErrorCode::kNotFound ? "is missing" : fd.error().message());
      return;
    }
    ++report_.files_checked;
    const auto info = StatFd(*fd);
    if (info && info->st_size != size) {
      Find(shown, fmt::format("was changed: it has {} bytes, and was recorded with {}", info->st_size, size));
      return;
    }
    if (sha256.empty()) return;
    const auto digest = DigestFd(fd->get(), size);
    if (!digest) {
      Find(shown, digest.error().message());
      return;
    }
    report_.bytes_checked += digest->size_bytes;
    if (digest->sha256 != sha256) Find(shown, "was changed: its SHA-256 is " + digest->sha256 + ", and was recorded as " + sha256);
  }

  // A result stands behind a closed chain: where there is one, the other must be.
  Result<void> CheckEnd() {
    FH_ASSIGN_OR_RETURN(const auto result, FindStat(run_.fd.get(), layout::kResult, false));
    bool recorded = false;
    for (const RecordedFile& file : report_.chain.files) recorded = recorded || file.path == layout::kResult;
    if (result && !recorded) Find(layout::kResult, "is there, and the closing event that names it is missing from events.jsonl");
    if (result && report_.chain.ends_torn) Find(layout::kEvents, "ends in the middle of an event, though the run has a result");
    return {};
  }

  Result<void> CheckOutputs() {
    auto outputs = ReadOutputs(run_.fd.get());
    if (!outputs) {
      if (outputs.error().code() != ErrorCode::kNotFound) Find(layout::kOutputs, outputs.error().message());
      return {};
    }
    // Every attempt has its own layer; the link beside `attempts` shows the one that was collected.
    const auto attempt = OpenLastAttemptDir(run_);
    const auto work = attempt ? OpenBeneath(attempt->fd.get(), layout::kWork, O_RDONLY | O_DIRECTORY) : Result<Fd>(attempt.error());
    if (!work && work.error().code() == ErrorCode::kNotFound) {
      Find(layout::kWork, "is missing, with all outputs of the run");
      return {};
    }
    if (!work) return work.error();
    std::set<std::string> known;
    for (const OutputFile& file : outputs->files) {
      CheckFile(work->get(), file.path, Shown(file.path), file.size_bytes, file.sha256);
      known.insert(file.path);
    }
    // More were passed over than are named: then an unnamed one proves nothing.
    if (outputs->skipped_count > static_cast<int64_t>(outputs->skipped.size())) return {};
    for (const SkippedOutput& skipped : outputs->skipped) known.insert(skipped.path);
    return FindExtra(work->get(), *outputs, known);
  }

  static std::string Shown(const std::string& path) { return std::string(layout::kWork) + "/" + path; }

  class ExtraFiles : public UpperVisitor {
   public:
    ExtraFiles(const CollectedOutputs& outputs, const std::set<std::string>& known) : known_(known) {
      for (const std::string& pattern : outputs.globs) globs_.emplace_back(pattern);
    }
    Result<void> Entry(const UpperEntry& entry, int, const std::string&) override {
      if (entry.kind == EntryKind::kFile && IsWanted(entry.path) && !known_.contains(entry.path)) found.push_back(entry.path);
      return {};
    }
    void Problem(const std::string&, const std::string&) override {}  // what cannot be looked at was not collected either

    std::vector<std::string> found;

   private:
    bool IsWanted(const std::string& path) const {
      bool any = globs_.empty();
      for (const Glob& glob : globs_) any = any || glob.Matches(path);
      return any;
    }
    const std::set<std::string>& known_;  // the caller's
    std::vector<Glob> globs_;
  };

  Result<void> FindExtra(int work, const CollectedOutputs& outputs, const std::set<std::string>& known) {
    ExtraFiles extra(outputs, known);
    FH_TRY(WalkUpper(work, extra));
    for (const std::string& path : extra.found) Find(Shown(path), "was added: outputs.json does not have it");
    return {};
  }

  const RunDir& run_;  // the caller's
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> VerifyRun(const RunDir& run) { return RunCheck(run).Run(); }

}  // namespace fumehood
