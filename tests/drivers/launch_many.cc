// launch_many SPARES COUNT[xTHREADS] -- COMMAND...: so many runs one after the other through the library, as a program does that
// launches all day; in each of so many threads, which share the executor. Prints a line for each run: its id and status. Then
// "waiting", and ends with its standard input.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "src/config/read_config.h"
#include "src/executor/local/local_executor.h"
#include "src/record/result_json.h"

namespace fumehood {
namespace {

// False when a run could not be launched or waited for; its error is said.
bool Launch(LocalExecutor& executor, const AnalysisSpec& spec, long count) {
  for (; count > 0; --count) {
    const auto id = executor.run_analysis(spec);
    const auto result = id ? executor.Wait(*id) : Result<RunResult>(id.error());
    if (!result) {
      (void)std::fprintf(stderr, "%s\n", result.error().message().c_str());
      return false;
    }
    (void)std::printf("%s %s\n", id->c_str(), Name(result->status));
    (void)std::fflush(stdout);
  }
  return true;
}

bool LaunchInThreads(LocalExecutor& executor, const AnalysisSpec& spec, long count, long threads) {
  std::atomic<bool> good = true;
  std::vector<std::jthread> workers;
  for (; threads > 0; --threads) {
    workers.emplace_back([&] {
      if (!Launch(executor, spec, count)) good = false;
    });
  }
  workers.clear();  // joins them
  return good;
}

}  // namespace
}  // namespace fumehood

int main(int argc, char** argv) {
  using namespace fumehood;
  if (argc < 5 || std::string(argv[3]) != "--") {
    (void)std::fputs("usage: launch_many SPARES COUNT[xTHREADS] -- COMMAND...\n", stderr);
    return 2;
  }
  const auto config = ReadConfig(DefaultSources());
  if (!config) {
    (void)std::fprintf(stderr, "%s\n", config.error().message().c_str());
    return 2;
  }
  LocalExecutor executor(*config, CurrentSubmitter(), std::strtol(argv[1], nullptr, 10));
  AnalysisSpec spec;
  spec.command.assign(argv + 4, argv + argc);
  char* end = nullptr;
  const long count = std::strtol(argv[2], &end, 10);
  const long threads = *end == 'x' ? std::strtol(end + 1, nullptr, 10) : 1;
  if (!LaunchInThreads(executor, spec, count, threads)) return 1;
  (void)std::puts("waiting");
  (void)std::fflush(stdout);
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}
