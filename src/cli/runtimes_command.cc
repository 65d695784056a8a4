// fumehood runtimes
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/add_from_file.h"
#include "src/cli/command.h"
#include "src/cli/number_argument.h"
#include "src/cli/terminal.h"
#include "src/cli/time_text.h"
#include "src/executor/local/launch.h"
#include "src/health/check_runtime.h"
#include "src/keeper/parking_place.h"
#include "src/runtime/catalog.h"
#include "src/runtime/conda_discovery.h"
#include "src/runtime/find_runtime.h"
#include "src/runtime/language_of.h"
#include "src/runtime/lock.h"
#include "src/runtime/rootfs_import.h"
#include "src/runtime/system_lock.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

struct Known {
  CatalogEntry entry;
  RuntimeHealth health;
  std::optional<std::vector<std::string>> warm_imports = {};
};

// Of what was never checked, and can be seen not to be there, that it is absent.
RuntimeHealth HealthNow(const Catalog& catalog, const CatalogEntry& entry) {
  const auto recorded = catalog.HealthOf(entry.name);
  if (!recorded) {
    RuntimeHealth health;
    health.state = HealthState::kUnhealthy;
    health.reason = recorded.error().message();
    return health;
  }
  RuntimeHealth health = *recorded;
  const auto runtime = RuntimeOf(entry);
  if (!runtime && runtime.error().code() == ErrorCode::kUnavailable) {
    health.state = HealthState::kAbsent;
    health.reason = runtime.error().message();
  }
  return health;
}

Known KnownOf(const Catalog& catalog, const CatalogEntry& entry) {
  Known known{entry, HealthNow(catalog, entry)};
  if (auto imports = catalog.WarmImportsOf(entry.name)) known.warm_imports = std::move(imports).value();
  return known;
}

std::string LocationOf(const CatalogEntry& entry) {
  const RuntimeSource* source = LocalSource(entry);
  return source != nullptr ? source->location : entry.sources[0].location;
}

std::string KindsOf(const CatalogEntry& entry) {
  std::vector<std::string> kinds;
  for (const RuntimeSource& source : entry.sources) kinds.emplace_back(Name(source.kind));
  return Join(kinds, ", ");
}

const char* StateName(const RuntimeHealth& health) { return kHealthStateNames[static_cast<size_t>(health.state)]; }

Colour ColourOf(HealthState state) {
  if (state == HealthState::kHealthy) return Colour::kGood;
  return state == HealthState::kUnchecked ? Colour::kFaint : Colour::kBad;
}

void WriteKnown(JsonWriter& json, const Known& known) {
  const CatalogEntry& entry = known.entry;
  json.BeginObject().Key("name").String(entry.name).Key("language").String(entry.language).Key("built_in").Bool(entry.built_in);
  json.Key("sources").BeginArray();
  for (const RuntimeSource& source : entry.sources) {
    json.BeginObject().Key("kind").String(Name(source.kind)).Key("location").String(source.location);
    json.Key("digest").String(source.digest).Key("owned").Bool(source.owned).EndObject();
  }
  json.EndArray().Key("imports").BeginArray();
  for (const std::string& import : entry.imports) json.String(import);
  json.EndArray().Key("warm_imports");
  if (known.warm_imports) {
    json.BeginArray();
    for (const std::string& import : *known.warm_imports) json.String(import);
    json.EndArray();
  } else {
    json.Null();
  }
  json.Key("made_by").String(entry.made_by).Key("added_at").String(entry.added_at);
  json.Key("health").BeginObject().Key("state").String(StateName(known.health)).Key("reason").String(known.health.reason);
  json.Key("version").String(known.health.version).Key("checked_at").String(known.health.checked_at);
  json.Key("deep").Bool(known.health.deep).EndObject();
  json.Key("identity").String(known.health.identity).EndObject();
}

