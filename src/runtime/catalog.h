// Catalog: the runtimes that are known by name, with what their last check found. One directory each below
// <state>/runtimes/, and the built-in ones, which every catalog has: python3, r-base, julia.
//
//   <state>/runtimes/<name>/entry.json   CatalogEntry; a runtime exists once this was renamed into place
//                           health.json  RuntimeHealth of the last check
//                           warm.json    what a waiting interpreter of it has loaded, where one may wait (docs/warm.md)
//                           lock.json    name, version, build and digest of every package
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/runtime.h"
#include "src/sys/fd.h"

namespace fumehood {

// One way to have a runtime. A catalog entry may have several, so that one name works on every executor.
struct RuntimeSource {
  RuntimeKind kind = RuntimeKind::kSystem;
  std::string location;  // kSystem: the interpreter; kImage: the reference; else the directory. Absolute
  std::string digest;    // kRootfs, kImage: of the image's manifest, "sha256:..."; else empty
  bool owned = false;    // the directory is ours, made for this entry: it is removed with it
};

struct CatalogEntry {
  std::string name;
  std::string language;               // "python", "r", "julia"; empty: only commands
  std::vector<RuntimeSource> sources; // what this machine can run comes first
  std::vector<std::string> imports;   // packages that the health check loads
  std::string made_by;                // "uv 0.13.9 from requirements.txt"; empty: was there
  std::string made_from;              // SHA-256 of that file; empty: was there
  std::string added_at;               // RFC 3339, UTC; empty: built in
  std::string install_hint;           // the command that gets it, where it is absent
  bool built_in = false;
};

// kQuarantined: its files were not what their records say, and the configuration wants such a one out of use until every byte of it
// was compared again (`check --deep`) or it was made anew.
enum class HealthState { kUnchecked, kHealthy, kUnhealthy, kAbsent, kQuarantined };
inline constexpr const char* kHealthStateNames[] = {"unchecked", "healthy", "unhealthy", "absent", "quarantined"};

struct RuntimeHealth {
  HealthState state = HealthState::kUnchecked;
  std::string reason;       // why it is not healthy; empty otherwise
  std::string version;      // what the interpreter says of itself
  std::string checked_at;   // RFC 3339, UTC; empty: never
  bool deep = false;        // every byte was compared
  std::string fingerprint;  // of the files' metadata when it was checked: a quick check compares it
  std::string identity;     // SHA-256 of lock.json
};

// What a runtime's files should be and are not. `path` is relative to the prefix or root.
struct RuntimeFault {
  enum class What { kMissing, kChanged, kForeign, kBrokenLink, kMoved, kUnreadableRecord, kHalfMade };
  What what = What::kMissing;
  std::string path;
  std::string detail;  // for a person: expected and found
};
inline constexpr const char* kRuntimeFaultNames[] = {"missing", "changed", "foreign", "broken link", "moved", "unreadable record",
                                                     "half made"};

// One package of a lock.
struct LockedPackage {
  std::string manager;  // "conda", "pip", "cran", "deb"
  std::string name, version, build;
  std::string digest;   // "sha256:..." or "md5:..."; empty where the manager keeps none
  std::string source;   // channel or address it came from, without credentials; may be empty
};

inline constexpr size_t kMaxRuntimeName = 64;

// Whether a catalog may know a runtime by it: letters, digits, "._-", not beginning with "." or "-".
bool IsRuntimeName(const std::string& name);

std::vector<CatalogEntry> BuiltInRuntimes();

// The catalog of one state directory. Every call reads what is there now: several programs use it at once.
class Catalog {
 public:
  explicit Catalog(std::string state_dir) : state_dir_(std::move(state_dir)) {}

  struct Listing {
    std::vector<CatalogEntry> entries;  // by name; the built-in ones that no entry replaces among them
    std::vector<std::string> problems;  // entries that could not be read
  };
  Result<Listing> List() const;
  // An entry that was added goes before a built-in one of its name. kNotFound: none; the message has the nearest name.
  Result<CatalogEntry> Find(const std::string& name) const;

  // Makes the entry known, with the health that its check found; kAlreadyExists where it is. Its directory may be there already,
  // with what was made for it.
  Result<void> Add(const CatalogEntry& entry, const RuntimeHealth& health) const;
  // The entry first, then what it owns: a kill in between leaves files that nobody offers, for `gc`.
  Result<void> Remove(const std::string& name) const;

  // What was made for an entry that was never added.
  Result<void> Discard(const std::string& name) const;

  Result<RuntimeHealth> HealthOf(const std::string& name) const;  // kUnchecked where no check was made
  Result<void> SetHealth(const std::string& name, const RuntimeHealth& health) const;

  // lock.json; empty: none was written, as of a system's runtime.
  Result<std::string> LockOf(const std::string& name) const;
  Result<void> SetLock(const std::string& name, const std::string& text) const;

  // Packages that a waiting interpreter of it has loaded; empty: none is to wait. For built-in runtimes too.
  Result<std::optional<std::vector<std::string>>> WarmImportsOf(const std::string& name) const;
  Result<void> SetWarmImports(const std::string& name, const std::optional<std::vector<std::string>>& imports) const;

  // <state>/runtimes/<name>, made where it is missing.
  Result<Fd> OpenOwnDir(const std::string& name) const;
  std::string PathOf(const std::string& name) const;
  // Held by whoever makes, checks or removes a runtime, until it is closed; an flock, which ends with its holder.
  // `on_wait` is called once where another holds it.
  Result<Fd> Lock(const std::string& name, const std::function<void()>& on_wait = {}) const;
  Result<Fd> FindLock(const std::string& name) const;  // not valid where another holds it

 private:
  std::string state_dir_;
};

std::string PrintEntry(const CatalogEntry& entry);
Result<CatalogEntry> ParseEntry(const std::string& text);
std::string PrintWarmImports(const std::vector<std::string>& imports);
Result<std::vector<std::string>> ParseWarmImports(const std::string& text);
std::string PrintHealth(const RuntimeHealth& health);
Result<RuntimeHealth> ParseHealth(const std::string& text);

}  // namespace fumehood
