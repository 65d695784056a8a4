#include "src/executor/local/given_data.h"

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/executor/local/given_database.h"
#include "src/executor/local/stage_in.h"
#include "src/record/json_text.h"

namespace fumehood {
namespace {

constexpr int64_t kMiB = 1024 * 1024;
constexpr size_t kMostRemarks = 3;  // the events and inputs.json have all

void WriteDigest(JsonWriter& json, const std::string& sha256) {
  json.Key("sha256");
  if (sha256.empty()) {
    json.Null();
  } else {
    json.String(sha256);
  }
}

void WriteSince(JsonWriter& json, const SeenBy& seen) { json.Key("since_run").String(seen.run_id).Key("since").String(seen.at); }

// Gathers what is told of each thing.
class Teller {
 public:
  Teller(const Config& config, const RunId& id) : state_(config.state_dir), config_(config), id_(id) { budget_.bytes = config.input_digest_mb * kMiB; }

  void Input(const Showing& input) {
    const auto before = state_.FindInput(input.source);
    auto looked = LookAtContent(input.source, before ? &before->content : nullptr, budget_);
    // Whether it can be shown is found out when it is. That it could not be hashed is told in its record.
    Content content = looked ? std::move(looked).value()
                             : Content{.is_directory = input.identity.is_directory, .whole = false, .unhashed = looked.error().message()};
    const ContentChange change = before && looked ? Compare(before->content, content) : ContentChange();
    inputs_.BeginObject();
    WriteText(inputs_, "path", input.source);
    WriteText(inputs_, "to", input.target);
    inputs_.Key("type").String(content.is_directory ? "directory" : "file");
    WriteDigest(inputs_, content.sha256);
    inputs_.Key("not_hashed").String(content.unhashed).Key("bytes").Int(content.bytes).Key("changed").Bool(change.any());
    if (before) WriteSince(inputs_, before->seen);
    if (content.is_directory) WriteFiles(content);
    inputs_.EndObject();
    if (change.any()) TellInput(input.source, *before, content, change);
    // What lies in the state directory is a pipeline's copy, made for this run alone: nobody asks for it again.
    const bool ours = input.source.starts_with(config_.state_dir + "/");
    if (looked && !ours) given_.inputs.push_back({input.source, Seen(), std::move(content)});
  }

  Result<void> Database(size_t index, const ResolvedDatabase& database, const std::string& copy, const DatabaseSight& sight) {
    FH_ASSIGN_OR_RETURN(LookedAtDatabase looked, LookAtGivenDatabase(database, copy, sight, config_, state_, budget_));
    KnownDatabase& now = looked.now;
    if (!now.damage.empty()) {
      if (looked.before) now.seen = *looked.before;
      (void)state_.Remember(now);  // for `doctor`; the refusal says it anyway
      return DamagedDatabase(index, database.source, now.damage);
    }
    databases_.BeginObject().Key("name").String(database.name);
    WriteText(databases_, "path", database.source);
    WriteDigest(databases_, now.sha256);
    databases_.Key("bytes").Int(sight.file ? sight.file->size_bytes : 0);
    databases_.Key("check").String(now.checked ? "good" : now.unfinished_after_s > 0 ? "not finished" : "not made");
    databases_.Key("checked_at").String(now.checked_at).Key("changed").Bool(looked.changed);
    if (looked.before) WriteSince(databases_, *looked.before);
    databases_.EndObject();
    if (looked.changed) TellDatabase(database, looked);
    if (looked.cut_short) TellCutShort(database);
    now.seen = Seen();
    given_.databases.push_back(std::move(now));
    return {};
  }

  GivenData Take() {
    JsonWriter json;
    json.BeginObject().Key("version").Int(1).Key("inputs").Raw("[" + inputs_.Take() + "]");
    json.Key("databases").Raw("[" + databases_.Take() + "]");
    given_.manifest = json.EndObject().Take() + "\n";
    if (more_ > 0) given_.remarks.push_back(fmt::format("{} more things that it was given were changed: inputs.json of its record names them.", more_));
    return std::move(given_);
  }

 private:
  SeenBy Seen() const { return {id_, Rfc3339(Now())}; }

  void WriteFiles(const Content& content) {
    inputs_.Key("whole").Bool(content.whole).Key("files").BeginArray();
    for (const FileContent& file : content.files) {
      inputs_.BeginObject();
      WriteText(inputs_, "path", file.path);
      if (!file.link.empty()) {
        WriteText(inputs_, "link", file.link);
      } else {
        inputs_.Key("size_bytes").Int(file.sight.size_bytes);
        WriteDigest(inputs_, file.sha256);
      }
      inputs_.EndObject();
    }
    inputs_.EndArray();
  }

