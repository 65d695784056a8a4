#include "src/cli/progress_line.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/terminal.h"
#include "src/record/run_dir.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr const char* kClearLine = "\r\033[K";

std::string Tail(const std::string& path) {
  constexpr int64_t kRoom = 1024;  // several rows
  const auto file = OpenAt(kHere, path, O_RDONLY);
  const auto info = file ? StatFd(*file) : Result<struct stat>(file.error());
  if (!info) return "";
  std::string text(kRoom, '\0');
  const auto got = ReadAt(file->get(), text.data(), text.size(), std::max<int64_t>(0, info->st_size - kRoom));
  text.resize(got ? *got : 0);
  return text;
}

double Number(const std::string& cell) { return strtod(cell.c_str(), nullptr); }

}  // namespace

UsageRow LastUsageRow(std::string_view tail) {
  const size_t end = tail.rfind('\n');
  if (end == std::string_view::npos) return {};
  tail = tail.substr(0, end);
  const std::vector<std::string> cells = Split(tail.substr(tail.rfind('\n') + 1), ',');  // npos + 1 is 0
  constexpr size_t kMemory = 3;  // kUsageCsvHeader: time, cpu_user_s, cpu_system_s, memory_mb
  if (cells.size() <= kMemory) return {};
  return {Number(cells[1]) + Number(cells[2]), Number(cells[kMemory])};
}

bool ProgressLine::AnalysisSaysSomething() const {
  const auto log = FindStat(kHere, run_dir_ + "/" + layout::kStderr, true);
  return log && *log && (*log)->st_size > 0;
}

void ProgressLine::Update() {
  if (!wanted_) return;
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  constexpr double kNotBefore = 2;
  if (elapsed < kNotBefore) return;
  // Its own progress bar goes there too: two of them on one line would only fight.
  if (AnalysisSaysSomething()) {
    Clear();
    wanted_ = false;
    return;
  }
  const UsageRow usage = LastUsageRow(Tail(fmt::format("{}/{}/1/{}", run_dir_, layout::kAttempts, layout::kUsage)));
  PrintErr(fmt::format("{}fumehood: {}, {} CPU, {:.0f} MiB", kClearLine, HumanSeconds(elapsed), HumanSeconds(usage.cpu_s), usage.memory_mb));
  drawn_ = true;
}

void ProgressLine::Clear() {
  if (std::exchange(drawn_, false)) PrintErr(kClearLine);
}

}  // namespace fumehood
