#include "src/cli/top_frame.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/terminal.h"

namespace fumehood {
namespace {

constexpr size_t kSparks = 12;
constexpr int kShortestName = 8;

std::string Bar(int64_t taken, int64_t of, size_t width) {
  const double share = of <= 0 ? 0 : std::clamp(static_cast<double>(taken) / static_cast<double>(of), 0.0, 1.0);
  const auto full = static_cast<size_t>(share * static_cast<double>(width) + 0.5);
  std::string bar = "[";
  for (size_t i = 0; i < width; ++i) bar += i < full ? "#" : ".";
  return bar + "]";
}

// Cut to so many letters, or filled up. Names are plain here: Shown has made them so.
std::string Cell(std::string text, size_t width) {
  if (text.size() > width) text = text.substr(0, width - 1) + "~";
  return text + std::string(width - text.size(), ' ');
}

std::string Line(const TopRun& run, size_t name_width, bool selected, bool on_terminal) {
  const RunRow& row = run.row;
  const bool goes_on = row.status == RunStatus::kRunning;
  const double peak = run.memory_mb.empty() ? row.memory_peak_mb : run.memory_mb.back();
  const double cores = run.cores.empty() ? 0 : run.cores.back();
  const std::string memory = row.waits ? "-" : fmt::format("{:.0f}/{} MiB", peak, row.memory_limit_mb);
  std::string text = selected ? ">" : " ";
  text += Cell(row.id.substr(0, 12), 13) + Cell(Shown(row.name), name_width) + " ";
  text += Painted(Cell(row.waits ? "WAITING" : Name(row.status), 10), ColourOf(row.status), on_terminal);
  text += Cell(HumanSeconds(run.seconds), 13) + Cell(memory, 17) + Sparkline(run.memory_mb, static_cast<double>(row.memory_limit_mb), kSparks) + "  ";
  text += Cell(goes_on ? fmt::format("{:.1f}/{:.1f}", cores, row.cpu_quota) : "-", 10) + Sparkline(run.cores, row.cpu_quota, kSparks);
  return text + (row.pinned ? " pinned" : "");
}

}  // namespace

std::string Sparkline(const std::vector<double>& values, double most, size_t width) {
  constexpr const char* kHeights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr double kSteps = 8;
  const size_t first = values.size() > width ? values.size() - width : 0;
  std::string line(width - (values.size() - first), ' ');
  for (size_t i = first; i < values.size(); ++i) {
    const double share = most > 0 ? std::clamp(values[i] / most, 0.0, 0.999) : 0;
    line += kHeights[static_cast<size_t>(share * kSteps)];
  }
  return line;
}

std::string DrawTop(const TopScene& scene, int columns, int rows, bool on_terminal) {
  std::vector<std::string> lines;
  lines.push_back(Painted("fumehood top", Colour::kStrong, on_terminal) +
                  fmt::format("  {}  {} running, {} waiting, {} ended", scene.time, scene.running, scene.waiting, scene.ended));
  if (scene.memory_budget_mb > 0) {
    constexpr size_t kBar = 24;
    lines.push_back(fmt::format("memory {} {} of {} MiB    cpus {} {:.1f} of {:.1f}", Bar(scene.memory_taken_mb, scene.memory_budget_mb, kBar), scene.memory_taken_mb,
                                scene.memory_budget_mb, Bar(scene.cpu_taken_milli, scene.cpu_budget_milli, kBar), static_cast<double>(scene.cpu_taken_milli) / 1000,
                                static_cast<double>(scene.cpu_budget_milli) / 1000));
  }
  constexpr int kFixed = 102;  // all columns but the name
  const auto name_width = static_cast<size_t>(std::clamp(columns - kFixed, kShortestName, 40));
  lines.push_back(Painted(" " + Cell("RUN", 13) + Cell("NAME", name_width) + " " + Cell("STATUS", 10) + Cell("TIME", 13) + Cell("MEMORY", 17) + Cell("", kSparks) + "  " +
                              Cell("CPUS", 10),
                          Colour::kFaint, on_terminal));
  const size_t room = static_cast<size_t>(std::max(1, rows - static_cast<int>(lines.size()) - (on_terminal ? 2 : 0)));
  const size_t first = scene.selected >= room ? scene.selected - room + 1 : 0;
  for (size_t i = first; i < std::min(scene.runs.size(), first + room); ++i) {
    lines.push_back(Line(scene.runs[i], name_width, on_terminal && i == scene.selected, on_terminal));
  }
  if (scene.runs.empty()) lines.emplace_back(" no runs");
  if (on_terminal) {
    lines.push_back(scene.message);
    lines.push_back(Painted("up/down choose   k kill   p pin or unpin   l follow its log   q quit", Colour::kFaint, on_terminal));
  }
  return Join(lines, "\n") + "\n";
}

}  // namespace fumehood