  void Remark(std::string sentence) {
    if (given_.remarks.size() < kMostRemarks) {
      given_.remarks.push_back(std::move(sentence));
    } else {
      ++more_;
    }
  }

  void TellInput(const std::string& path, const KnownInput& before, const Content& now, const ContentChange& change) {
    const std::string what = Describe(change, now.is_directory);
    Remark(fmt::format("The input {} is not what run {} was given: {}.", Quoted(path), before.seen.run_id, what));
    JsonWriter members;
    WriteText(members, "path", path);
    members.Key("what").String(what).Key("before").String(before.content.sha256).Key("now").String(now.sha256);
    WriteSince(members, before.seen);
    given_.events.emplace_back("input_changed", members.Take());
  }

  void TellDatabase(const ResolvedDatabase& database, const LookedAtDatabase& looked) {
    Remark(fmt::format("The database {} was changed since run {} was given it.", Quoted(database.source), looked.before->run_id));
    JsonWriter members;
    members.Key("name").String(database.name);
    WriteText(members, "path", database.source);
    members.Key("now").String(looked.now.sha256);
    WriteSince(members, *looked.before);
    given_.events.emplace_back("database_changed", members.Take());
  }

  void TellCutShort(const ResolvedDatabase& database) {
    Remark(fmt::format("The database {0} was looked through for damage for {1} s and not to its end; `fumehood doctor --database {0}` does it whole.",
                       Quoted(database.source), config_.database_check_seconds));
    JsonWriter members;
    members.Key("name").String(database.name);
    WriteText(members, "path", database.source);
    members.Key("seconds").Int(config_.database_check_seconds);
    given_.events.emplace_back("database_check_unfinished", members.Take());
  }

  KnownState state_;
  const Config& config_;
  const RunId& id_;
  ContentBudget budget_;
  JsonWriter inputs_;
  JsonWriter databases_;
  GivenData given_;
  int64_t more_ = 0;
};

std::string CopyOf(const ResolvedDatabase& database, const AttemptDir& attempt) {
  if (database.mode == DatabaseMode::kReadOnly) return database.source;
  return SnapshotDir(attempt.path, database) + "/" + DatabaseFileName(database);
}

}  // namespace

Result<std::vector<DatabaseSight>> LookBeforeStaging(const ResolvedRun& run) {
  std::vector<DatabaseSight> sights;
  for (const ResolvedDatabase& database : run.databases) {
    FH_ASSIGN_OR_RETURN(DatabaseSight sight, LookAtDatabase(database.source));
    sights.push_back(sight);
  }
  return sights;
}

Result<GivenData> LookAtGiven(const ResolvedRun& run, const std::vector<DatabaseSight>& sights, const AttemptDir& attempt, const Config& config,
                              const RunId& id) {
  if (run.inputs.empty() && run.databases.empty()) return GivenData();
  Teller teller(config, id);
  for (size_t i = 0; i < run.databases.size(); ++i) {
    Result<void> told = teller.Database(i, run.databases[i], CopyOf(run.databases[i], attempt), sights.at(i));
    if (!told) return std::move(told).error();
  }
  for (const Showing& input : run.inputs) teller.Input(input);
  return teller.Take();
}

Error DamagedDatabase(size_t index, const std::string& source, const std::vector<std::string>& damage) {
  const std::string more = damage.size() > 1 ? fmt::format(" (and {} more)", damage.size() - 1) : "";
  std::string message = fmt::format("the database {} is damaged: SQLite says {}{}. Go back to a good copy, or save what can be read: "
                                    "`sqlite3 {} .recover | sqlite3 saved.sqlite` (docs/troubleshooting.md has a way for where that makes nothing). "
                                    "`fumehood doctor --database` tells all that is found; to work on it as it is, show it as an input", Quoted(source), Quoted(damage.at(0)), more, Quoted(source));
  return Error("the spec has problems", {{fmt::format("databases[{}].path", index), std::move(message), "", 0, 0}});
}

void RememberGiven(const GivenData& given, const Config& config) {
  const KnownState state(config.state_dir);
  // What cannot be kept is only not noticed the next time.
  for (const KnownInput& input : given.inputs) (void)state.Remember(input);
  for (const KnownDatabase& database : given.databases) (void)state.Remember(database);
}

}  // namespace fumehood
