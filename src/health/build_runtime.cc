#include "src/health/build_runtime.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/record/run_dir.h"
#include "src/runtime/build_directory.h"
#include "src/runtime/build_plan.h"
#include "src/runtime/build_tool.h"
#include "src/runtime/compare_build.h"
#include "src/runtime/language_of.h"
#include "src/runtime/lock.h"
#include "src/runtime/package_cache_check.h"
#include "src/runtime/run_build.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

class Build {
 public:
  Build(const BuildRequest& request, const Catalog& catalog, const Config& config, const Submitter& submitter)
      : request_(request), catalog_(catalog), config_(config), submitter_(submitter) {}

  Result<BuiltRuntime> Run() {
    FH_TRY(ChooseTools());
    FH_TRY(EnsureStateDir(config_.state_dir));
    FH_ASSIGN_OR_RETURN(const Fd lock, catalog_.Lock(request_.name, [this] {
      request_.say(fmt::format("another program makes, checks or removes {} at this moment; waiting for it", request_.name));
    }));
    FH_ASSIGN_OR_RETURN(const bool was_there, IsThere());
    if (was_there) return std::move(built_);
    FH_TRY(RemoveAbandoned());
    const Result<void> made = Make();
    if (!made) {
      const Error error = WithDisk(made.error());  // while what filled it is still there
      (void)catalog_.Discard(request_.name);       // what cannot be removed now, the next build or `gc` removes
      return error;
    }
    return std::move(built_);
  }

