#include "src/record/apply.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>

#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/record/copy_file.h"
#include "src/record/link_target.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

struct Place {
  Fd parent;
  std::string name;
};

Result<void> Failed(const std::string& doing) {
  const int error = errno;
  return ErrnoError(error, doing);
}

// umask(2) can only be read by setting it, which another thread would notice. The strictest where /proc does not say.
uint32_t ReadUmask() {
  uint32_t mask = 077;
  const auto status = ReadFile(kHere, "/proc/self/status");
  if (!status) return mask;
  for (const std::string& line : Split(*status, '\n')) {
    const std::vector<std::string> words = SplitWords(line);
    if (words.size() != 2 || words[0] != "Umask:") continue;
    (void)std::from_chars(words[1].data(), words[1].data() + words[1].size(), mask, 8);  // on failure as it was
  }
  return mask;
}

class Applier {
 public:
  Applier(int upper_dir, int project_dir) : upper_dir_(upper_dir), project_dir_(project_dir), umask_(ReadUmask()) {}

  Result<void> Do(const ApplyStep& step) {
    const Change& change = step.change;
    if (step.action != ApplyAction::kDelete) FH_TRY(MakeParents(change.path));
    FH_ASSIGN_OR_RETURN(const Place place, Find(change.path));
    FH_TRY(CheckUnchanged(place, change));
    switch (step.action) {
      case ApplyAction::kWrite: return Write(place, change);
      case ApplyAction::kMakeDir: return MakeDirectory(place, change);
      case ApplyAction::kLink: return Link(place, change);
      case ApplyAction::kSetMode: return SetMode(place, change);
      case ApplyAction::kDelete: return Delete(place);
      case ApplyAction::kLeave: break;
    }
    return {};
  }

