#include "src/hood/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "src/hood/seccomp_walled_child.h"

namespace fumehood {
namespace {

namespace fs = std::filesystem;

// Two directories that an ordinary user may write as far as their modes say.
class Landlock : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "landlock-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    top_ = pattern;
    for (const fs::path& directory : {top_, Inside(""), Outside("")}) {
      fs::create_directories(directory);
      fs::permissions(directory, fs::perms::all);
    }
    for (const fs::path& file : {Inside("file"), Outside("file")}) {
      std::ofstream(file) << "text";
      fs::permissions(file, fs::perms::all);
    }
    // The ordinary user must reach it: a directory above may be closed to others.
    const fs::path file = Outside("file");
    if (InChild([&file] { return access(file.c_str(), W_OK); }).exit_code != 0)
      GTEST_SKIP() << "needs opentmp: " << top_ << " lies in a directory that others may not enter";
  }
  void TearDown() override { fs::remove_all(top_); }

  fs::path Inside(const std::string& name) const { return top_ / "inside" / name; }
  fs::path Outside(const std::string& name) const { return top_ / "outside" / name; }

 private:
  fs::path top_;
};

int ErrorOf(int result) { return result < 0 ? errno : 0; }

int ErrorOfOpen(const fs::path& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  (void)close(fd);  // the question was whether it opens
  return 0;
}

#define NEEDS_LANDLOCK() \
  if (LandlockAbi() < kLowestLandlockAbi) GTEST_SKIP() << "needs landlock: this kernel offers version " << LandlockAbi()

TEST_F(Landlock, LetsWriteInsideAndNowhereElse) {
  NEEDS_LANDLOCK();
  // Each version that this kernel can be: newer ones take older rule sets.
  for (int abi = kLowestLandlockAbi; abi <= LandlockAbi(); ++abi) {
    const ChildEnd end = InChild([this, abi] {
      if (ApplyLandlock(abi, Inside("").c_str()) != 0) return 1;
      if (ErrorOfOpen(Outside("file"), O_RDONLY) != 0) return 2;
      if (ErrorOfOpen(Outside("file"), O_WRONLY) != EACCES) return 3;
      if (ErrorOfOpen(Outside("new"), O_WRONLY | O_CREAT) != EACCES) return 4;
      if (ErrorOf(unlink(Outside("file").c_str())) != EACCES) return 5;
      if (ErrorOf(mkdir(Outside("new").c_str(), 0700)) != EACCES) return 6;
      if (ErrorOf(rename(Inside("file").c_str(), Outside("file").c_str())) == 0) return 7;
      if (ErrorOf(link(Outside("file").c_str(), Inside("link").c_str())) == 0) return 8;
      if (abi >= 3 && ErrorOf(truncate(Outside("file").c_str(), 0)) != EACCES) return 9;
      if (ErrorOfOpen(Inside("file"), O_RDWR | O_TRUNC) != 0) return 10;
      if (ErrorOf(mkdir(Inside("sub").c_str(), 0700)) != 0) return 11;
      if (ErrorOf(rename(Inside("file").c_str(), Inside("sub/file").c_str())) != 0) return 12;
      if (ErrorOf(mkfifo(Inside("fifo").c_str(), 0600)) != 0) return 13;
      if (ErrorOf(unlink(Inside("fifo").c_str())) != 0) return 14;
      if (ErrorOf(rename(Inside("sub/file").c_str(), Inside("file").c_str())) != 0) return 15;
      if (ErrorOf(rmdir(Inside("sub").c_str())) != 0) return 16;
      return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 17;
    });
    EXPECT_EQ(end.exit_code, 0) << "version " << abi;
    EXPECT_TRUE(fs::exists(Outside("file")));
    EXPECT_EQ(fs::file_size(Outside("file")), 4U);
    EXPECT_FALSE(fs::exists(Outside("new")));
  }
}

