// store_bench: what `fumehood ls` and `fumehood status` take with many runs on record, and how long the index takes to be made anew.
//
//   store_bench [--rounds N] [DIRECTORY [RUNS...]]     default: 100 1000 10000 100000 runs, in /tmp
//
// The runs are recorded by the launcher's and the keeper's own writers, without being run. Each number of runs has a state directory of its
// own; the program that is measured is the fumehood beside this one, started as a shell would.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/change_log.h"
#include "src/store/store.h"
#include "src/store/test_runs.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void Give(const std::string& message) {
  fmt::print(stderr, "store_bench: {}\n", message);
  std::exit(1);
}

template <typename T>
T Good(Result<T> result) {
  if (!result) Give(result.error().message());
  return std::move(result).value();
}

double Milliseconds(Clock::time_point begin) { return std::chrono::duration<double, std::milli>(Clock::now() - begin).count(); }

// A lab's mix: some fail, some go by another runtime, each belongs to a project.
MadeRun RunNumber(int64_t number, int64_t of) {
  MadeRun made;
  made.ended_ago_s = (of - number) * 30;
  made.spec.name = fmt::format("fit-{}", number % 50);
  made.spec.command = {"python3", fmt::format("fit{}.py", number % 50), "/data/a"};
  made.spec.inputs = {{.path = "/data/a"}};
  made.spec.labels = {{"project", fmt::format("p{}", number % 20)}, {"user", number % 3 == 0 ? "ada" : "grace"}};
  made.spec.runtime = number % 4 == 0 ? "r-base" : "python3";
  made.input_bytes = (number % 100 + 1) << 20U;
  made.memory_peak_mb = 50.0 + static_cast<double>(number % 900);
  if (number % 10 == 0) {
    made.status = RunStatus::kFailed;
    made.reason = Reason::kMemoryLimit;
    made.exit_code = 137;
  }
  return made;
}

class Program {
 public:
  explicit Program(std::string state) : state_(std::move(state)) {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    path_ = self.substr(0, self.rfind('/')) + "/fumehood";
    if (access(path_.c_str(), X_OK) != 0) Give(Quoted(path_) + " is not there; build it first");
  }

  // The fastest of so many rounds: what else goes on on a machine makes a round slower, and nothing makes it faster.
  double Measure(std::vector<std::string> words, int64_t rounds) const {
    words.insert(words.begin(), "fumehood");
    std::vector<double> samples;
    for (int64_t i = 0; i < rounds; ++i) {
      const auto begin = Clock::now();
      SpawnRequest request{.path = path_, .argv = words, .env = {"FUMEHOOD_STATE=" + state_, "PATH=/usr/bin:/bin", "HOME=" + state_}};
      const int code = ReapCode(Good(Spawn(request)));
      samples.push_back(Milliseconds(begin));
      if (code != 0) Give(fmt::format("fumehood {} gave {}", words[1], code));
    }
    return *std::min_element(samples.begin(), samples.end());
  }

 private:
  std::string state_;
  std::string path_;
};

struct Measured {
  int64_t runs = 0;
  double ls = 0, ls_label = 0, ls_failed = 0, status_id = 0, status_last = 0, reindex = 0, note_us = 0;
  int64_t bytes = 0;
};

Measured MeasureWith(int64_t runs, const std::string& scratch, int64_t rounds) {
  Measured measured{.runs = runs};
  const std::string state = fmt::format("{}/{}", scratch, runs);
  if (const auto made = MakeDirs(state, 0700); !made) Give(made.error().message());
  RunId one;
  for (int64_t i = 0; i < runs; ++i) {
    const MadeRun made = RunNumber(i, runs);
    if (const auto done = MakeRun(state, made); !done) Give(done.error().message());
    if (i == runs / 2) one = made.id;
  }
  const auto begin = Clock::now();
  Store store = Good(Store::Open(state));
  measured.reindex = Milliseconds(begin);
  measured.bytes = Good(store.Bytes());
  const Program program(state);
  measured.ls = program.Measure({"ls"}, rounds);
  measured.ls_label = program.Measure({"ls", "--label", "project=p7"}, rounds);
  measured.ls_failed = program.Measure({"ls", "--status", "failed", "--since", "2h"}, rounds);
  measured.status_id = program.Measure({"status", one}, rounds);
  measured.status_last = program.Measure({"status", "last"}, rounds);
  constexpr int64_t kLines = 20000;
  const auto noting = Clock::now();
  for (int64_t i = 0; i < kLines; ++i) NoteChange(state, one, change::kEnded);
  measured.note_us = Milliseconds(noting) * 1000 / kLines;
  return measured;
}

// Each line when it is known: the largest takes minutes to be made, and to be removed.
void Print(const Measured& one, const Measured& least) {
  if (one.runs == least.runs) {
    fmt::print("In brackets: the ratio to the first line.\n\n");
    fmt::print("| runs on record | ls, ms | ls --label, ms | ls --status --since, ms | status RUN, ms | status last, ms | made anew, ms | store, MiB | line of the log, us |\n");
    fmt::print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
  }
  const auto with_ratio = [](double value, double base) { return fmt::format("{:.1f} ({:.2f})", value, value / base); };
  fmt::print("| {} | {} | {} | {} | {} | {} | {:.0f} | {:.1f} | {:.1f} |\n", one.runs, with_ratio(one.ls, least.ls), with_ratio(one.ls_label, least.ls_label),
             with_ratio(one.ls_failed, least.ls_failed), with_ratio(one.status_id, least.status_id), with_ratio(one.status_last, least.status_last), one.reindex,
             static_cast<double>(one.bytes) / (1 << 20), one.note_us);
  (void)std::fflush(stdout);
}

int Main(int count, char** words) {
  int64_t rounds = 21;
  std::string directory = "/tmp";
  std::vector<int64_t> numbers;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--rounds" && i + 1 < count) {
      rounds = std::max<int64_t>(1, std::atoll(words[++i]));
    } else if (word.starts_with("/")) {
      directory = word;
    } else if (std::atoll(words[i]) > 0) {
      numbers.push_back(std::atoll(words[i]));
    } else {
      Give("usage: store_bench [--rounds N] [/DIRECTORY] [RUNS...]");
    }
  }
  if (numbers.empty()) numbers = {100, 1000, 10000, 100000};
  std::string scratch = directory + "/fumehood-store-XXXXXX";
  if (mkdtemp(scratch.data()) == nullptr) Give("cannot make a directory in " + Quoted(directory));
  std::optional<Measured> least;
  for (const int64_t runs : numbers) {
    const Measured measured = MeasureWith(runs, scratch, rounds);
    if (!least) least = measured;
    Print(measured, *least);
    std::filesystem::remove_all(fmt::format("{}/{}", scratch, runs));  // ours, and nobody else's
  }
  std::filesystem::remove_all(scratch);
  return 0;
}

}  // namespace
}  // namespace fumehood

int main(int count, char** words) { return fumehood::Main(count, words); }
