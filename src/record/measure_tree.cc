// MeasureTree, of src/record/outputs.h.
#include <algorithm>

#include "src/record/outputs.h"
#include "src/record/tree_walk.h"

namespace fumehood {
namespace {

class Measure : public TreeVisitor {
 public:
  explicit Measure(int64_t max_inodes) : max_inodes_(max_inodes) {}

  Result<void> Entry(int, const std::string&, const struct stat& info) override {
    Count(info);
    return Bounded();
  }
  Result<bool> Directory(int, const std::string&, const struct stat& info) override {
    Count(info);
    FH_TRY(Bounded());
    return true;
  }
  Result<void> Entered(int, const struct stat&) override { return {}; }
  void Left() override {}
  void Problem(const std::string&, const Error& error) override {
    // What vanished is not there any more: the measure is none the less complete.
    if (error.code() != ErrorCode::kNotFound) use.complete = false;
  }

  DiskUse use;
  bool stopped = false;

 private:
  void Count(const struct stat& info) {
    constexpr int64_t kBlock = 512;  // the unit of st_blocks, whatever the file system's (stat(2))
    const int64_t names = S_ISDIR(info.st_mode) ? 1 : std::max<int64_t>(1, static_cast<int64_t>(info.st_nlink));
    use.bytes += info.st_blocks * kBlock / names;
    ++use.inodes;
  }
  Result<void> Bounded() {
    stopped = use.inodes >= max_inodes_;
    return stopped ? Result<void>(Error(ErrorCode::kResourceExhausted, "too many files to count")) : Result<void>();
  }

  int64_t max_inodes_;
};

}  // namespace

Result<DiskUse> MeasureTree(int dir, int64_t max_inodes) {
  Measure measure(max_inodes);
  const Result<void> walked = WalkTree(dir, WalkOrder::kAny, measure);
  if (measure.stopped) measure.use.complete = false;
  if (!walked && !measure.stopped) return walked.error();
  return measure.use;
}

}  // namespace fumehood
