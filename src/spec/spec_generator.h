// Whole specs for property tests, with strings that printers and parsers get wrong.
#pragma once

#include <rapidcheck.h>

#include <map>
#include <string>
#include <vector>

#include "fumehood/analysis_spec.h"
#include "src/base/text.h"

namespace fumehood {

// Text that a printer can get wrong: quotes, escapes, line breaks of all kinds, indicators of YAML, numbers, other planes.
inline rc::Gen<std::string> OddText() {
  const auto piece = rc::gen::element<std::string>(
      "", " ", "a", "Z", "0", "7", "-", "- ", ": ", ":", " #", "#", "'", "\"", "\\", "\n", "\r", "\r\n", "\t", "{", "}", "[", "]", ",", "&a",
      "*a", "!", "!!str ", "|", ">", "%", "@", "`", "?", "? ", "~", "null", "true", "no", "1e5", "0x1F", "0o7", ".inf", ".nan", "=", ".", "..",
      "/", "---", "...", "\x01", "\x04", "\x1b", "\x7f", "\xC2\x80", "\xC2\x85", "\xC2\xA0", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xEF\xBB\xBF",
      "\xEF\xBF\xBE", "\xEF\xBF\xBF", "\xEF\xBF\xBD", "\xC3\xA9", "\xE6\x97\xA5", "\xF0\x9F\xA7\xAA", "\xED\x9F\xBF", "\xEE\x80\x80",
      "\"\"\"", "'''", "${HOME}", "<<", "\xE0\xA0\x80", "\xF4\x8F\xBF\xBF");
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece), [](const std::vector<std::string>& parts) { return Join(parts, ""); });
}

inline rc::Gen<EnvValue> OddEnvValue() {
  const auto text = rc::gen::map(OddText(), [](std::string value) { return EnvValue(std::move(value)); });
  const auto secret = rc::gen::map(rc::gen::pair(rc::gen::arbitrary<bool>(), OddText()), [](std::pair<bool, std::string> parts) {
    return EnvValue(SecretRef{parts.first ? SecretRef::From::kFile : SecretRef::From::kEnvironment, std::move(parts.second)});
  });
  return rc::gen::oneOf(text, secret);
}

inline AnalysisSpec ArbitrarySpec() {
  const auto texts = rc::gen::container<std::vector<std::string>>(OddText());
  const auto limit = rc::gen::maybe(rc::gen::arbitrary<int64_t>());
  AnalysisSpec spec;
  const auto limit_into = [&](std::optional<int64_t>& out) {
    if (const auto value = *limit) out = *value;
  };
  spec.name = *OddText();
  spec.command = *texts;
  spec.command_is_script = spec.command.size() == 1 && *rc::gen::arbitrary<bool>();
  spec.runtime = *OddText();
  spec.profile = *OddText();
  limit_into(spec.memory_limit_mb);
  if (!spec.memory_limit_mb && *rc::gen::arbitrary<bool>()) {
    MemoryPlan plan;
    plan.automatic = *rc::gen::arbitrary<bool>();
    if (!plan.automatic) plan = {false, *rc::gen::arbitrary<int64_t>(), *OddText(), *rc::gen::arbitrary<int64_t>()};
    spec.memory_plan = plan;
  }
  if (*rc::gen::arbitrary<bool>()) spec.cpu_quota = *rc::gen::arbitrary<double>();
  limit_into(spec.pids_limit);
  limit_into(spec.timeout_seconds);
  limit_into(spec.grace_seconds);
  limit_into(spec.idle_timeout_seconds);
  limit_into(spec.disk_limit_mb);
  limit_into(spec.inode_limit);
  limit_into(spec.output_limit_mb);
  spec.env = *rc::gen::container<std::map<std::string, EnvValue>>(OddText(), OddEnvValue());
  for (int n = *rc::gen::inRange(0, 3); n > 0; --n) {
    spec.inputs.push_back({*OddText(), *OddText(), *rc::gen::element(InputMode::kReadOnly, InputMode::kCopyOnWrite, InputMode::kCopy)});
    spec.databases.push_back({*OddText(), *OddText(), *rc::gen::element(DatabaseMode::kSnapshot, DatabaseMode::kReadOnly)});
  }
  spec.outputs = *texts;
  spec.stdin_path = *OddText();
  spec.workdir = *OddText();
  spec.provenance_dir = *OddText();
  spec.log_path = *OddText();
  spec.network.mode = *rc::gen::element(NetworkMode::kNone, NetworkMode::kHost, NetworkMode::kAllow);
  if (spec.network.mode == NetworkMode::kAllow) spec.network.allow = *texts;
  spec.gpus = *rc::gen::arbitrary<int64_t>();
  spec.priority = *rc::gen::arbitrary<int64_t>();
  spec.labels = *rc::gen::container<std::map<std::string, std::string>>(OddText(), OddText());
  spec.retries = {*rc::gen::arbitrary<int64_t>(), *texts};
  spec.executor = *OddText();
  spec.checkpoint_dir = *OddText();
  spec.warm = *rc::gen::arbitrary<bool>();
  spec.deterministic = *rc::gen::arbitrary<bool>();
  spec.allow_weaker = *texts;
  return spec;
}

}  // namespace fumehood
