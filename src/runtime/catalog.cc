#include "src/runtime/catalog.h"

#include <fcntl.h>

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr const char* kEntryFile = "entry.json";
constexpr const char* kHealthFile = "health.json";
constexpr const char* kLockFile = "lock.json";
constexpr const char* kWarmFile = "warm.json";
constexpr const char* kLocks = "runtimes/.locks";
constexpr size_t kMaxCatalogFile = size_t{1} << 20;

}  // namespace

bool IsRuntimeName(const std::string& name) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > kMaxRuntimeName || !is_plain(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return is_plain(c) || c == '.' || c == '_' || c == '-'; });
}

std::vector<CatalogEntry> BuiltInRuntimes() {
  // By their full paths: what comes first on PATH may be a version manager's shim in a home directory, which no hood shows.
  const auto system = [](const char* name, const char* language, const char* interpreter, std::vector<std::string> imports, const char* hint) {
    CatalogEntry entry;
    entry.name = name;
    entry.language = language;
    entry.sources = {{.kind = RuntimeKind::kSystem, .location = interpreter}};
    entry.imports = std::move(imports);
    entry.install_hint = hint;
    entry.built_in = true;
    return entry;
  };
  return {system("julia", "julia", "/usr/bin/julia", {"LinearAlgebra", "Statistics"},
                 "tools/get-julia julia.tar && fumehood runtimes add julia --root julia.tar (in Fumehood's source; docs/runtimes.md has other ways)"),
          system("python3", "python", "/usr/bin/python3", {"json", "hashlib", "ctypes", "sqlite3"}, "sudo apt-get install python3"),
          system("r-base", "r", "/usr/bin/Rscript", {"stats", "graphics", "utils"}, "sudo apt-get install r-base-core")};
}

std::string Catalog::PathOf(const std::string& name) const { return fmt::format("{}/runtimes/{}", state_dir_, name); }

Result<Fd> Catalog::OpenOwnDir(const std::string& name) const {
  FH_TRY(MakeDirs(PathOf(name), 0700));
  return OpenDir(kHere, PathOf(name));
}

namespace {

// Beside the runtimes, and never removed: a lock file that goes with its runtime would be held by two, before and after.
Result<Fd> OpenLock(const std::string& state_dir, const std::string& name) {
  const std::string locks = fmt::format("{}/{}", state_dir, kLocks);
  FH_TRY(MakeDirs(locks, 0700));
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, locks));
  return OpenAt(dir.get(), name, O_RDWR | O_CREAT, 0600);
}

}  // namespace

Result<Fd> Catalog::FindLock(const std::string& name) const {
  FH_ASSIGN_OR_RETURN(Fd lock, OpenLock(state_dir_, name));
  FH_ASSIGN_OR_RETURN(const bool taken, TryLockExclusive(lock.get()));
  return taken ? std::move(lock) : Fd();
}

Result<Fd> Catalog::Lock(const std::string& name, const std::function<void()>& on_wait) const {
  FH_ASSIGN_OR_RETURN(Fd lock, OpenLock(state_dir_, name));
  FH_ASSIGN_OR_RETURN(const bool taken, TryLockExclusive(lock.get()));
  if (taken) return lock;
  if (on_wait) on_wait();
  FH_TRY(LockExclusive(lock.get()));
  return lock;
}

Result<CatalogEntry> Catalog::Find(const std::string& name) const {
  std::vector<std::string> known;
  if (IsRuntimeName(name)) {
    const std::string path = PathOf(name) + "/" + kEntryFile;
    FH_ASSIGN_OR_RETURN(const auto text, FindFile(kHere, path, kMaxCatalogFile));
    if (text) {
      auto entry = ParseEntry(*text);
      if (!entry) return std::move(entry).error().Within("read " + Quoted(path));
      return entry;
    }
  }
  for (CatalogEntry& entry : BuiltInRuntimes()) {
    if (entry.name == name) return std::move(entry);
  }
  FH_ASSIGN_OR_RETURN(const Listing listing, List());
  for (const CatalogEntry& entry : listing.entries) known.push_back(entry.name);
  const std::string nearest = NearestName(name, known);
  return Error(ErrorCode::kNotFound, fmt::format("there is no runtime {}; {}known: {}", Quoted(name),
                                                 nearest.empty() ? "" : fmt::format("did you mean {}? ", nearest), Join(known, ", ")));
}

