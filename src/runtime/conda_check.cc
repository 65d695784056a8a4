#include "src/runtime/conda_check.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/runtime/conda_record.h"
#include "src/runtime/foreign_files.h"
#include "src/runtime/prefix_file.h"
#include "src/runtime/python_dists.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

using What = RuntimeFault::What;

constexpr size_t kMaxScriptBytes = size_t{256} << 10;
constexpr size_t kMostScripts = 32;  // one tells; the others may be none of the kind

class Check {
 public:
  Check(const std::string& prefix, RuntimeKind kind, const CheckOptions& options) : path_(prefix), kind_(kind), options_(options) {}

  Result<PrefixCheck> Run() {
    FH_ASSIGN_OR_RETURN(dir_, OpenDir(kHere, path_));
    FH_TRY(FindMarks());
    if (kind_ == RuntimeKind::kConda) FH_TRY(ReadRecords());
    FH_TRY(ReadDists());
    FH_TRY(FindMove());
    FH_ASSIGN_OR_RETURN(FileFindings findings, CheckFiles(dir_.get(), path_, expected_, options_));
    check_.files = findings.files;
    check_.bytes = findings.bytes;
    check_.fingerprint = std::move(findings.fingerprint);
    Add(std::move(findings.faults));
    if (options_.deep) {
      FH_ASSIGN_OR_RETURN(std::vector<RuntimeFault> foreign, FindForeignFiles(dir_.get(), kind_, expected_));
      Add(std::move(foreign));
    }
    std::stable_sort(check_.faults.begin(), check_.faults.end(),
                     [](const RuntimeFault& a, const RuntimeFault& b) { return a.path < b.path; });
    return std::move(check_);
  }

 private:
  void Add(std::vector<RuntimeFault> faults) {
    check_.faults.insert(check_.faults.end(), std::make_move_iterator(faults.begin()), std::make_move_iterator(faults.end()));
  }