 private:
  Result<Place> Find(const std::string& path) const {
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
      FH_ASSIGN_OR_RETURN(Fd top, OpenDir(project_dir_, "."));
      return Place{std::move(top), path};
    }
    FH_ASSIGN_OR_RETURN(Fd parent, OpenBeneath(project_dir_, path.substr(0, slash), O_RDONLY | O_DIRECTORY));
    return Place{std::move(parent), path.substr(slash + 1)};
  }

  // The directories above a path that was named alone; each is the run's, so its own mode counts.
  Result<void> MakeParents(const std::string& path) const {
    for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      const std::string parent = path.substr(0, slash);
      const auto there = OpenBeneath(project_dir_, parent, O_PATH | O_DIRECTORY);
      if (there) continue;
      if (there.error().code() != ErrorCode::kNotFound) return there.error();
      FH_ASSIGN_OR_RETURN(const Fd theirs, OpenBeneath(upper_dir_, parent, O_PATH | O_DIRECTORY));
      FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(theirs));
      FH_ASSIGN_OR_RETURN(const Place place, Find(parent));
      FH_TRY(MakeDir(place.parent.get(), place.name, 0777));
      FH_TRY(Finish(place, place.name, NewMode(info.st_mode, 0)));
    }
    return {};
  }

  // What is overwritten must still be what the plan was made, and perhaps confirmed, for.
  static Result<void> CheckUnchanged(const Place& place, const Change& change) {
    FH_ASSIGN_OR_RETURN(const auto info, FindStat(place.parent.get(), place.name, false));
    const EntryKind now = info ? KindOf(*info) : EntryKind::kWhiteout;
    // A directory's own time also changes by what we put into it.
    const bool same = now == EntryKind::kWhiteout || now == EntryKind::kDirectory || ChangeTimeNs(*info) == change.ctime_before_ns;
    if (now == change.before && same) return {};
    return Error(ErrorCode::kUnavailable, "the project changed there just now; look at the diff again");
  }

  // Permission bits alone; others than the owner get from a run no more than the caller's umask would give them, or than the
  // file had.
  uint32_t NewMode(uint32_t mode, uint32_t before) const { return mode & 0777U & (~umask_ | before); }

  // Mode, and when root applies, the owner of what was there or of the directory around it: no file of a user becomes root's.
  static Result<void> Finish(const Place& place, const std::string& name, uint32_t mode) {
    FH_ASSIGN_OR_RETURN(const Fd made, OpenBeneath(place.parent.get(), name, O_PATH | O_NOFOLLOW));
    if (geteuid() == 0) {
      FH_ASSIGN_OR_RETURN(const auto there, FindStat(place.parent.get(), place.name, false));
      FH_ASSIGN_OR_RETURN(const struct stat around, StatFd(place.parent));
      const bool replaces = there && name != place.name;
      const uid_t uid = replaces ? there->st_uid : around.st_uid;
      const gid_t gid = replaces ? there->st_gid : around.st_gid;
      if (fchownat(made.get(), "", uid, gid, AT_EMPTY_PATH) != 0) return Failed("give to its owner " + Quoted(place.name));
    }
    // Through /proc: chmod has no form for an O_PATH descriptor on older kernels.
    if (chmod(ProcFdPath(made.get()).c_str(), mode) != 0) return Failed("set the mode of " + Quoted(place.name));
    return {};
  }

  // A name that no one else has, so that two who apply do not meet, and no planted link is written through.
  static std::string TemporaryName() { return ".fumehood-" + NewRunId() + ".tmp"; }

  Result<void> Write(const Place& place, const Change& change) const {
    FH_ASSIGN_OR_RETURN(const Fd source, OpenRegularFile(upper_dir_, change.path));
    const std::string temporary = TemporaryName();
    FH_ASSIGN_OR_RETURN(const Fd target,
                        OpenAt(place.parent.get(), temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    Result<void> written = CopyContents(source.get(), target.get());
    if (written) written = KeepTime(source, target);
    if (written) written = Finish(place, temporary, NewMode(change.mode, change.mode_before));
    if (written) written = Sync(target.get());
    return PutInPlace(std::move(written), place, temporary);
  }

  static Result<void> KeepTime(const Fd& source, const Fd& target) {
    FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(source));
    const struct timespec times[2] = {info.st_mtim, info.st_mtim};  // for make and its like
    return futimens(target.get(), times) == 0 ? Result<void>() : Failed("set the time");
  }

  Result<void> Link(const Place& place, const Change& change) const {
    // Links of the user's own may stand on the way; the kernel follows them and says whether the tree is left.
    const size_t slash = change.path.rfind('/');
    const std::string around = slash == std::string::npos ? "" : change.path.substr(0, slash + 1);
    const auto target = OpenBeneathFollowing(project_dir_, around + change.link_target, O_PATH);
    if (!target && target.error().code() != ErrorCode::kNotFound) {
      return Error(ErrorCode::kPermissionDenied, "its target leads out of the project, or cannot be looked at");
    }
    const std::string temporary = TemporaryName();
    Result<void> made;
    if (symlinkat(change.link_target.c_str(), place.parent.get(), temporary.c_str()) != 0) return Failed("make the link");
    return PutInPlace(std::move(made), place, temporary);
  }

  Result<void> MakeDirectory(const Place& place, const Change& change) const {
    const bool replaces = change.before != EntryKind::kWhiteout;
    const std::string name = replaces ? TemporaryName() : place.name;
    FH_TRY(MakeDir(place.parent.get(), name, 0777));
    Result<void> made = Finish(place, name, NewMode(change.mode, 0));
    return replaces ? PutInPlace(std::move(made), place, name) : made;
  }

  // Exchanges where there is something of another type, so that at no instant the name is gone.
  static Result<void> PutInPlace(Result<void> made, const Place& place, const std::string& temporary) {
    const int dir = place.parent.get();
    if (made && renameat(dir, temporary.c_str(), dir, place.name.c_str()) != 0) {
      made = Failed("rename to " + Quoted(place.name));
      const int error = made.error().errno_value();
      if (error == EISDIR || error == ENOTDIR || error == EEXIST || error == ENOTEMPTY) {
        made = renameat2(dir, temporary.c_str(), dir, place.name.c_str(), RENAME_EXCHANGE) == 0 ? Result<void>()
                                                                                                 : Failed("exchange");
      }
    }
    // Now the old entry, or the half-made new one; after a plain rename there is nothing by this name.
    const auto removed = RemoveTree(dir, temporary);
    if (made && !removed) return Error(removed.error().code(), "done, but what was there is left as " + Quoted(temporary));
    return made;
  }

  Result<void> SetMode(const Place& place, const Change& change) const {
    FH_ASSIGN_OR_RETURN(const Fd entry, OpenBeneath(place.parent.get(), place.name, O_PATH | O_NOFOLLOW));
    // Bits beyond 0777 that the user had set themselves stay.
    const uint32_t mode = NewMode(change.mode, change.mode_before) | (change.mode_before & 07000U);
    if (chmod(ProcFdPath(entry.get()).c_str(), mode) != 0) return Failed("set the mode of " + Quoted(place.name));
    return {};
  }

  static Result<void> Delete(const Place& place) {
    auto removed = RemoveTree(place.parent.get(), place.name);
    return removed ? Result<void>() : Result<void>(std::move(removed).error());
  }

  int upper_dir_;
  int project_dir_;
  uint32_t umask_;
};

bool MayOverwrite(const ApplyStep& step, const ApplyOptions& options) {
  return !step.conflict || options.force || (options.confirm && options.confirm(step));
}

}  // namespace

std::vector<ApplyOutcome> Apply(const ApplyPlan& plan, int upper_dir, int project_dir, const ApplyOptions& options) {
  Applier applier(upper_dir, project_dir);
  std::vector<ApplyOutcome> outcomes;
  for (const ApplyStep& step : plan.steps) {
    ApplyOutcome outcome{step.change.path, ApplyState::kLeft, step.why};
    if (step.action == ApplyAction::kLeave) {
      outcomes.push_back(std::move(outcome));
      continue;
    }
    if (MayOverwrite(step, options)) {
      const Result<void> done = applier.Do(step);
      outcome.state = done ? ApplyState::kDone : ApplyState::kFailed;
      if (!done) outcome.message = done.error().message();
    } else {
      outcome.message = "was changed in the project after the run had started; --force overwrites it";
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

}  // namespace fumehood
