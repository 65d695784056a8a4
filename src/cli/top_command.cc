// fumehood top
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <csignal>
#include <thread>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/run_store.h"
#include "src/cli/terminal.h"
#include "src/cli/time_text.h"
#include "src/cli/top_frame.h"
#include "src/engine/budget.h"
#include "src/record/change_log.h"
#include "src/record/ledger.h"
#include "src/record/pins.h"
#include "src/record/run_dir.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"
#include "src/sys/process.h"
#include "src/sys/raw_terminal.h"

namespace fumehood {
namespace {

constexpr int64_t kEndedShown = 10;
constexpr int kEachMs = 1000;

double Number(const std::string& cell) {
  double value = 0;
  (void)std::from_chars(cell.data(), cell.data() + cell.size(), value);  // an empty cell is something that this host does not tell
  return value;
}

Result<std::string> ReadTail(int dir, const char* name, int64_t bytes) {
  FH_ASSIGN_OR_RETURN(const Fd file, OpenAt(dir, name, O_RDONLY | O_NOFOLLOW));
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(file));
  const int64_t from = std::max<int64_t>(0, info.st_size - bytes);
  std::string text(static_cast<size_t>(info.st_size - from), '\0');
  FH_ASSIGN_OR_RETURN(const size_t got, ReadAt(file.get(), text.data(), text.size(), from));
  text.resize(got);
  return text;
}

// The last samples of usage.csv.
void AddSamples(const std::string& state_dir, TopRun& run) {
  constexpr int64_t kTail = 4096;
  const auto dir = OpenRunDir(state_dir, run.row.id);
  const auto attempt = dir ? OpenLastAttemptDir(*dir) : Result<AttemptDir>(dir.error());
  const auto text = attempt ? ReadTail(attempt->fd.get(), layout::kUsage, kTail) : Result<std::string>(attempt.error());
  if (!text) return;
  std::vector<std::string> lines = Split(*text, '\n');
  if (!lines.empty()) lines.erase(lines.begin());  // the head, or a part of a line
  double before_cpu = -1;
  double before_time = 0;
  for (const std::string& line : lines) {
    const std::vector<std::string> cells = Split(line, ',');
    const auto time = cells.size() >= 4 ? ParseRfc3339(cells[0]) : std::nullopt;
    if (!time) continue;
    const double seconds = static_cast<double>(time->time_since_epoch().count()) / 1e6;
    const double cpu = Number(cells[1]) + Number(cells[2]);
    run.memory_mb.push_back(Number(cells[3]));
    if (before_cpu >= 0 && seconds > before_time) run.cores.push_back(std::max(0.0, (cpu - before_cpu) / (seconds - before_time)));
    before_cpu = cpu;
    before_time = seconds;
  }
}

void AddBudget(const Config& config, TopScene& scene) {
  const auto budget = HostBudget(config);
  const auto ledger = budget ? Ledger::Open(config.state_dir) : Result<Ledger>(budget.error());
  const auto held = ledger ? ledger->Held() : Result<std::vector<Reservation>>(ledger.error());
  if (!held) return;
  const Demand taken = Sum(*held);
  scene.memory_budget_mb = budget->memory_mb;
  scene.cpu_budget_milli = budget->cpu_milli;
  scene.memory_taken_mb = taken.memory_mb;
  scene.cpu_taken_milli = taken.cpu_milli;
}

Result<TopScene> Look(Store& store, const Config& config) {
  TopScene scene;
  FH_TRY(store.CatchUp());
  FH_ASSIGN_OR_RETURN(const auto counts, store.CountByStatus());
  const int64_t now = Now().time_since_epoch().count();
  scene.time = LocalTime(Rfc3339(Now()));
  const auto add = [&](const RunFilter& filter, int64_t limit) -> Result<void> {
    FH_ASSIGN_OR_RETURN(RunPage page, store.List({.filter = filter, .limit = limit}));
    for (RunRow& row : page.rows) {
      TopRun run{.row = std::move(row)};
      const int64_t since = run.row.waits ? run.row.submitted_us : run.row.started_us;
      run.seconds = IsFinal(run.row.status) || since == 0 ? run.row.wall_s : static_cast<double>(std::max<int64_t>(0, now - since)) / 1e6;
      if (!run.row.waits) AddSamples(config.state_dir, run);
      (run.row.waits ? scene.waiting : scene.running) += IsFinal(run.row.status) ? 0 : 1;
      scene.runs.push_back(std::move(run));
    }
    return {};
  };
  constexpr int64_t kMostShown = 500;
  FH_TRY(add({.statuses = {RunStatus::kRunning, RunStatus::kUnknown}}, kMostShown));
  FH_TRY(add({.statuses = {RunStatus::kPending}}, kMostShown));
  FH_TRY(add({.ended = true}, kEndedShown));
  for (const auto& [status, count] : counts) scene.ended += IsFinal(status) ? count : 0;
  AddBudget(config, scene);
  return scene;
}

// This program again, on the same terminal: kill and logs are commands of their own.
std::string Again(const std::vector<std::string>& words, bool shown) {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  if (length <= 0) return "this program does not find itself in /proc";
  SpawnRequest request{.path = std::string(self, static_cast<size_t>(length)), .argv = words};
  for (char** entry = environ; *entry != nullptr; ++entry) request.env.emplace_back(*entry);
  if (shown) {
    request.stdin_fd = STDIN_FILENO;
    request.stdout_fd = STDOUT_FILENO;
    request.stderr_fd = STDERR_FILENO;
  }
  const auto child = Spawn(request);
  if (!child) return child.error().message();
  if (!shown) std::thread([pid = *child] { (void)ReapCode(pid); }).detach();
  if (!shown) return "";
  // Ctrl-C is for what is shown. A handler, since an ignored signal would be ignored by the child too.
  const auto before = std::signal(SIGINT, [](int) {});
  (void)ReapCode(*child);
  (void)std::signal(SIGINT, before);
  return "";
}

std::string SwitchPin(const RunRow& row, const Config& config) {
  const auto changed = row.pinned ? Unpin(config.state_dir, row.id) : Pin(config.state_dir, row.id);
  NoteChange(config.state_dir, row.id, change::kPinned);
  return changed ? fmt::format("{} {}", row.id, row.pinned ? "is not pinned any more" : "is pinned") : changed.error().message();
}

Result<int> Watch(Store& store, const Config& config) {
  size_t selected = 0;
  std::string message;
  for (;;) {
    RunId follow;
    {
      FH_ASSIGN_OR_RETURN(const RawTerminal terminal, RawTerminal::Take(STDIN_FILENO, STDOUT_FILENO));
      while (follow.empty()) {
        FH_ASSIGN_OR_RETURN(TopScene scene, Look(store, config));
        selected = scene.runs.empty() ? 0 : std::min(selected, scene.runs.size() - 1);
        scene.selected = selected;
        scene.message = message;
        const TerminalSize size = SizeOfTerminal(STDOUT_FILENO);
        if (!PrintOut("\033[H\033[J" + DrawTop(scene, size.columns, size.rows, true))) return 0;
        FH_ASSIGN_OR_RETURN(const auto key, terminal.Key(kEachMs));
        constexpr unsigned char kCtrlC = 3;
        if (!key) continue;
        if (*key == 'q' || *key == kCtrlC) return 0;
        if (*key == kKeyUp && selected > 0) --selected;
        if (*key == kKeyDown) ++selected;
        if (scene.runs.empty()) continue;
        const RunRow& row = scene.runs[selected < scene.runs.size() ? selected : scene.runs.size() - 1].row;
        if (*key == 'p') message = SwitchPin(row, config);
        if (*key == 'l' && !row.waits) follow = row.id;
        if (*key == 'k') {
          const std::string trouble = Again({"fumehood", "kill", row.id}, false);
          message = trouble.empty() ? row.id + " is asked to end" : trouble;
        }
      }
    }
    message = Again({"fumehood", "logs", "-f", follow}, true);
  }
}

Result<int> Top(const Arguments& arguments, Context& context) {
  if (!arguments.positional.empty()) return Error(ErrorCode::kInvalidArgument, Quoted(arguments.positional[0]) + ": top takes flags only");
  const bool once = arguments.Has("once");
  if (!once && !(context.out_is_terminal && context.in_is_terminal)) {
    return Error(ErrorCode::kInvalidArgument, "top draws on a terminal; for a pipe there is `fumehood top --once`, and `fumehood ls --json`");
  }
  FH_ASSIGN_OR_RETURN(Store store, OpenStore(context));
  if (!once) return Watch(store, context.config);
  FH_ASSIGN_OR_RETURN(const TopScene scene, Look(store, context.config));
  const TerminalSize size = SizeOfTerminal(STDOUT_FILENO);
  constexpr int kWide = 140;
  PrintOut(DrawTop(scene, context.out_is_terminal ? size.columns : kWide, INT_MAX, false));
  return 0;
}

}  // namespace

Command TopCommand() {
  return {.name = "top", .summary = "Watch the runs: what goes on, what waits, what they use of the host", .flags = {{.name = "once", .help = "One picture, as plain text"}},
          .description = "Keys: up and down choose a run, k ends it, p pins or unpins it, l follows its log (Ctrl-C comes back), q quits. The bars are what\n"
                         "the runs may take together of what the configuration gives them; the curves are the last samples of each run's usage.csv.",
          .run = Top};
}

}  // namespace fumehood