Result<int> List(const Catalog& catalog, const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const Catalog::Listing listing, catalog.List());
  std::vector<Known> all;
  for (const CatalogEntry& entry : listing.entries) all.push_back(KnownOf(catalog, entry));
  if (arguments.Has("json")) {
    JsonWriter json;
    json.BeginObject().Key("runtimes").BeginArray();
    for (const Known& known : all) WriteKnown(json, known);
    json.EndArray().Key("problems").BeginArray();
    for (const std::string& problem : listing.problems) json.String(problem);
    PrintOut(json.EndArray().EndObject().Take() + "\n");
  } else {
    std::vector<std::vector<std::string>> rows = {{"NAME", "KIND", "LANGUAGE", "VERSION", "HEALTH", "CHECKED", "LOCATION"}};
    for (const Known& known : all) {
      const RuntimeHealth& health = known.health;
      rows.push_back({known.entry.name, KindsOf(known.entry), known.entry.language, Shown(health.version),
                      Painted(StateName(health), ColourOf(health.state), context.out_is_terminal),
                      health.checked_at.empty() ? "" : LocalTime(health.checked_at), Shown(LocationOf(known.entry))});
    }
    PrintOut(Table(rows, context.out_is_terminal));
    for (const Known& known : all) {
      if (!known.health.reason.empty()) PrintErr(fmt::format("{}: {}\n", known.entry.name, Shown(known.health.reason)));
    }
  }
  for (const std::string& problem : listing.problems) PrintErr("fumehood: " + problem + "\n");
  return listing.problems.empty() ? 0 : 1;
}

Result<int> Show(const Catalog& catalog, const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const CatalogEntry entry, catalog.Find(arguments.positional[1]));
  const Known known = KnownOf(catalog, entry);
  if (arguments.Has("json")) {
    JsonWriter json;
    WriteKnown(json, known);
    PrintOut(json.Take() + "\n");
    return 0;
  }
  std::vector<std::pair<std::string, std::string>> lines = {{"Name", entry.name}, {"Language", entry.language}};
  for (const RuntimeSource& source : entry.sources) {
    lines.emplace_back("Kind", fmt::format("{} at {}{}{}", Name(source.kind), Shown(source.location), source.digest.empty() ? "" : ", " + source.digest,
                                           source.owned ? ", ours: goes with the entry" : ""));
  }
  lines.emplace_back("Carries", Join(entry.imports, ", "));
  lines.emplace_back("Made by", entry.made_by);
  lines.emplace_back("Health", Painted(StateName(known.health), ColourOf(known.health.state), context.out_is_terminal) +
                                   (known.health.reason.empty() ? "" : ": " + Shown(known.health.reason)));
  lines.emplace_back("Version", Shown(known.health.version));
  lines.emplace_back("Checked", known.health.checked_at.empty() ? "never" : LocalTime(known.health.checked_at) + (known.health.deep ? ", every byte" : ""));
  lines.emplace_back("Identity", known.health.identity);
  if (known.warm_imports) lines.emplace_back("Warm", fmt::format("starts with {} loaded, where a run asks for it", Join(*known.warm_imports, ", ")));
  std::string text;
  for (const auto& [title, value] : lines) {
    if (!value.empty()) text += fmt::format("{:<10}{}\n", title, value);
  }
  if (const auto runtime = RuntimeOf(entry)) {
    text += "Variables\n";
    for (const auto& [name, value] : runtime->env) text += fmt::format("  {}={}\n", name, Shown(value));
    text += fmt::format("  PATH={}\n", Shown(Join(runtime->path, ":")));
  }
  PrintOut(text);
  return 0;
}

void SayFaults(const RuntimeCheck& check) {
  constexpr size_t kMost = 20;
  for (size_t i = 0; i < std::min(kMost, check.faults.size()); ++i) {
    const RuntimeFault& fault = check.faults[i];
    PrintErr(fmt::format("  {}: {}{}\n", kRuntimeFaultNames[static_cast<size_t>(fault.what)], Shown(fault.path),
                         fault.detail.empty() ? "" : " (" + Shown(fault.detail) + ")"));
  }
  if (check.faults.size() > kMost) PrintErr(fmt::format("  and {} more\n", check.faults.size() - kMost));
}

