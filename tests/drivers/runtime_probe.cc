// runtime_probe WHAT PREFIX [NAME=VALUE...]: what src/runtime makes of a prefix, as JSON, for the tests that hold it against the
// tools that made the prefix.
//
//   find HOME                              the prefixes that a user with this home and these variables has
//   activate PREFIX NAME=VALUE...          that environment after the activation; scripts are run by bash, unsealed
//   check|deep conda|virtualenv PREFIX     faults
//   lock conda|virtualenv PREFIX           the lock
#include <cstdio>
#include <string>
#include <vector>

#include "src/base/json_writer.h"
#include "src/runtime/conda_activation.h"
#include "src/runtime/conda_check.h"
#include "src/runtime/conda_discovery.h"
#include "src/runtime/lock.h"
#include "src/runtime/test_bash.h"

namespace fumehood {
namespace {

using Words = std::vector<std::string>;

Environment Variables(const Words& words) {
  Environment environment;
  for (const std::string& word : words) environment[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
  return environment;
}

RuntimeKind KindOf(const std::string& word) { return word == "conda" ? RuntimeKind::kConda : RuntimeKind::kVirtualenv; }

Result<std::string> Find(const Words& words) {
  CondaPlaces places;
  places.home = words.at(0);
  places.environment = Variables({words.begin() + 1, words.end()});
  JsonWriter json;
  json.BeginObject();
  for (const CondaPrefix& prefix : DiscoverConda(places).prefixes) json.Key(prefix.path).String(prefix.name);
  return json.EndObject().Take();
}

Result<std::string> Activate(const Words& words) {
  ActivationInput input{.prefix = words.at(0), .base = Variables({words.begin() + 1, words.end()})};
  FH_ASSIGN_OR_RETURN(const EnvironmentDifference difference, ActivateConda(input, RunByBash));
  JsonWriter json;
  json.BeginObject();
  for (const auto& [name, value] : Apply(difference, input.base)) json.Key(name).String(value);
  return json.EndObject().Take();
}

Result<std::string> Check(const Words& words, bool deep) {
  FH_ASSIGN_OR_RETURN(const PrefixCheck check, CheckPrefix(words.at(1), KindOf(words.at(0)), {.deep = deep}));
  JsonWriter json;
  json.BeginObject().Key("packages").Int(check.packages).Key("files").Int(check.files).Key("bytes").Int(check.bytes);
  json.Key("fingerprint").String(check.fingerprint).Key("faults").BeginArray();
  for (const RuntimeFault& fault : check.faults) {
    json.BeginArray().String(kRuntimeFaultNames[static_cast<size_t>(fault.what)]).String(fault.path).String(fault.detail).EndArray();
  }
  return json.EndArray().EndObject().Take();
}

Result<std::string> Lock(const Words& words) {
  FH_ASSIGN_OR_RETURN(const RuntimeLock lock, LockPrefix(words.at(1), KindOf(words.at(0))));
  if (!lock.faults.empty()) return Error(ErrorCode::kCorrupt, lock.faults.front().path + " " + lock.faults.front().detail);
  return PrintLock(lock.packages);
}

Result<std::string> Do(const std::string& what, const Words& words) {
  if (what == "find") return Find(words);
  if (what == "activate") return Activate(words);
  if (what == "lock") return Lock(words);
  return Check(words, what == "deep");
}

}  // namespace
}  // namespace fumehood

int main(int argc, char** argv) {
  const fumehood::Words words(argv, argv + argc);
  if (words.size() < 3) {
    (void)std::fputs("usage: runtime_probe find|activate|check|deep|lock ...\n", stderr);
    return 2;
  }
  const auto answer = fumehood::Do(words[1], {words.begin() + 2, words.end()});
  (void)std::fputs((answer ? *answer : answer.error().message()).c_str(), answer ? stdout : stderr);
  return answer ? 0 : 1;
}
