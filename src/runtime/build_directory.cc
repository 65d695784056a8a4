#include "src/runtime/build_directory.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/ulid.h"
#include "src/record/tree_walk.h"
#include "src/sys/copy_tree.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr std::string_view kBuild = "build-";

class CopyTaker : public TreeVisitor {
 public:
  int64_t taken() const { return taken_; }

  Result<void> Entry(int dir, const std::string& name, const struct stat& info) override {
    if (!S_ISREG(info.st_mode) || info.st_nlink == 1) return {};
    const std::string own = name + ".fumehood-own";
    FH_TRY(CopyTree(dir, name, dir, own));
    if (renameat(dir, own.c_str(), dir, name.c_str()) != 0) {
      const int error = errno;
      return ErrnoError(error, "replace " + Quoted(name));
    }
    ++taken_;
    return {};
  }
  Result<bool> Directory(int /*dir*/, const std::string& /*name*/, const struct stat& /*info*/) override { return true; }
  Result<void> Entered(int /*dir*/, const struct stat& /*info*/) override { return {}; }
  void Left() override {}
  void Problem(const std::string& /*name*/, const Error& /*error*/) override {}  // the check that follows names what it cannot read

 private:
  int64_t taken_ = 0;
};

}  // namespace

Result<std::string> MakeBuildDirectory(const Catalog& catalog, const std::string& name) {
  FH_ASSIGN_OR_RETURN(const Fd own, catalog.OpenOwnDir(name));
  const std::string build = std::string(kBuild) + NewRunId();
  // Runs of root's have uids of their own; nothing above lets others in.
  FH_TRY(MakeDir(own.get(), build, 0755));
  return catalog.PathOf(name) + "/" + build;
}

Result<std::vector<std::string>> FindAbandonedBuilds(const Catalog& catalog, const std::string& name) {
  std::vector<std::string> found;
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, catalog.PathOf(name), false));
  if (!there) return found;
  std::vector<std::string> used;
  if (const auto entry = catalog.Find(name)) {
    for (const RuntimeSource& source : entry->sources) used.push_back(source.location + "/");
  } else if (entry.error().code() != ErrorCode::kNotFound) {
    return Error(entry.error());  // an entry that cannot be read may point to any of them
  }
  FH_ASSIGN_OR_RETURN(const Fd own, OpenDir(kHere, catalog.PathOf(name)));
  FH_ASSIGN_OR_RETURN(const std::vector<DirEntry> entries, ListDir(own.get()));
  for (const DirEntry& entry : entries) {
    const std::string top = fmt::format("{}/{}/", catalog.PathOf(name), entry.name);
    const bool is_used = std::any_of(used.begin(), used.end(), [&](const std::string& path) { return path.starts_with(top); });
    if (entry.name.starts_with(kBuild) && !is_used) found.push_back(entry.name);
  }
  return found;
}

Result<void> RemoveBuild(const Catalog& catalog, const std::string& name, const std::string& build) {
  FH_ASSIGN_OR_RETURN(const Fd own, catalog.OpenOwnDir(name));
  auto removed = RemoveTree(own.get(), build);
  return removed ? Result<void>() : Result<void>(std::move(removed).error());
}

std::string BuildLogPath(const std::string& state_dir, const std::string& name) { return fmt::format("{}/runtimes/.logs/{}.log", state_dir, name); }

Result<int64_t> TakeOwnCopies(const std::string& prefix) {
  FH_ASSIGN_OR_RETURN(const Fd top, OpenDir(kHere, prefix));
  CopyTaker taker;
  FH_TRY(WalkTree(top.get(), WalkOrder::kAny, taker));
  return taker.taken();
}

}  // namespace fumehood