 private:
  Result<void> ChooseTools() {
    const auto found = FindTools(request_.file, submitter_.env, request_.python);
    FH_ASSIGN_OR_RETURN(tool_, ChooseTool(request_.file, found, request_.with));
    FH_ASSIGN_OR_RETURN(version_, VersionOf(tool_, submitter_.env));
    if (found.size() > 1 && request_.with.empty()) {
      std::vector<std::string> names;
      for (const BuildTool& tool : found) names.push_back(tool.name);
      request_.say(fmt::format("of {}, all of which could, {} is used; --with NAME chooses", Join(names, ", "), tool_.name));
    }
    if (tool_.name == "pip") {
      python_ = tool_.program;
    } else if (tool_.name == "uv") {
      const std::string wanted = request_.python.empty() ? "/usr/bin/python3" : request_.python;
      const std::string path = FindProgram(wanted, submitter_.env);
      python_ = path.empty() ? wanted : path;  // else a version, which uv finds or gets
    } else if (!request_.python.empty()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("--python {}: {} takes the interpreter from the file: name it there", Quoted(request_.python), tool_.name));
    }
    return {};
  }

  // By whoever held the lock before, or long ago. From the same file: there is nothing to do.
  Result<bool> IsThere() {
    const auto known = catalog_.Find(request_.name);
    if (!known) return known.error().code() == ErrorCode::kNotFound ? Result<bool>(false) : Result<bool>(known.error());
    if (known->built_in) return false;
    FH_ASSIGN_OR_RETURN(built_.health, catalog_.HealthOf(request_.name));
    if (known->made_from != request_.file.sha256 || built_.health.state != HealthState::kHealthy) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("there is a runtime {0} already{1}; `fumehood runtimes remove {0}` first, or choose another name", request_.name,
                                                            known->made_from == request_.file.sha256 ? ", made from this file, which is not healthy" : ""));
    }
    built_.entry = *known;
    built_.was_there = true;
    return true;
  }

  Result<void> RemoveAbandoned() {
    FH_ASSIGN_OR_RETURN(const auto abandoned, FindAbandonedBuilds(catalog_, request_.name));
    for (const std::string& build : abandoned) {
      const Result<void> removed = RemoveBuild(catalog_, request_.name, build);
      request_.say(removed ? fmt::format("removed {}, left by a build that was killed", build)
                           : fmt::format("{}, left by a build that was killed, cannot be removed yet ({}); `fumehood gc` will", build, removed.error().message()));
    }
    // Of a built-in runtime of this name also its last check, which must not be mistaken for that of what is made now.
    (void)catalog_.Discard(request_.name);  // what stays is in nobody's way: the build has a directory of its own
    return {};
  }

  Result<void> Make() {
    FH_TRY(MakePrefix());
    FH_TRY(IsStillTheFile());
    FH_TRY(CheckOriginals());
    FH_ASSIGN_OR_RETURN(const int64_t taken, TakeOwnCopies(plan_.prefix));
    if (taken > 0) request_.say(fmt::format("copied {} files that {} had linked into its cache", taken, tool_.name));
    FH_TRY(CheckWhatWasMade());
    return Publish();
  }

  Result<void> MakePrefix() {
    BuildPlace place{.python = python_, .channels = request_.channels};
    FH_ASSIGN_OR_RETURN(place.directory, MakeBuildDirectory(catalog_, request_.name));
    place.cache = fmt::format("{}/cache/packages/{}", config_.state_dir, tool_.name);
    FH_TRY(MakeDirs(place.cache, 0700));
    FH_ASSIGN_OR_RETURN(plan_, PlanBuild(request_.file, tool_, place));
    cache_ = place.cache;
    const std::string log = BuildLogPath(config_.state_dir, request_.name);
    FH_TRY(MakeDirs(log.substr(0, log.rfind('/')), 0700));
    request_.say(fmt::format("making {} with {} {} from {}; what it prints: {}", request_.name, tool_.name, version_, request_.file.name, log));
    Result<void> run = RunBuild(plan_, place.directory, submitter_.env, log);
    if (!run) return std::move(run).error().Within(request_.name + " was not made");
    return {};
  }

  Result<void> IsStillTheFile() const {
    FH_ASSIGN_OR_RETURN(const BuildFile now, ReadBuildFile(request_.file.path));
    if (now.sha256 == request_.file.sha256) return {};
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} was not added: {} was changed while it was made", request_.name, Quoted(request_.file.path)));
  }

  Result<void> CheckOriginals() const {
    if (plan_.kind != RuntimeKind::kConda) return {};
    FH_ASSIGN_OR_RETURN(const auto faults, CheckPackageCache(plan_.prefix));
    if (faults.empty()) return {};
    return Refused(fmt::format("{} files that {} keeps of packages are not what the packages brought, the first: {} ({}). Somebody edited them, perhaps through "
                               "an environment that shares them: `rm -r {}`, then add it again", faults.size(), tool_.name, faults[0].path, faults[0].detail, cache_));
  }

  Result<void> CheckWhatWasMade() {
    CatalogEntry& entry = built_.entry;
    entry.name = request_.name;
    entry.sources = {{.kind = plan_.kind, .location = plan_.prefix, .owned = true}};
    entry.language = request_.language.empty() ? LanguageOf(plan_.prefix) : request_.language;
    entry.imports = request_.imports;
    entry.made_by = fmt::format("{} {} from {}", tool_.name, version_, request_.file.name);
    entry.made_from = request_.file.sha256;
    FH_ASSIGN_OR_RETURN(check_, CheckRuntime(entry, config_, submitter_, {.deep = true, .progress = request_.progress}));
    built_.health = check_.health;
    const auto is_damage = [](const RuntimeFault& fault) { return fault.what != RuntimeFault::What::kForeign; };
    if (std::any_of(check_.faults.begin(), check_.faults.end(), is_damage)) {
      return Refused(fmt::format("{}. Or what {} keeps of packages was damaged: `rm -r {}`, then add it again", check_.health.reason, tool_.name, cache_));
    }
    if (check_.health.state != HealthState::kHealthy) return Refused(check_.health.reason);
    FH_ASSIGN_OR_RETURN(const auto differences, DifferencesFrom(request_.file, plan_.prefix, check_.packages));
    if (!differences.empty()) return Refused(fmt::format("{} made something else than {} says: {}", tool_.name, request_.file.name, Join(differences, "; ")));
    return {};
  }

  Result<void> Refused(const std::string& why) const {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} was not added: {}", request_.name, why));
  }

  Result<void> Publish() {
    // A loss of power after the entry is there must find the files, too.
    FH_ASSIGN_OR_RETURN(const Fd prefix, OpenDir(kHere, plan_.prefix));
    FH_TRY(SyncFileSystem(prefix.get()));
    FH_TRY(catalog_.SetLock(request_.name, PrintLock(check_.packages)));
    built_.entry.added_at = Rfc3339(Now());
    return catalog_.Add(built_.entry, built_.health);
  }

  Error WithDisk(const Error& error) const {
    constexpr uint64_t kLittle = size_t{1} << 20;
    if (error.errno_value() != ENOSPC && !HasNoRoom(config_.state_dir, kLittle)) return error;
    return Error(error).Within(fmt::format("the disk of the state directory {} is full: make room there (`fumehood gc`), or set FUMEHOOD_STATE to another disk",
                                           Quoted(config_.state_dir)));
  }

  const BuildRequest& request_;   // the caller's, as are the next three
  const Catalog& catalog_;
  const Config& config_;
  const Submitter& submitter_;
  BuildTool tool_;
  std::string version_, python_, cache_;
  BuildPlan plan_;
  RuntimeCheck check_;
  BuiltRuntime built_;
};

}  // namespace

Result<BuiltRuntime> BuildRuntime(const BuildRequest& request, const Catalog& catalog, const Config& config, const Submitter& submitter) {
  return Build(request, catalog, config, submitter).Run();
}

}  // namespace fumehood