// The check, what it found shown, and kept.
Result<RuntimeCheck> CheckAndKeep(const Catalog& catalog, const CatalogEntry& entry, bool deep, Context& context) {
  RuntimeCheckRequest request;
  request.deep = deep;
  int64_t shown = -1;
  if (context.err_is_terminal) {
    request.progress = [&](int64_t done, int64_t total) {
      const int64_t percent = total > 0 ? done * 100 / total : 100;
      if (percent == shown) return;
      shown = percent;
      PrintErr(fmt::format("\r{}: {}% of {}", entry.name, percent, HumanBytes(total)));
    };
  }
  auto check = CheckRuntime(entry, context.config, context.submitter, request);
  if (shown >= 0) PrintErr("\r\x1b[K");
  if (check && !check->health.identity.empty()) FH_TRY(catalog.SetLock(entry.name, PrintLock(check->packages)));
  return check;
}

Result<int> Check(const Catalog& catalog, const Arguments& arguments, Context& context) {
  std::vector<CatalogEntry> entries;
  for (size_t i = 1; i < arguments.positional.size(); ++i) {
    FH_ASSIGN_OR_RETURN(CatalogEntry entry, catalog.Find(arguments.positional[i]));
    entries.push_back(std::move(entry));
  }
  if (entries.empty()) {
    FH_ASSIGN_OR_RETURN(Catalog::Listing listing, catalog.List());
    entries = std::move(listing.entries);
  }
  bool good = true;
  JsonWriter json;
  json.BeginObject().Key("runtimes").BeginArray();
  for (const CatalogEntry& entry : entries) {
    FH_ASSIGN_OR_RETURN(const Fd lock, catalog.Lock(entry.name));
    FH_ASSIGN_OR_RETURN(const RuntimeCheck check, CheckAndKeep(catalog, entry, arguments.Has("deep"), context));
    FH_ASSIGN_OR_RETURN(const RuntimeHealth before, catalog.HealthOf(entry.name));
    const RuntimeHealth health = WithQuarantine(entry.name, before, check.health);
    FH_TRY(catalog.SetHealth(entry.name, health));
    // Of all: that this machine has no R, say, is nothing to call anybody for.
    const bool unwanted = arguments.positional.size() == 1 && entry.built_in && health.state == HealthState::kAbsent;
    good = good && (health.state == HealthState::kHealthy || unwanted);
    if (arguments.Has("json")) {
      WriteKnown(json, {entry, health});
      continue;
    }
    PrintOut(fmt::format("{}: {}{}{}\n", entry.name, Painted(StateName(health), ColourOf(health.state), context.out_is_terminal),
                         health.version.empty() ? "" : ", version " + Shown(health.version), health.reason.empty() ? "" : ": " + Shown(health.reason)));
    SayFaults(check);
  }
  if (arguments.Has("json")) PrintOut(json.EndArray().EndObject().Take() + "\n");
  return good ? 0 : 1;
}

Result<int> Remove(const Catalog& catalog, const Arguments& arguments, Context&) {
  FH_TRY(catalog.Remove(arguments.positional[1]));
  PrintOut(fmt::format("removed {}\n", arguments.positional[1]));
  return 0;
}

// What a directory is that somebody else made.
Result<RuntimeSource> SourceAt(const std::string& given, const Submitter& submitter) {
  const std::string path = given.starts_with('/') ? given : submitter.cwd + "/" + given;
  char real[PATH_MAX];
  if (realpath(path.c_str(), real) == nullptr) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("--prefix {}: there is no such directory", Quoted(given)));
  }
  RuntimeSource source;
  source.location = real;
  if (access((source.location + "/conda-meta/history").c_str(), F_OK) == 0) {
    source.kind = RuntimeKind::kConda;
  } else if (access((source.location + "/pyvenv.cfg").c_str(), F_OK) == 0) {
    source.kind = RuntimeKind::kVirtualenv;
  } else {
    return Error(ErrorCode::kInvalidArgument, fmt::format("--prefix {}: neither a conda prefix (no conda-meta/history) nor a virtualenv (no pyvenv.cfg)", Quoted(given)));
  }
  return source;
}

