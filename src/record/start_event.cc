#include "src/record/start_event.h"

#include "src/base/text.h"
#include "src/record/json_reader.h"

namespace fumehood {

std::string StartedAt(const RunDir& run) {
  const auto text = ReadFile(run.fd.get(), layout::kEvents);
  if (!text) return "";
  std::string time;
  for (const std::string& line : Split(*text, '\n')) {
    if (line.find("\"type\":\"started\"") == std::string::npos) continue;
    auto event = JsonReader::Parse(line);  // a torn line is no event
    if (event && event->String("type") == "started") time = event->String(event->Has("started_at") ? "started_at" : "time");
  }
  return time;
}

}  // namespace fumehood