TEST_F(Landlock, TakesFilesAndSeveralPlacesAndPassesOverWhatIsNotThere) {
  NEEDS_LANDLOCK();
  const std::string places =
      Outside("file").string() + "\n" + Inside("not there").string() + "\n/dev\n" + Inside("").string() + "\n";
  const ChildEnd end = InChild([this, &places] {
    if (ApplyLandlockLines(places.c_str()) != 0) return 1;
    if (ErrorOfOpen(Outside("file"), O_WRONLY | O_TRUNC) != 0) return 2;
    if (ErrorOfOpen(Outside("new"), O_WRONLY | O_CREAT) != EACCES) return 3;
    if (ErrorOfOpen("/dev/null", O_WRONLY) != 0) return 4;
    return ErrorOfOpen(Inside("new"), O_WRONLY | O_CREAT);
  });
  EXPECT_EQ(end.exit_code, 0);
}

TEST_F(Landlock, HoldsForProgramsStartedBehindIt) {
  NEEDS_LANDLOCK();
  const ChildEnd end = InChild([this] {
    if (ApplyLandlockLines(Inside("").c_str()) != 0) return 1;
    return Become({"/bin/sh", "-c", "cat \"$1\" && echo changed > \"$2\" && ! echo changed > \"$1\"", "sh",
                   Outside("file").string(), Inside("file").string()});
  });
  EXPECT_EQ(end.exit_code, 0) << end.output;
}

TEST_F(Landlock, KeepsSignalsInside) {
  if (LandlockAbi() < 6) GTEST_SKIP() << "needs landlock: this kernel cannot scope signals";
  const ChildEnd end = InChild([this] {
    int alive[2];
    if (pipe(alive) != 0) return 3;
    // Same user, so that nothing else forbids the signal. Each ends with this process at the latest.
    const auto fork_waiting = [&alive] {
      const pid_t child = fork();
      if (child != 0) return child;
      char byte;
      (void)close(alive[1]);  // the reader must not keep the pipe open
      _exit(read(alive[0], &byte, 1) == 0 ? 0 : 1);
    };
    const pid_t outside = fork_waiting();
    const int error = ErrorOf(kill(outside, 0));
    const int applied = ApplyLandlockLines(Inside("").c_str());
    const int error_behind = ErrorOf(kill(outside, SIGKILL));
    const pid_t inside = fork_waiting();
    const int error_inside = ErrorOf(kill(inside, SIGKILL));
    if (error != 0 || applied != 0 || error_inside != 0) return 1;
    return error_behind == EPERM ? 0 : 2;
  });
  EXPECT_EQ(end.exit_code, 0);
}

TEST_F(Landlock, RefusesARelativePlace) {
  NEEDS_LANDLOCK();
  EXPECT_EQ(InChild([] { return ApplyLandlockLines("tmp"); }).exit_code, EINVAL);
  EXPECT_EQ(InChild([] { return ApplyLandlockLines("/tmp\n\n/dev"); }).exit_code, EINVAL);
}

TEST_F(Landlock, DoesNothingOnAKernelWithoutIt) {
  for (const int abi : {0, 1}) {
    const ChildEnd end = InChild([this, abi] {
      if (ApplyLandlock(abi, Inside("").c_str()) != 0) return 1;
      return ErrorOfOpen(Outside("file"), O_WRONLY);
    });
    EXPECT_EQ(end.exit_code, 0) << "version " << abi;
  }
}

TEST(LandlockRights, AreThoseThatEachVersionKnows) {
  struct {
    int abi;
    uint64_t files;
    uint64_t scopes;
  } const versions[] = {{0, 0, 0},      {1, 0, 0},      {2, 0x3fff, 0}, {3, 0x7fff, 0}, {4, 0x7fff, 0},
                        {5, 0xffff, 0}, {6, 0xffff, 3}, {7, 0xffff, 3}, {8, 0xffff, 3}};
  for (const auto& version : versions) {
    EXPECT_EQ(LandlockFileRights(version.abi), version.files) << version.abi;
    EXPECT_EQ(LandlockScopes(version.abi), version.scopes) << version.abi;
    EXPECT_EQ(LandlockReadRights(version.abi) & ~LandlockWriteRights(version.abi), 0U) << version.abi;
    EXPECT_EQ(LandlockWriteRights(version.abi) & (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK), 0U)
        << version.abi;
  }
  EXPECT_EQ(LandlockReadRights(7),
            uint64_t{LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR});
}

}  // namespace
}  // namespace fumehood
