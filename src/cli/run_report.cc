#include "src/cli/run_report.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/terminal.h"

namespace fumehood {
namespace {

std::string Files(const RunResult& result) {
  constexpr size_t kNamed = 5;
  std::vector<std::string> names;
  for (size_t i = 0; i < result.outputs.size() && i < kNamed; ++i) names.push_back(Quoted(result.outputs[i].path));
  const size_t more = result.outputs.size() - names.size();
  return Join(names, ", ") + (more > 0 ? fmt::format(" and {} more", more) : "");
}

std::string UsageLine(const RunResult& result) {
  std::string text = HumanSeconds(result.usage.wall_s) + " wall";
  // What no cgroup counted is not known; a number would be a claim.
  const auto counted = [&](const char* controller) {
    const std::vector<std::string>& all = result.isolation.controllers;
    return std::find(all.begin(), all.end(), controller) != all.end();
  };
  if (counted("cpu")) text += fmt::format(", {} CPU", HumanSeconds(result.usage.cpu_user_s + result.usage.cpu_system_s));
  if (counted("memory")) text += fmt::format(", {:.0f} MiB memory at most", result.usage.memory_peak_mb);
  return text;
}

}  // namespace

std::string EndReport(const RunResult& result, FilesHint hint, bool on_terminal) {
  std::string text = fmt::format("fumehood: run {} {}: {}\n", result.run_id,
                                 Painted(Name(result.status), ColourOf(result.status), on_terminal), UsageLine(result));
  if (!result.completion_notes.empty()) text += fmt::format("fumehood: {}\n", result.completion_notes);
  if (!result.outputs.empty() && hint == FilesHint::kApply) {
    text += fmt::format("fumehood: it made {}\nfumehood: they are in the run's own copy; `fumehood apply {}` brings them here\n",
                        Files(result), result.run_id);
  }
  return text;
}

std::string StatusReport(const RunResult& result, bool on_terminal) {
  std::string text = fmt::format("{}  {}\n", Painted(Name(result.status), ColourOf(result.status), on_terminal), result.run_id);
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {:<10} {}\n", name, value);
  };
  line("name", result.name.empty() ? "" : Quoted(result.name));
  line("reason", Name(result.reason));
  line("exit code", result.exit_code ? fmt::format("{}", *result.exit_code) : "");
  line("signal", result.signal ? fmt::format("{}", *result.signal) : "");
  line("notes", result.completion_notes);
  line("submitted", result.submitted_at);
  line("started", result.started_at);
  line("finished", result.finished_at);
  if (IsFinal(result.status)) line("used", UsageLine(result));
  line("outputs", result.outputs.empty() ? "" : Files(result));
  line("record", result.run_dir);
  return text;
}

}  // namespace fumehood
