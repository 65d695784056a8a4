#include "src/cli/run_filter_flags.h"

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/time_text.h"

namespace fumehood {
namespace {

void Complain(std::vector<Problem>& problems, const std::string& flag, const std::string& message) {
  problems.push_back({"--" + flag, message, "", 0, 0});
}

std::string Upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::vector<std::string> AllReasons() {
  std::vector<std::string> names;
  for (int i = static_cast<int>(Reason::kExited); i <= static_cast<int>(Reason::kEngineError); ++i) names.emplace_back(Name(static_cast<Reason>(i)));
  return names;
}

}  // namespace

Flag LabelFlag() { return {.name = "label", .letter = 'l', .value = "NAME=VALUE", .help = "Only those with this label", .repeated = true}; }

Flag SinceFlag() {
  return {.name = "since", .value = "WHEN", .help = "Only those submitted since: 2h, 3d, 2026-01-31 or 2026-01-31T08:00:00Z"};
}

std::vector<Flag> RunFilterFlags() {
  return {{.name = "status", .value = "STATUS", .help = "Only those that are so: running, completed, failed, killed, ...", .repeated = true},
          LabelFlag(),
          {.name = "runtime", .value = "NAME", .help = "Only those in this runtime"},
          {.name = "reason", .value = "REASON", .help = "Only those that ended for it: exited, memory_limit, timeout, ..."},
          {.name = "name", .value = "GLOB", .help = "Only those whose name matches: 'fit-*'"},
          SinceFlag(),
          {.name = "until", .value = "WHEN", .help = "Only those submitted before"},
          {.name = "pipeline", .value = "NAME", .help = "Only the steps of this pipeline"},
          {.name = "pinned", .help = "Only those that are pinned"}};
}

std::map<std::string, std::string> LabelsFrom(const Arguments& arguments, std::vector<Problem>& problems) {
  std::map<std::string, std::string> labels;
  for (const std::string& text : arguments.Values("label")) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      Complain(problems, "label", fmt::format("takes NAME=VALUE, not {}", Quoted(text)));
      continue;
    }
    labels[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return labels;
}

std::optional<int64_t> MomentFrom(const Arguments& arguments, const std::string& flag, std::vector<Problem>& problems) {
  if (!arguments.Has(flag)) return std::nullopt;
  const auto moment = ParseMoment(arguments.Value(flag), Now());
  if (moment) return moment->time_since_epoch().count();
  Complain(problems, flag, fmt::format("takes how long ago (90s, 15m, 2h, 3d, 4w), a date (2026-01-31) or a time (2026-01-31T08:00:00Z), not {}",
                                       Quoted(arguments.Value(flag))));
  return std::nullopt;
}

RunFilter RunFilterFrom(const Arguments& arguments, std::vector<Problem>& problems) {
  RunFilter filter;
  for (const std::string& text : arguments.Values("status")) {
    const auto status = ParseRunStatus(Upper(text));
    if (status) filter.statuses.push_back(*status);
    if (!status) Complain(problems, "status", fmt::format("takes one of pending, running, completed, failed, killed, unknown, not {}", Quoted(text)));
  }
  filter.labels = LabelsFrom(arguments, problems);
  filter.runtime = arguments.Value("runtime");
  if (arguments.Has("reason")) {
    const std::string text = arguments.Value("reason");
    filter.reason = ParseReason(text);
    const std::string nearest = NearestName(text, AllReasons());
    if (!filter.reason) {
      Complain(problems, "reason", nearest.empty() ? fmt::format("takes one of {}, not {}", Join(AllReasons(), ", "), Quoted(text))
                                                   : fmt::format("knows no reason {}; did you mean {}?", Quoted(text), nearest));
    }
  }
  filter.name_glob = arguments.Value("name");
  filter.pipeline = arguments.Value("pipeline");
  filter.since_us = MomentFrom(arguments, "since", problems);
  filter.until_us = MomentFrom(arguments, "until", problems);
  if (arguments.Has("pinned")) filter.pinned = true;
  return filter;
}

}  // namespace fumehood
