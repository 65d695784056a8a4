#include "src/record/closing.h"

#include <fcntl.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/record/event_line.h"
#include "src/record/sha256.h"
#include "src/sys/file.h"

namespace fumehood {

Result<RecordedFile> DigestRecordedFile(int run_dir, const std::string& path) {
  FH_ASSIGN_OR_RETURN(const Fd fd, OpenBeneath(run_dir, path, O_RDONLY));
  StartWriteback(fd.get());
  auto digest = DigestFd(fd.get());
  if (!digest) return std::move(digest).error().Within(Quoted(path));
  return RecordedFile{path, digest->size_bytes, std::move(digest->sha256)};
}

Result<void> AppendClosing(EventLog& events, const std::vector<RecordedFile>& files) {
  JsonWriter members;
  members.Key("files").BeginArray();
  for (const RecordedFile& file : files) {
    members.BeginObject().Key("path").String(file.path);
    members.Key("size_bytes").Int(file.size_bytes).Key("sha256").String(file.sha256).EndObject();
  }
  members.EndArray();
  const WallTime time = Now();
  const std::string line = PrintEvent(events.next_seq(), Rfc3339(time), kClosedEvent, members.text(), events.head());
  return events.Append(kClosedEvent, members.text() + "," + CheckMember(line), time);
}

}  // namespace fumehood
