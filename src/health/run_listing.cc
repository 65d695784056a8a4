#include "src/health/run_listing.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/sha256.h"
#include "src/record/tree_walk.h"

namespace fumehood {
namespace {

char KindOf(mode_t mode) {
  if (S_ISREG(mode)) return 'f';
  if (S_ISDIR(mode)) return 'd';
  return S_ISLNK(mode) ? 'l' : 'o';
}

class Listing : public TreeVisitor {
 public:
  Result<void> Entry(int, const std::string& name, const struct stat& info) override {
    Add(name, info);
    return {};
  }
  Result<bool> Directory(int, const std::string& name, const struct stat& info) override {
    Add(name, info);
    path_.push_back(name);
    return true;
  }
  Result<void> Entered(int, const struct stat&) override { return {}; }
  void Left() override {
    if (!path_.empty()) path_.pop_back();  // empty: the top
  }
  void Problem(const std::string& name, const Error&) override { digest_.Update(fmt::format("? {}\n", Quoted(name))); }

  RunListing Take() {
    listing_.sha256 = digest_.FinishHex();
    return listing_;
  }

 private:
  void Add(const std::string& name, const struct stat& info) {
    constexpr int64_t kBlock = 512;  // the unit of st_blocks, whatever the file system's (stat(2))
    const int64_t names = S_ISDIR(info.st_mode) ? 1 : std::max<int64_t>(1, static_cast<int64_t>(info.st_nlink));
    ++listing_.files;
    listing_.bytes += info.st_blocks * kBlock / names;
    const std::string above = path_.empty() ? std::string() : Join(path_, "/") + "/";
    digest_.Update(fmt::format("{} {} {}\n", KindOf(info.st_mode), S_ISDIR(info.st_mode) ? 0 : info.st_size, Quoted(above + name)));
  }

  std::vector<std::string> path_;
  RunListing listing_;
  Sha256 digest_;
};

}  // namespace

Result<RunListing> ListingOf(int run_dir) {
  Listing listing;
  FH_TRY(WalkTree(run_dir, WalkOrder::kByName, listing));
  return listing.Take();
}

}  // namespace fumehood
