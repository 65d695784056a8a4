#include "src/record/tmp_removal.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/record/run_dir.h"
#include "src/record/tree_walk.h"

namespace fumehood {
namespace {

constexpr std::string_view kGone = "gone-";

Result<void> Say(int attempt, const RemovedCounts& counts, const std::string& failure, EventLog& events) {
  JsonWriter members;
  members.Key("attempt").Int(attempt).Key("files").Int(counts.files).Key("directories").Int(counts.directories);
  members.Key("bytes").Int(counts.bytes);
  if (!failure.empty()) members.Key("error").String(failure);
  return events.Append(failure.empty() ? "tmp_removed" : "tmp_kept", members.text());
}

// Counts directories, up to a few, and stops at anything else.
class OnlyDirectories : public TreeVisitor {
 public:
  Result<void> Entry(int, const std::string&, const struct stat&) override { return Error(ErrorCode::kAlreadyExists, "not empty"); }
  Result<bool> Directory(int, const std::string&, const struct stat&) override {
    constexpr int64_t kFew = 32;
    if (++count > kFew) return Error(ErrorCode::kResourceExhausted, "many");
    return true;
  }
  Result<void> Entered(int, const struct stat&) override { return {}; }
  void Left() override {}
  void Problem(const std::string&, const Error&) override { readable = false; }

  int64_t count = 0;
  bool readable = true;
};

// How many directories there are beneath tmp/, where there is nothing else: what every run finds there, and where something was
// shown beneath /tmp, the way to it.
std::optional<int64_t> CountIfOnlyDirectories(int attempt_dir) {
  const auto tmp = OpenBeneath(attempt_dir, layout::kTmp, O_RDONLY | O_DIRECTORY);
  OnlyDirectories visitor;
  if (!tmp || !WalkTree(tmp->get(), WalkOrder::kAny, visitor) || !visitor.readable) return std::nullopt;
  return visitor.count;
}

}  // namespace

Result<RemovedCounts> RemoveTmp(int attempt_dir, int attempt, EventLog& events) {
  RemovedCounts total;
  std::string failure;
  for (const char* name : {layout::kTmp, layout::kOverlay}) {
    auto removed = RemoveTree(attempt_dir, name);
    if (!removed) {
      if (failure.empty()) failure = removed.error().message();
      continue;
    }
    total.files += removed->files;
    total.directories += removed->directories;
    total.bytes += removed->bytes;
  }
  FH_TRY(Say(attempt, total, failure, events));
  return total;
}

std::vector<std::string> TakeTmpAway(int attempt_dir, int attempt, int staging, const std::string& token, EventLog& events) {
  std::vector<std::string> moved;
  const auto below = CountIfOnlyDirectories(attempt_dir);
  if (!below) {
    (void)RemoveTmp(attempt_dir, attempt, events);  // a log that cannot be written fails the closing event, and that is told
    return moved;
  }
  for (const char* name : {layout::kTmp, layout::kOverlay}) {
    const std::string gone = fmt::format("{}{}-{}-{}", kGone, getpid(), token, name);
    if (renameat(attempt_dir, name, staging, gone.c_str()) == 0) moved.push_back(gone);
  }
  constexpr size_t kBoth = 2;
  if (moved.size() == kBoth) {
    (void)Say(attempt, {.files = 0, .directories = *below + 1, .bytes = 0}, "", events);
  } else {
    (void)RemoveTmp(attempt_dir, attempt, events);
  }
  return moved;
}

std::optional<pid_t> RemoverOf(const std::string& name) {
  if (!name.starts_with(kGone)) return std::nullopt;
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data() + kGone.size(), name.data() + name.size(), pid);
  return error == std::errc() && *end == '-' && pid > 0 ? std::optional(pid) : std::nullopt;
}

}  // namespace fumehood
