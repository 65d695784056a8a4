#include "src/engine/pipeline_outputs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/record/copy_file.h"
#include "src/record/read_result.h"
#include "src/record/run_dir.h"
#include "src/record/sha256.h"
#include "src/record/upper_walk.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// The part of `file` below `path`; empty: it is not below.
std::string_view Below(const std::string& file, const std::string& path) {
  if (path == ".") return file;
  const bool below = file.size() > path.size() && file.starts_with(path) && file[path.size()] == '/';
  return below ? std::string_view(file).substr(path.size() + 1) : std::string_view();
}

const OutputFile* FindFileAt(const RunOutputs& outputs, const std::string& path) {
  const auto found = std::find_if(outputs.files.begin(), outputs.files.end(), [&](const OutputFile& file) { return file.path == path; });
  return found == outputs.files.end() ? nullptr : &*found;
}

Error NotGiven(const RunOutputs& outputs, const std::string& path) {
  return Error(ErrorCode::kNotFound, fmt::format("run {} left no {}", outputs.run, path == "." ? "output at all" : Quoted(path)));
}

Error NoDigest(const OutputFile& file) {
  return Error(ErrorCode::kResourceExhausted,
               fmt::format("{} has no digest in the manifest: the outputs of that run claimed more bytes than could be read", Quoted(file.path)));
}

// A copy under a name of its own, until it is known to be what it should be.
Result<void> CopyVerified(const RunOutputs& outputs, const OutputFile& file, const Fd& source, const std::string& to, mode_t mode) {
  FH_ASSIGN_OR_RETURN(const Fd target, OpenAt(kHere, to, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  FH_TRY(CopyContents(source.get(), target.get()));
  // The copy is what the step gets, so it is the copy that is held against the manifest.
  FH_ASSIGN_OR_RETURN(const FileDigest digest, DigestFd(target.get()));
  if (digest.sha256 != file.sha256) {
    return Error(ErrorCode::kCorrupt, fmt::format("{} of run {} is not what the run left: its bytes do not have the digest of the manifest",
                                                  Quoted(file.path), outputs.run));
  }
  if (fchmod(target.get(), mode) != 0) {
    const int error = errno;
    return ErrnoError(error, "set the mode of " + Quoted(to));
  }
  return {};
}

// False: there is no `from`.
Result<bool> Linked(const std::string& from, const std::string& to) {
  if (link(from.c_str(), to.c_str()) == 0) return true;
  const int error = errno;
  if (error == ENOENT) return false;
  return ErrnoError(error, "link " + Quoted(to));
}

}  // namespace

Result<RunOutputs> OpenOutputs(const std::string& state_dir, const RunId& run) {
  FH_ASSIGN_OR_RETURN(const RunDir directory, OpenRunDir(state_dir, run));
  FH_ASSIGN_OR_RETURN(CollectedOutputs collected, ReadOutputs(directory.fd.get()));
  FH_ASSIGN_OR_RETURN(const AttemptDir attempt, OpenLastAttemptDir(directory));
  FH_ASSIGN_OR_RETURN(Fd work, OpenBeneath(attempt.fd.get(), layout::kWork, O_RDONLY | O_DIRECTORY));
  return RunOutputs{run, std::move(work), std::move(collected.files)};
}

Result<void> ArePresent(const RunOutputs& outputs) {
  for (const OutputFile& file : outputs.files) {
    const auto there = OpenBeneath(outputs.work.get(), file.path, O_PATH | O_NOFOLLOW);
    const auto info = there ? StatFd(*there) : Result<struct stat>(there.error());
    if (info && S_ISREG(info->st_mode) && info->st_size == file.size_bytes) continue;
    return Error(ErrorCode::kNotFound, fmt::format("{} of run {} is {}", Quoted(file.path), outputs.run, info ? "not what it left" : "gone"));
  }
  return {};
}

Result<std::string> DigestOfOutput(const RunOutputs& outputs, const std::string& path) {
  if (const OutputFile* file = FindFileAt(outputs, path)) {
    if (file->sha256.empty()) return NoDigest(*file);
    return "file " + file->sha256;
  }
  Sha256 all;
  bool any = false;
  for (const OutputFile& file : outputs.files) {
    const std::string_view name = Below(file.path, path);
    if (name.empty()) continue;
    if (file.sha256.empty()) return NoDigest(file);
    any = true;
    all.Update(name);
    all.Update(std::string_view("\0", 1));  // no name holds it
    all.Update(file.sha256 + "\n");
  }
  if (!any) return NotGiven(outputs, path);
  return "directory " + all.FinishHex();
}

Result<void> OutputCopies::CopyOne(const RunOutputs& outputs, const OutputFile& file, const std::string& to) {
  if (file.sha256.empty()) return NoDigest(file);
  FH_ASSIGN_OR_RETURN(const Fd source, OpenRegularFile(outputs.work.get(), file.path));
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(source));
  const bool executable = (info.st_mode & 0111U) != 0;
  const std::string name = file.sha256 + (executable ? "-x" : "");
  const std::string kept = directory_ + "/" + name;
  FH_ASSIGN_OR_RETURN(const bool there, Linked(kept, to));
  if (there) return {};
  FH_TRY(MakeDirs(directory_, 0700));
  const std::string half = fmt::format("{}/{}.half", directory_, NewRunId());
  Result<void> copied = CopyVerified(outputs, file, source, half, executable ? 0555 : 0444);
  if (copied) {
    const auto linked = Linked(half, to);  // while it is certainly there
    if (!linked) copied = linked.error();
  }
  if (!copied || rename(half.c_str(), kept.c_str()) != 0) {
    (void)unlink(half.c_str());  // the step has its link, or its error
    return copied;
  }
  const std::scoped_lock lock(mutex_);
  names_[outputs.run].insert(name);
  return {};
}

Result<void> OutputCopies::Copy(const RunOutputs& outputs, const std::string& path, const std::string& to) {
  if (const OutputFile* file = FindFileAt(outputs, path)) return CopyOne(outputs, *file, to);
  bool any = false;
  for (const OutputFile& file : outputs.files) {
    const std::string name(Below(file.path, path));
    if (name.empty()) continue;
    any = true;
    const std::string target = to + "/" + name;
    FH_TRY(MakeDirs(target.substr(0, target.rfind('/')), 0755));
    FH_TRY(CopyOne(outputs, file, target));
  }
  return any ? Result<void>() : NotGiven(outputs, path);
}

void OutputCopies::Forget(const RunId& run) {
  const std::scoped_lock lock(mutex_);
  const auto found = names_.find(run);
  if (found == names_.end()) return;
  // Where another run gave the same bytes they are copied once more.
  for (const std::string& name : found->second) (void)unlink((directory_ + "/" + name).c_str());
  names_.erase(found);
}

}  // namespace fumehood