// A directory is taken as it is; anything else is an archive, which is unpacked into the entry's own directory.
Result<RuntimeSource> RootAt(const Catalog& catalog, const std::string& name, const Arguments& arguments, const Submitter& submitter) {
  const char* flag = arguments.Has("file") ? "file" : "root";
  const std::string given = arguments.Value(flag);
  const std::string path = given.starts_with('/') ? given : submitter.cwd + "/" + given;
  const auto info = FindStat(kHere, path, true);
  if (!info || !*info) return Error(ErrorCode::kInvalidArgument, fmt::format("--{} {}: there is no such file or directory", flag, Quoted(given)));
  RuntimeSource source;
  source.kind = RuntimeKind::kRootfs;
  if (S_ISDIR((*info)->st_mode)) {
    char real[PATH_MAX];
    if (realpath(path.c_str(), real) == nullptr) return Error(ErrorCode::kInvalidArgument, fmt::format("--{} {}: cannot be followed", flag, Quoted(given)));
    source.location = real;
    return source;
  }
  FH_TRY(catalog.OpenOwnDir(name));
  source.location = catalog.PathOf(name) + "/rootfs";
  source.owned = true;
  RootfsImportRequest request;
  request.archive = path;
  request.target = source.location;
  request.image = arguments.Value("image");
  FH_ASSIGN_OR_RETURN(const RootfsRecord record, ImportRootfs(request));
  source.digest = record.image.digest;
  if (record.skipped_count > 0) {
    PrintErr(fmt::format("fumehood: {} entries of {} were left out: {}{}\n", record.skipped_count, Quoted(given), Shown(Join(record.skipped, ", ")),
                         record.skipped_count > static_cast<int64_t>(record.skipped.size()) ? ", ..." : ""));
  }
  return source;
}

// Of what is there already, nothing is made.
Result<void> RefuseBuildFlags(const Arguments& arguments) {
  for (const char* flag : {"with", "python", "channel"}) {
    if (arguments.Has(flag)) return Error(ErrorCode::kInvalidArgument, fmt::format("--{} is for what a tool makes: environment.yml, requirements.txt, a lock", flag));
  }
  return {};
}

Result<int> Add(const Catalog& catalog, const Arguments& arguments, Context& context) {
  CatalogEntry entry;
  entry.name = arguments.positional[1];
  if (!IsRuntimeName(entry.name)) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} cannot be a runtime's name: letters, digits, \".\", \"_\" and \"-\", at most {}, beginning with a "
                                                          "letter or digit", Quoted(entry.name), kMaxRuntimeName));
  }
  const bool prefix = arguments.Has("prefix");
  if (prefix + arguments.Has("root") + arguments.Has("file") != 1) {
    return Error(ErrorCode::kInvalidArgument, "runtimes add wants to know what, by one of: --prefix DIRECTORY, --root DIRECTORY-OR-ARCHIVE, --file FILE");
  }
  if (arguments.Has("file")) {
    FH_ASSIGN_OR_RETURN(BuildFile file, FileGiven(arguments, context.submitter));
    if (file.kind != BuildFileKind::kArchive) return AddFromFile(catalog, arguments, std::move(file), context);
  }
  FH_TRY(RefuseBuildFlags(arguments));
  FH_ASSIGN_OR_RETURN(const Fd lock, catalog.Lock(entry.name));
  const auto known = catalog.Find(entry.name);
  if (known && !known->built_in) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("there is a runtime {0} already; `fumehood runtimes remove {0}` first, or choose another name", entry.name));
  }
  FH_TRY(catalog.Discard(entry.name));  // what an import that was killed has left
  auto found = prefix ? SourceAt(arguments.Value("prefix"), context.submitter) : RootAt(catalog, entry.name, arguments, context.submitter);
  if (!found) {
    FH_TRY(catalog.Discard(entry.name));
    return std::move(found).error();
  }
  RuntimeSource source = std::move(found).value();
  entry.language = arguments.Has("language") ? arguments.Value("language") : LanguageOf(source.location);
  entry.sources.push_back(std::move(source));
  entry.imports = arguments.Values("import");
  entry.added_at = Rfc3339(Now());
  FH_ASSIGN_OR_RETURN(const RuntimeCheck check, CheckAndKeep(catalog, entry, true, context));
  if (check.health.state != HealthState::kHealthy) {
    SayFaults(check);
    FH_TRY(catalog.Discard(entry.name));
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} was not added: {}", entry.name, check.health.reason));
  }
  FH_TRY(catalog.Add(entry, check.health));
  PrintOut(fmt::format("added {}: {} at {}, version {}\n", entry.name, Name(entry.sources[0].kind), Shown(entry.sources[0].location), Shown(check.health.version)));
  return 0;
}

