// What was last seen of the things that runs were given: <state>/health/KIND/HASH.json, one small file for each path. Only a memory: a
// file that is lost or cannot be read is no error, and nothing is noticed then.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/integrity/content.h"
#include "src/integrity/database_check.h"

namespace fumehood {

struct SeenBy {
  std::string run_id;
  std::string at;  // RFC 3339, UTC
};

struct KnownInput {
  std::string path;
  SeenBy seen;
  Content content;
};

struct KnownDatabase {
  std::string path;
  SeenBy seen;
  DatabaseSight sight;
  std::string sha256;      // DigestDatabase; empty: too large to be hashed
  bool settled = false;    // while it looks the same, digest and check stay true
  bool checked = false;    // it was found undamaged, to its end
  std::string checked_at;
  int64_t unfinished_after_s = 0;   // a check was given up after so long; 0: none was
  std::vector<std::string> damage;  // of the last check, where that found any
};

class KnownState {
 public:
  explicit KnownState(std::string state_dir) : state_dir_(std::move(state_dir)) {}

  std::optional<KnownInput> FindInput(const std::string& path) const;
  std::optional<KnownDatabase> FindDatabase(const std::string& path) const;
  Result<void> Remember(const KnownInput& input) const;
  Result<void> Remember(const KnownDatabase& database) const;
  std::vector<KnownDatabase> AllDatabases() const;  // by path

 private:
  std::string state_dir_;
};

std::string PrintKnown(const KnownInput& input);
std::string PrintKnown(const KnownDatabase& database);
Result<KnownInput> ParseKnownInput(std::string_view text);
Result<KnownDatabase> ParseKnownDatabase(std::string_view text);

}  // namespace fumehood