  // Of an environment that is made, and of one that is being made or removed.
  Result<void> FindMarks() {
    const char* mark = kind_ == RuntimeKind::kConda ? "conda-meta/history" : "pyvenv.cfg";
    FH_ASSIGN_OR_RETURN(const auto there, FindStat(dir_.get(), mark, false));
    if (!there) check_.faults.push_back({What::kHalfMade, mark, "is not there: the environment was never finished, or is half removed"});
    if (kind_ != RuntimeKind::kConda) return {};
    FH_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesBeneath(dir_.get(), "conda-meta"));
    for (const std::string& name : names) {
      if (IsHalfMadeName(name)) check_.faults.push_back({What::kHalfMade, "conda-meta/" + name, "left by a transaction that was ended"});
    }
    return {};
  }

  Result<void> ReadRecords() {
    FH_ASSIGN_OR_RETURN(CondaRecords found, ReadCondaRecords(dir_.get()));
    Add(std::move(found.faults));
    check_.packages += static_cast<int64_t>(found.records.size());
    FindUnmetNeeds(found.records);
    for (CondaRecord& record : found.records) {
      for (std::string& path : record.rewritten_texts) scripts_.push_back(std::move(path));
      Expect(std::move(record.files));
    }
    return {};
  }

  // Installers write each package's record when its files are there. One that was ended leaves whole packages, and what they need
  // is missing. (What is whole in itself cannot be told from a prefix that should have been smaller: whoever makes a runtime
  // compares it with what was asked for.)
  void FindUnmetNeeds(const std::vector<CondaRecord>& records) {
    std::unordered_set<std::string_view> names;
    for (const CondaRecord& record : records) names.insert(record.name);
    for (const CondaRecord& record : records) {
      for (const std::string& needed : record.needs) {
        if (names.contains(needed)) continue;
        check_.faults.push_back({What::kHalfMade, record.path, fmt::format("needs the package {}, which is not there: an installation was ended, or "
                                                                           "somebody removed it by force", Quoted(needed))});
      }
    }
  }

  // conda's packages hold dist-info folders, too: those are held against conda's record, which knows of rewritten paths.
  Result<void> ReadDists() {
    FH_ASSIGN_OR_RETURN(PythonDists found, FindPythonDists(dir_.get()));
    std::unordered_set<std::string> of_conda;
    for (const ExpectedFile& file : expected_) {
      if (const size_t end = file.path.find(".dist-info/"); end != std::string::npos) of_conda.insert(file.path.substr(0, end + 10));
    }
    const auto is_condas = [&](const std::string& path) { return of_conda.contains(path.substr(0, path.find(".dist-info") + 10)); };
    std::erase_if(found.faults, [&](const RuntimeFault& fault) { return is_condas(fault.path); });
    Add(std::move(found.faults));
    for (PythonDist& dist : found.dists) {
      if (of_conda.contains(dist.folder)) continue;
      ++check_.packages;
      for (const ExpectedFile& file : dist.files) {
        if (file.path.starts_with("bin/")) scripts_.push_back(file.path);
      }
      Expect(std::move(dist.files));
    }
    return {};
  }

  void Expect(std::vector<ExpectedFile> files) {
    expected_.insert(expected_.end(), std::make_move_iterator(files.begin()), std::make_move_iterator(files.end()));
  }

  // A prefix that was moved or copied has scripts that start the interpreter of the old place, and often it is still there.
  Result<void> FindMove() {
    FH_ASSIGN_OR_RETURN(const struct stat own, StatFd(dir_));
    for (size_t i = 0; i < std::min(scripts_.size(), kMostScripts); ++i) {
      const auto text = FindFileBeneath(dir_.get(), scripts_[i], kMaxScriptBytes);
      if (!text || !*text) continue;
      const std::string made_for = PrefixOfShebang(**text);
      if (made_for.empty()) continue;
      if (made_for == path_) return {};
      // Another path to the same place, by a link or a mount, is no move.
      const auto there = FindStat(kHere, made_for, true);
      if (there && *there && (*there)->st_dev == own.st_dev && (*there)->st_ino == own.st_ino) return {};
      check_.faults.push_back({What::kMoved, scripts_[i], fmt::format("was made for {}; an environment cannot be moved: make it anew here, or move "
                                                                      "it back", Quoted(made_for))});
      return {};
    }
    return {};
  }

  const std::string& path_;  // the caller's
  RuntimeKind kind_;
  const CheckOptions& options_;  // the caller's
  Fd dir_;
  std::vector<ExpectedFile> expected_;
  std::vector<std::string> scripts_;
  PrefixCheck check_;
};

}  // namespace

std::string PrefixOfShebang(std::string_view text) {
  const std::vector<std::string_view> lines = Lines(text.substr(0, 8192));
  if (lines.empty() || !lines[0].starts_with("#!")) return {};
  std::string_view program = Trimmed(lines[0].substr(2));
  // What pip writes where the path is too long for a first line, or has a space: '''exec' "/long/bin/python" "$0" "$@"
  constexpr std::string_view kExec = "'''exec' ";
  if (program == "/bin/sh" && lines.size() > 1 && lines[1].starts_with(kExec)) {
    program = lines[1].substr(kExec.size());
    if (program.starts_with('"')) {
      program = program.substr(1, program.find('"', 1) - 1);
    } else {
      program = program.substr(0, program.find(' '));
    }
  } else {
    program = program.substr(0, program.find_first_of(" \t"));
  }
  const size_t bin = program.rfind("/bin/");
  if (!program.starts_with('/') || bin == std::string_view::npos) return {};
  const std::string prefix = NormalPath(program.substr(0, bin));
  // The system's own interpreters belong to no prefix.
  return prefix == "/" || prefix == "/usr" || prefix == "/usr/local" ? std::string() : prefix;
}

Result<PrefixCheck> CheckPrefix(const std::string& prefix, RuntimeKind kind, const CheckOptions& options) {
  auto check = Check(prefix, kind, options).Run();
  if (!check) return std::move(check).error().Within("check " + Quoted(prefix));
  return check;
}

}  // namespace fumehood
