// Opening, and making anew what cannot be opened.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/record/run_dir.h"
#include "src/store/schema.h"
#include "src/store/store_impl.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr const char* kSuffixes[] = {"", "-wal", "-shm"};

}  // namespace

void Store::Impl::Tell(const std::string& sentence) const {
  if (options_.tell) options_.tell(sentence);
}

Result<Fd> Store::Impl::OpenStoreLock() const { return OpenAt(kHere, PathOf(kStoreLock), O_RDWR | O_CREAT | O_NOFOLLOW, 0600); }

// The caller holds the lock of the store.
Result<void> Store::Impl::OpenDatabase(Database::Mode mode) {
  database_.reset();
  FH_ASSIGN_OR_RETURN(Database database, Database::Open(PathOf(kStoreFile), mode));
  // NORMAL: a commit is not synced, but a loss of power leaves a whole store of some moment before; after a restart it is compared
  // with the runs anyway.
  FH_TRY(database.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 4194304"));
  FH_TRY(Migrate(database, PathOf(kStoreFile)));
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(kHere, PathOf(kStoreFile), false));
  inode_ = info ? static_cast<int64_t>(info->st_ino) : 0;
  database_ = std::move(database);
  return {};
}

Result<void> Store::Impl::Open() {
  FH_TRY(EnsureStateDir(state_dir_));
  FH_ASSIGN_OR_RETURN(const auto had_one, FindStat(kHere, PathOf(kStoreLock), false));
  // For the whole of it: another process that opens it meanwhile finds it filled.
  FH_ASSIGN_OR_RETURN(const Fd lock, OpenStoreLock());
  FH_TRY(LockExclusive(lock.get()));
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, PathOf(kStoreFile), false));
  if (!there) {
    FH_ASSIGN_OR_RETURN(const auto names, NamesNow());
    // The first time in a state directory there is nothing to be told of, but for the moment that it takes.
    constexpr size_t kMany = 1000;
    if (names.size() > (had_one ? 0 : kMany)) Tell(fmt::format("there is no index of the runs in {}; it is made anew from {} runs", Quoted(state_dir_), names.size()));
    return BuildInPlace();
  }
  auto opened = OpenDatabase(Database::Mode::kExisting);
  auto place = opened ? LoadPlace(*database_) : Result<Place>(opened.error());
  const auto boot = BootId();
  // A loss of power is when a disk may tell lies of what it wrote.
  if (place && boot && place->boot_id != *boot) {
    const auto good = database_->QuickCheck();
    if (!good) place = good.error();
  }
  if (place && place->complete) return {};
  if (!place && place.error().code() != ErrorCode::kCorrupt) return std::move(place).error();
  if (!place) {
    FH_TRY(SetAside(place.error().message()));
  }
  return BuildInPlace();
}

// What lay there is kept for whoever wants to know, the latest of it only.
Result<void> Store::Impl::SetAside(const std::string& why) {
  database_.reset();
  Tell(fmt::format("the index of the runs could not be read ({}); it was set aside as {} and is made anew from the runs, which are not touched by this", why,
                   Quoted(PathOf(kStoreFile) + ".damaged")));
  // The main file last: as long as it is there, what lies beside it is its own.
  for (size_t i = std::size(kSuffixes); i-- > 0;) {
    const std::string from = PathOf(kStoreFile) + kSuffixes[i];
    if (rename(from.c_str(), (PathOf(kStoreFile) + ".damaged" + kSuffixes[i]).c_str()) == 0) continue;
    const int error = errno;
    if (error != ENOENT) return ErrnoError(error, "set " + Quoted(from) + " aside");
  }
  return {};
}

// The caller holds the lock of the store, and there is none, or one that was never filled.
Result<void> Store::Impl::BuildInPlace() {
  database_.reset();
  FH_ASSIGN_OR_RETURN(const std::string fresh, FreshPath());
  {
    FH_ASSIGN_OR_RETURN(Database database, OpenFresh(fresh));
    FH_ASSIGN_OR_RETURN(const int64_t runs, FillFromNothing(database));
    (void)runs;
  }
  for (const char* suffix : {"-wal", "-shm"}) (void)unlink((PathOf(kStoreFile) + suffix).c_str());
  if (rename(fresh.c_str(), PathOf(kStoreFile).c_str()) != 0) {
    const int error = errno;
    return ErrnoError(error, "put the index of the runs in its place");
  }
  return OpenDatabase(Database::Mode::kExisting);
}

// What we have open was found damaged, or has been set aside by another.
Result<void> Store::Impl::MakeAnew(const std::string& why) {
  FH_ASSIGN_OR_RETURN(const Fd lock, OpenStoreLock());
  FH_TRY(LockExclusive(lock.get()));
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, PathOf(kStoreFile), false));
  const bool is_ours = there && static_cast<int64_t>(there->st_ino) == inode_;
  if (there && !is_ours) return OpenDatabase(Database::Mode::kExisting);  // somebody did it before us
  if (there) FH_TRY(SetAside(why));
  return BuildInPlace();
}

Result<void> Store::Impl::EnsureCurrent() {
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, PathOf(kStoreFile), false));
  if (there && static_cast<int64_t>(there->st_ino) == inode_) return {};
  if (!there) {
    database_.reset();
    return Open();
  }
  return MakeAnew("");
}

// Of this process' own; what others left that have gone is removed.
Result<std::string> Store::Impl::FreshPath() const {
  constexpr std::string_view kNew = "store.db.new-";
  FH_ASSIGN_OR_RETURN(const Fd state, OpenDir(kHere, state_dir_));
  FH_ASSIGN_OR_RETURN(const auto entries, ListDir(state.get()));
  for (const DirEntry& entry : entries) {
    if (!entry.name.starts_with(kNew)) continue;
    pid_t pid = 0;
    const std::string number = entry.name.substr(kNew.size());
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), pid);
    const auto process = parsed.ec == std::errc() && pid > 0 ? FindProcess(pid) : Result<std::optional<ProcessStat>>(std::nullopt);
    if (process && !*process) (void)unlinkat(state.get(), entry.name.c_str(), 0);
  }
  return fmt::format("{}/{}{}-{}", state_dir_, kNew, getpid(), NewRunId());
}

Result<Database> Store::Impl::OpenFresh(const std::string& path) {
  FH_ASSIGN_OR_RETURN(Database database, Database::Open(path, Database::Mode::kCreate));
  // Nobody else sees it, and a half of it is of no use.
  FH_TRY(database.Execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE"));
  FH_TRY(Migrate(database, path));
  return database;
}

}  // namespace fumehood