Result<Catalog::Listing> Catalog::List() const {
  Listing listing;
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, state_dir_ + "/runtimes", true));
  std::vector<DirEntry> found;
  if (there) {
    FH_ASSIGN_OR_RETURN(const Fd runtimes, OpenDir(kHere, state_dir_ + "/runtimes"));
    FH_ASSIGN_OR_RETURN(found, ListDir(runtimes.get()));
  }
  for (const DirEntry& directory : found) {
    if (!IsRuntimeName(directory.name)) continue;
    const auto text = FindFile(kHere, PathOf(directory.name) + "/" + kEntryFile, kMaxCatalogFile);
    if (text && !*text) continue;  // in the making, or removed
    auto entry = text ? ParseEntry(**text) : Result<CatalogEntry>(text.error());
    if (entry) {
      listing.entries.push_back(std::move(entry).value());
    } else {
      listing.problems.push_back(fmt::format("the entry of the runtime {}: {}", directory.name, entry.error().message()));
    }
  }
  for (CatalogEntry& entry : BuiltInRuntimes()) {
    const auto same = [&](const CatalogEntry& other) { return other.name == entry.name; };
    if (std::none_of(listing.entries.begin(), listing.entries.end(), same)) listing.entries.push_back(std::move(entry));
  }
  std::sort(listing.entries.begin(), listing.entries.end(), [](const CatalogEntry& a, const CatalogEntry& b) { return a.name < b.name; });
  return listing;
}

Result<void> Catalog::Add(const CatalogEntry& entry, const RuntimeHealth& health) const {
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenOwnDir(entry.name));
  FH_TRY(WriteFileAtomically(dir.get(), kHealthFile, PrintHealth(health), 0600, Durability::kNow));
  Result<void> published = PublishFile(dir.get(), kEntryFile, PrintEntry(entry), 0600, Durability::kNow);
  if (!published && published.error().code() == ErrorCode::kAlreadyExists) {
    return Error(ErrorCode::kAlreadyExists, fmt::format("there is a runtime {} already; `fumehood runtimes remove {}` first, or choose another name",
                                                        entry.name, entry.name));
  }
  return published;
}

Result<void> Catalog::Remove(const std::string& name) const {
  FH_ASSIGN_OR_RETURN(const CatalogEntry entry, Find(name));
  if (entry.built_in) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} is built in and cannot be removed from the catalog", Quoted(name)));
  }
  FH_ASSIGN_OR_RETURN(const Fd lock, Lock(name));
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenOwnDir(name));
  FH_TRY(RemoveTree(dir.get(), kEntryFile));
  FH_TRY(Sync(dir.get()));
  FH_ASSIGN_OR_RETURN(const Fd runtimes, OpenDir(kHere, state_dir_ + "/runtimes"));
  FH_TRY(RemoveTree(runtimes.get(), name));  // what we made lies in it; what others made does not
  return {};
}

Result<void> Catalog::Discard(const std::string& name) const {
  FH_ASSIGN_OR_RETURN(const auto added, FindStat(kHere, PathOf(name) + "/" + kEntryFile, false));
  if (added) return {};
  FH_ASSIGN_OR_RETURN(const Fd runtimes, OpenDir(kHere, state_dir_ + "/runtimes"));
  auto removed = RemoveTree(runtimes.get(), name);
  return removed ? Result<void>() : Result<void>(std::move(removed).error());
}

Result<RuntimeHealth> Catalog::HealthOf(const std::string& name) const {
  const std::string path = PathOf(name) + "/" + kHealthFile;
  FH_ASSIGN_OR_RETURN(const auto text, FindFile(kHere, path, kMaxCatalogFile));
  if (!text) return RuntimeHealth{};
  auto health = ParseHealth(*text);
  if (!health) return std::move(health).error().Within("read " + Quoted(path));
  return health;
}

Result<void> Catalog::SetHealth(const std::string& name, const RuntimeHealth& health) const {
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenOwnDir(name));
  return WriteFileAtomically(dir.get(), kHealthFile, PrintHealth(health), 0600, Durability::kNow);
}

Result<std::optional<std::vector<std::string>>> Catalog::WarmImportsOf(const std::string& name) const {
  const std::string path = PathOf(name) + "/" + kWarmFile;
  FH_ASSIGN_OR_RETURN(const auto text, FindFile(kHere, path, kMaxCatalogFile));
  if (!text) return std::optional<std::vector<std::string>>();
  auto imports = ParseWarmImports(*text);
  if (!imports) return std::move(imports).error().Within("read " + Quoted(path));
  return std::optional<std::vector<std::string>>(std::move(imports).value());
}

Result<void> Catalog::SetWarmImports(const std::string& name, const std::optional<std::vector<std::string>>& imports) const {
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenOwnDir(name));
  if (imports) return WriteFileAtomically(dir.get(), kWarmFile, PrintWarmImports(*imports), 0600, Durability::kNow);
  auto removed = RemoveTree(dir.get(), kWarmFile);
  return removed ? Result<void>() : Result<void>(std::move(removed).error());
}

Result<std::string> Catalog::LockOf(const std::string& name) const {
  constexpr size_t kMaxLock = size_t{64} << 20;
  FH_ASSIGN_OR_RETURN(auto text, FindFile(kHere, PathOf(name) + "/" + kLockFile, kMaxLock));
  return text.value_or("");
}

Result<void> Catalog::SetLock(const std::string& name, const std::string& text) const {
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenOwnDir(name));
  return WriteFileAtomically(dir.get(), kLockFile, text, 0600, Durability::kNow);
}

}  // namespace fumehood