// A system's lock is made anew where the distribution changed since; no run is needed for that, as a check makes one.
Result<void> RenewSystemLock(const Catalog& catalog, const CatalogEntry& entry) {
  const RuntimeSource* source = LocalSource(entry);
  if (source == nullptr || source->kind != RuntimeKind::kSystem || !RuntimeOf(entry)) return {};
  FH_ASSIGN_OR_RETURN(const Fd held, catalog.Lock(entry.name));
  FH_ASSIGN_OR_RETURN(RuntimeHealth health, catalog.HealthOf(entry.name));
  std::string fingerprint = SystemFingerprint(source->location);
  if (!health.identity.empty() && health.fingerprint == fingerprint) return {};
  FH_ASSIGN_OR_RETURN(const auto packages, LockSystem(source->location));
  health.fingerprint = std::move(fingerprint);
  health.identity = LockIdentity(packages);
  FH_TRY(catalog.SetLock(entry.name, PrintLock(packages)));
  return catalog.SetHealth(entry.name, health);
}

// The packages of a runtime, as its last check found them.
Result<int> Lock(const Catalog& catalog, const Arguments& arguments, Context& context) {
  const std::string& name = arguments.positional[1];
  FH_ASSIGN_OR_RETURN(const CatalogEntry entry, catalog.Find(name));
  FH_TRY(RenewSystemLock(catalog, entry));
  FH_ASSIGN_OR_RETURN(const std::string text, catalog.LockOf(name));
  if (text.empty()) return Error(ErrorCode::kInvalidArgument, fmt::format("there is no lock of {0}: `fumehood runtimes check {0}` makes one", name));
  if (arguments.Has("json")) {
    PrintOut(text);
    return 0;
  }
  FH_ASSIGN_OR_RETURN(const auto packages, ParseLock(text));
  std::vector<std::vector<std::string>> rows = {{"MANAGER", "NAME", "VERSION", "BUILD", "DIGEST"}};
  for (const LockedPackage& package : packages) rows.push_back({package.manager, Shown(package.name), Shown(package.version), Shown(package.build), package.digest});
  PrintOut(Table(rows, context.out_is_terminal));
  PrintOut(fmt::format("identity {}\n", LockIdentity(packages)));
  return 0;
}

// An interpreter of it that waits, for each of `count`: of the kind that runs in `workdir` with the default limits want.
Result<int64_t> ParkSome(const std::string& name, const Arguments& arguments, int64_t count, Context& context) {
  AnalysisSpec spec;
  spec.command = {"python3", "-c", "pass"};  // stands for any
  spec.runtime = name;
  if (arguments.Has("profile")) spec.profile = arguments.Value("profile");
  spec.workdir = arguments.Value("workdir");
  spec.warm = true;
  int64_t parked = 0;
  while (parked < count) {
    FH_ASSIGN_OR_RETURN(const bool one_more, ParkAhead(spec, context.config, context.submitter));
    if (!one_more) break;
    ++parked;
  }
  return parked;
}

