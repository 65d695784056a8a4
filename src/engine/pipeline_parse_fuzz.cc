// Whatever the bytes: no crash and no hang; a pipeline without a problem has all its steps in an order that holds.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "src/engine/pipeline_journal.h"
#include "src/engine/pipeline_parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fumehood;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)ReadJournalText(text);
  Config config;
  config.profiles = {{"default", {}}};
  const ListNames list = [](const std::string&) { return std::vector<std::string>{"a_1.fq", "b_1.fq"}; };
  const PipelineReading reading = ReadPipeline(text, Format::kYaml, "fuzz", config, list);
  if (!reading.problems.empty()) return 0;
  std::vector<bool> done(reading.plan.steps.size(), false);
  for (const size_t step : reading.plan.order) {
    for (const size_t need : reading.plan.steps[step].needs) {
      if (!done[need]) std::abort();
    }
    done[step] = true;
  }
  if (reading.plan.order.size() != reading.plan.steps.size() || reading.plan.steps.empty()) std::abort();
  return 0;
}
