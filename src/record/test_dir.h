// For tests: a temporary directory, and short ways to fill it and look into it.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "src/base/ulid.h"
#include "src/record/run_dir.h"
#include "src/sys/file.h"

namespace fumehood {

class TestDir {
 public:
  TestDir() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base == nullptr ? "/tmp" : base) + "/fumehood-record-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) std::abort();
    fd_ = OpenDir(kHere, path_).value();
  }
  TestDir(const TestDir&) = delete;
  TestDir& operator=(const TestDir&) = delete;
  ~TestDir() {
    const auto above = OpenDir(fd_.get(), "..");  // an absolute path is none that RemoveTree takes
    if (above) (void)RemoveTree(above->get(), path_.substr(path_.rfind('/') + 1));
  }

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  std::string At(const std::string& name) const { return path_ + "/" + name; }

  void Put(const std::string& name, std::string_view text, mode_t mode = 0644) const {
    const auto fd = OpenAt(fd_.get(), name, O_WRONLY | O_CREAT | O_TRUNC, mode);
    ASSERT_TRUE(fd) << fd.error().message();
    ASSERT_TRUE(WriteAll(fd->get(), text));
    ASSERT_EQ(fchmod(fd->get(), mode), 0);
  }
  void Dir(const std::string& name, mode_t mode = 0755) const {
    ASSERT_EQ(mkdirat(fd_.get(), name.c_str(), mode), 0) << name;
    ASSERT_EQ(fchmodat(fd_.get(), name.c_str(), mode, 0), 0);
  }
  void Link(const std::string& name, const std::string& target) const {
    ASSERT_EQ(symlinkat(target.c_str(), fd_.get(), name.c_str()), 0) << name;
  }
  void Fifo(const std::string& name) const { ASSERT_EQ(mkfifoat(fd_.get(), name.c_str(), 0666), 0) << name; }
  // Any user may make this one device (it stands for "deleted" in an overlay).
  void Whiteout(const std::string& name) const {
    ASSERT_EQ(mknodat(fd_.get(), name.c_str(), S_IFCHR | 0600, 0), 0) << name;
  }
  std::string Get(const std::string& name) const {
    auto text = ReadFile(fd_.get(), name, size_t{1} << 30);
    return text ? *text : "<" + text.error().message() + ">";
  }
  bool Has(const std::string& name) const { return FindStat(fd_.get(), name, false).value().has_value(); }
  uint32_t ModeOf(const std::string& name) const { return FindStat(fd_.get(), name, false).value()->st_mode & 07777U; }

 private:
  std::string path_;
  Fd fd_;
};

// A run as a launch leaves it, but for its records.
inline Result<RunDir> MakeRun(const std::string& state_dir, const RunId& id) {
  FH_ASSIGN_OR_RETURN(RunDir run, CreateStagedRun(state_dir, NewRunId()));
  FH_TRY(PublishRun(state_dir, id, run));
  return run;
}

inline Result<AttemptDir> MakeAttempt(const RunDir& run, int number) {
  FH_ASSIGN_OR_RETURN(AttemptDir attempt, CreateAttemptDir(run, number));
  FH_TRY(FurnishAttempt(run, attempt));
  return attempt;
}

}  // namespace fumehood
