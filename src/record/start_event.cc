#include "src/record/start_event.h"

#include "src/base/text.h"
#include "src/record/closing.h"
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

ToldSoFar ReadToldSoFar(const RunDir& run) {
  ToldSoFar told;
  const auto text = ReadFile(run.fd.get(), layout::kEvents, size_t{256} << 20);
  if (!text) return told;
  for (const std::string& line : Split(*text, '\n')) {
    auto event = line.empty() ? Result<JsonReader>(Error(ErrorCode::kCorrupt, "")) : JsonReader::Parse(line);
    if (!event) continue;  // torn
    const std::string type = event->String("type");
    if (type == "started") told.started_attempt = event->Has("attempt") ? static_cast<int>(event->Int("attempt")) : 1;
    if (type == "ended") told.ended = true;
    told.closed_result.clear();
    if (type != kClosedEvent) continue;
    for (JsonReader& file : event->Objects("files")) {
      if (file.String("path") == layout::kResult) told.closed_result = file.String("sha256");
    }
  }
  return told;
}

}  // namespace fumehood
