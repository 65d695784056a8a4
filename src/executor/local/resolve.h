// Resolve: from a valid spec to everything concrete about its run: absolute paths that were opened and checked with the
// submitter's identity, limits, argv, environment. Makes nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fumehood/analysis_spec.h"
#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/hood/planner.h"
#include "src/runtime/runtime.h"

namespace fumehood {

struct ResolvedDatabase {
  std::string name;
  std::string source;   // absolute
  DatabaseMode mode = DatabaseMode::kSnapshot;
  std::string target;   // the directory in the hood that it lies in
  std::string path;     // of the file in the hood: what FUMEHOOD_DB_<NAME> holds
  FileIdentity identity;
};

struct ResolvedRun {
  AnalysisSpec spec;                // as given, names filled in
  Limits limits;
  Runtime runtime;
  std::optional<HostLayout> tree;   // of a runtime that is a root file system: what it shows
  std::vector<std::string> argv;
  std::vector<std::string> env;     // "K=V"; may hold secrets
  std::vector<std::string> secret_names;  // of env: never written anywhere
  std::string workdir;              // absolute, no links
  FileIdentity workdir_identity;
  std::vector<Showing> runtime_showings;
  std::vector<Showing> inputs;
  std::vector<ResolvedDatabase> databases;
  std::string log_path;             // absolute; empty: none
  std::string stdin_path;           // absolute; empty: the caller's way
  int64_t uid_inside = 1000;
  int64_t gid_inside = 1000;
  bool by_root = false;             // with the privilege to give runs their own uids
};

struct Submitter {
  std::string cwd;
  std::map<std::string, std::string> env;  // secrets of the form {env: NAME} come from here
};

// All problems at once, each with its field. `runtime`: used in place of the one that the spec names, for a check of it.
Result<ResolvedRun> Resolve(const AnalysisSpec& spec, const Config& config, const Submitter& submitter, const Runtime* runtime = nullptr);

// resolved.json: as understood; of secrets only the names.
std::string PrintResolved(const ResolvedRun& run, const HoodPlan& plan);

}  // namespace fumehood