Result<int> Warm(const Catalog& catalog, const Arguments& arguments, Context& context) {
  FH_ASSIGN_OR_RETURN(const CatalogEntry entry, catalog.Find(arguments.positional[1]));
  if (arguments.Has("off")) {
    FH_TRY(catalog.SetWarmImports(entry.name, std::nullopt));
    FH_ASSIGN_OR_RETURN(const int64_t sent, SendParkedAway(context.config.state_dir));
    PrintOut(fmt::format("{}: its runs start cold{}\n", entry.name, sent > 0 ? fmt::format("; {} that waited were sent away", sent) : ""));
    return 0;
  }
  if (entry.language != "python") {
    return Error(ErrorCode::kInvalidArgument, fmt::format("only interpreters of Python can wait for their runs; {} is {}", entry.name,
                                                          entry.language.empty() ? "of no language" : "of " + entry.language));
  }
  FH_ASSIGN_OR_RETURN(auto imports, catalog.WarmImportsOf(entry.name));
  if (arguments.Has("import")) imports = arguments.Values("import");
  if (!imports) imports = entry.imports;
  FH_ASSIGN_OR_RETURN(const auto count, WholeArgument(arguments, "count", 0));
  FH_TRY(catalog.SetWarmImports(entry.name, imports));
  FH_ASSIGN_OR_RETURN(const int64_t parked, ParkSome(entry.name, arguments, count.value_or(1), context));
  PrintOut(fmt::format("{}: runs with `warm` start with {} loaded; {} more {} now\n", entry.name, Join(*imports, ", "), parked,
                       parked == 1 ? "waits" : "wait"));
  return 0;
}

