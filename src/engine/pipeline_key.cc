#include "src/engine/pipeline_key.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/record/sha256.h"
#include "src/spec/import.h"

namespace fumehood {
namespace {

std::string JsonArray(const std::vector<std::string>& texts) {
  JsonWriter json;
  json.BeginArray();
  for (const std::string& text : texts) json.String(text);
  return json.EndArray().Take();
}

std::string EnvText(const EnvValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return "=" + *text;
  const auto& secret = std::get<SecretRef>(value);
  return (secret.from == SecretRef::From::kFile ? "secret of the file " : "secret of the variable ") + secret.name;
}

std::string NetworkText(const NetworkSpec& network) {
  if (network.mode == NetworkMode::kHost) return "host";
  if (network.mode == NetworkMode::kNone) return "none";
  std::vector<std::string> allow = network.allow;
  std::sort(allow.begin(), allow.end());
  return JsonArray(allow);
}

// The words of a command as a reader sees them: those of a script, too.
std::vector<std::string> WordsOf(const std::string& json_array) {
  ProblemList problems;
  const auto node = ImportJson(json_array, problems);
  std::vector<std::string> words;
  if (!node || node->kind != Node::Kind::kList) return words;
  for (const Node& item : node->items) {
    for (std::string& word : SplitWords(item.text)) words.push_back(std::move(word));
  }
  return words;
}

std::string Shortened(const std::vector<std::string>& words, size_t begin, size_t end) {
  constexpr size_t kShown = 8;
  std::vector<std::string> shown;
  for (size_t i = begin; i < std::min(end, begin + kShown); ++i) {
    // Quoted only for what a terminal or line could be upset by.
    const std::string quoted = Quoted(words[i]);
    shown.push_back(quoted.size() == words[i].size() + 2 ? words[i] : quoted);
  }
  return Join(shown, " ") + (end - begin > kShown ? " ..." : "");
}

// "-k 21 became -k 31": the words that differ, and the one before them.
std::string WordDifference(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  size_t front = 0;
  while (front < before.size() && front < now.size() && before[front] == now[front]) ++front;
  size_t back = 0;
  while (back < before.size() - front && back < now.size() - front && before[before.size() - 1 - back] == now[now.size() - 1 - back]) ++back;
  const size_t before_end = before.size() - back;
  const size_t now_end = now.size() - back;
  if (front > 0 && front < before_end && front < now_end) --front;
  const std::string was = Shortened(before, front, before_end);
  const std::string is = Shortened(now, front, now_end);
  if (was.empty() && is.empty()) return "its spaces and line breaks";
  if (was.empty()) return is + " was added";
  return is.empty() ? was + " was taken away" : fmt::format("{} became {}", was, is);
}

// What a member is called, and what kind it is: "input.reads.fq" -> input, reads.fq.
std::pair<std::string, std::string> Split2(const std::string& name) {
  const size_t dot = name.find('.');
  return dot == std::string::npos ? std::pair(name, std::string()) : std::pair(name.substr(0, dot), name.substr(dot + 1));
}

std::string NameOf(const std::string& runtime) { return runtime.substr(0, runtime.find(' ')); }

std::string Changed(const std::string& name, const std::string& was, const std::string& is, const std::string& since) {
  const auto [kind, rest] = Split2(name);
  if (kind == "command") return "command changed: " + WordDifference(WordsOf(was), WordsOf(is));
  if (kind == "outputs") return "outputs changed: " + WordDifference(WordsOf(was), WordsOf(is));
  if (kind == "runtime" && NameOf(was) == NameOf(is)) return fmt::format("runtime {}: lock digest changed{}", NameOf(is), since);
  if (kind == "runtime") return fmt::format("runtime {} became {}", NameOf(was), NameOf(is));
  if (kind == "input" || kind == "file") return fmt::format("{} {} changed{}", kind, Quoted(rest), since);
  if (kind == "database") return fmt::format("database {} changed{}", Quoted(rest), since);
  if (kind == "stdin") return "the file for its standard input changed" + since;
  // A value may be long, and of no use to others: the name says enough.
  if (kind == "env") return fmt::format("variable {} changed", rest);
  if (kind == "format") return "this version of Fumehood tells steps apart in another way";
  return fmt::format("{} changed: {} became {}", name, was, is);
}

std::string Noun(const std::string& name) {
  const auto [kind, rest] = Split2(name);
  if (rest.empty()) return kind;
  return kind == "env" ? "variable " + rest : fmt::format("{} {}", kind, Quoted(rest));
}

}  // namespace

KeyMembers MembersOfSpec(const AnalysisSpec& spec, int64_t threads) {
  KeyMembers members;
  members["format"] = "1";
  std::vector<std::string> argv = spec.command;
  if (spec.command_is_script && !argv.empty()) argv = {"bash", "-euo", "pipefail", "-c", spec.command[0]};
  members["command"] = JsonArray(argv);
  for (const auto& [name, value] : spec.env) members["env." + name] = EnvText(value);
  members["outputs"] = JsonArray(spec.outputs);
  members["network"] = NetworkText(spec.network);
  members["threads"] = fmt::format("{}", threads);
  if (spec.gpus > 0) members["gpus"] = fmt::format("{}", spec.gpus);
  if (spec.deterministic) members["deterministic"] = "true";
  return members;
}

std::string InputMember(const InputSpec& input, const std::string& workdir) {
  std::string target = input.to.empty() ? input.path : input.to;
  while (target.starts_with("./")) target.erase(0, 2);
  const std::string top = workdir + "/";
  return "input." + (target.starts_with(top) ? target.substr(top.size()) : target);
}

std::string CanonicalKey(const KeyMembers& members) {
  JsonWriter json;
  json.BeginObject();
  for (const auto& [name, value] : members) json.Key(name).String(value);
  return json.EndObject().Take();
}

std::string KeyOf(const KeyMembers& members) { return Sha256Hex(CanonicalKey(members)); }

std::vector<std::string> Differences(const KeyMembers& before, const KeyMembers& now, const std::string& run) {
  const std::string since = run.empty() ? "" : " since run " + run;
  std::vector<std::string> clauses;
  for (const auto& [name, value] : now) {
    const auto was = before.find(name);
    if (was == before.end()) {
      clauses.push_back(Noun(name) + " is new");
    } else if (was->second != value) {
      clauses.push_back(Changed(name, was->second, value, since));
    }
  }
  for (const auto& [name, value] : before) {
    if (!now.contains(name)) clauses.push_back(Noun(name) + " is no longer given");
  }
  return clauses;
}

}  // namespace fumehood