Result<int> Discover(const Catalog& catalog, const Arguments& arguments, Context& context) {
  const CondaDiscovery found = DiscoverConda(DefaultCondaPlaces(context.submitter.env, geteuid()));
  FH_ASSIGN_OR_RETURN(const Catalog::Listing listing, catalog.List());
  const auto name_of = [&](const CondaPrefix& prefix) {
    for (const CatalogEntry& entry : listing.entries) {
      for (const RuntimeSource& source : entry.sources) {
        if (source.location == prefix.path) return entry.name;
      }
    }
    return std::string();
  };
  if (arguments.Has("json")) {
    JsonWriter json;
    json.BeginObject().Key("prefixes").BeginArray();
    for (const CondaPrefix& prefix : found.prefixes) {
      json.BeginObject().Key("name").String(prefix.name).Key("path").String(prefix.path).Key("base").Bool(prefix.is_base);
      json.Key("owner").Int(prefix.owner).Key("found_in").String(prefix.found_in).Key("runtime").String(name_of(prefix)).EndObject();
    }
    json.EndArray().Key("remarks").BeginArray();
    for (const std::string& remark : found.remarks) json.String(remark);
    PrintOut(json.EndArray().EndObject().Take() + "\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows = {{"NAME", "RUNTIME", "PATH", "FOUND IN"}};
  for (const CondaPrefix& prefix : found.prefixes) rows.push_back({Shown(prefix.name), name_of(prefix), Shown(prefix.path), Shown(prefix.found_in)});
  if (found.prefixes.empty()) {
    PrintOut("no conda prefix was found\n");
  } else {
    PrintOut(Table(rows, context.out_is_terminal));
    PrintOut("take one into the catalog: fumehood runtimes add NAME --prefix PATH\n");
  }
  for (const std::string& remark : found.remarks) PrintErr("fumehood: " + Shown(remark) + "\n");
  return 0;
}

struct Sub {
  const char* name;
  size_t fewest, most;  // names that it takes
  std::vector<std::string> flags;
  Result<int> (*run)(const Catalog&, const Arguments&, Context&);
};
const std::vector<Sub>& Subs() {
  static const std::vector<Sub> kSubs = {
      {"ls", 0, 0, {"json"}, List},
      {"show", 1, 1, {"json"}, Show},
      {"add", 1, 1, {"prefix", "root", "file", "with", "python", "channel", "image", "language", "import"}, Add},
      {"remove", 1, 1, {}, Remove},
      {"check", 0, 1000, {"deep", "json"}, Check},
      {"lock", 1, 1, {"json"}, Lock},
      {"warm", 1, 1, {"import", "workdir", "profile", "count", "off"}, Warm},
      {"discover", 0, 0, {"json"}, Discover},
  };
  return kSubs;
}

Result<int> Runtimes(const Arguments& arguments, Context& context) {
  std::vector<std::string> names;
  for (const Sub& sub : Subs()) names.emplace_back(sub.name);
  const std::string known = Join(names, ", ");
  if (arguments.positional.empty()) return List(Catalog(context.config.state_dir), arguments, context);
  const std::string& word = arguments.positional[0];
  const auto sub = std::find_if(Subs().begin(), Subs().end(), [&](const Sub& s) { return s.name == word; });
  if (sub == Subs().end()) {
    const std::string nearest = NearestName(word, names);
    return Error(ErrorCode::kInvalidArgument, fmt::format("runtimes has no {}; {}one of: {}", Quoted(word),
                                                          nearest.empty() ? "" : fmt::format("did you mean {}? ", nearest), known));
  }
  std::vector<Problem> problems;
  for (const auto& [flag, values] : arguments.flags) {
    if (std::find(sub->flags.begin(), sub->flags.end(), flag) == sub->flags.end()) {
      problems.push_back({"--" + flag, fmt::format("is not for runtimes {}", word), "", 0, 0});
    }
  }
  const size_t given = arguments.positional.size() - 1;
  if (given < sub->fewest) problems.push_back({"NAME", "is missing: which runtime?", "", 0, 0});
  if (given > sub->most) problems.push_back({"NAME", fmt::format("{} is one too many", Quoted(arguments.positional[sub->most + 1])), "", 0, 0});
  if (!problems.empty()) return Error(fmt::format("fumehood runtimes {} was called wrongly", word), std::move(problems));
  return sub->run(Catalog(context.config.state_dir), arguments, context);
}

}  // namespace

Command RuntimesCommand() {
  return {.name = "runtimes", .summary = "The software environments that runs can name: list, add, check",
          .positional = "[ls | show NAME | add NAME | remove NAME | check [NAME...] | lock NAME | warm NAME | discover]",
          .flags = {{.name = "prefix", .value = "DIR", .help = "add: a conda prefix or virtualenv that is there"},
                    {.name = "root", .value = "PATH", .help = "add: an unpacked root file system, or an archive of one: docker save, OCI, tar"},
                    {.name = "file", .value = "FILE", .help = "add: make it from an environment.yml, requirements.txt, explicit conda list, runtime lock or image archive"},
                    {.name = "with", .value = "TOOL", .help = "add --file: by this tool: pixi or rattler for conda's files, uv or pip for Python's; default: the first of these that is there"},
                    {.name = "python", .value = "PYTHON", .help = "add --file: the interpreter of a virtualenv, for uv also a version; default: /usr/bin/python3"},
                    {.name = "channel", .value = "URL", .help = "add --file: where a runtime lock does not say it, the channel of its conda packages", .repeated = true},
                    {.name = "image", .value = "NAME", .help = "add: which image, where the archive has several"},
                    {.name = "language", .value = "NAME", .help = "add: python, r or julia; default: by what it holds"},
                    {.name = "import", .value = "NAME", .help = "add: a package that its check loads; warm: one that a waiting interpreter has loaded", .repeated = true},
                    {.name = "workdir", .value = "DIR", .help = "warm: where the runs will be; default: here"},
                    {.name = "profile", .value = "NAME", .help = "warm: whose limits the runs will have; default: default"},
                    {.name = "count", .value = "N", .help = "warm: so many interpreters begin to wait now; default: 1"},
                    {.name = "off", .help = "warm: no more; those that wait are sent away"},
                    {.name = "deep", .help = "check: compare every byte, not sizes and times alone"},
                    {.name = "json", .help = "As JSON"}},
          .description = "A runtime is offered to runs only after its check: its files are what their records say, and its interpreter answers under\n"
                         "the hood and loads what the catalog says it carries. `check` ends with 1 where one is not healthy.",
          .run = Runtimes};
}

}  // namespace fumehood
