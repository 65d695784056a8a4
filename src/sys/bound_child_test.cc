#include "src/sys/bound_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

Result<int> Shell(const std::string& script, int output) {
  return RunBound({.path = "/bin/sh", .argv = {"sh", "-c", script}, .env = {"PATH=/usr/bin:/bin", "WORD=hello"}, .cwd = "/", .output_fd = output});
}

TEST(BoundChild, GivesItsOutputsAndItsExitCode) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  EXPECT_EQ(Shell("echo $WORD; pwd >&2; read -r line; exit 7", pipe->write.get()).value(), 7);
  EXPECT_EQ(Shell("kill -9 $$", pipe->write.get()).value(), 128 + SIGKILL);
  pipe->write.Reset();
  EXPECT_EQ(ReadFd(pipe->read.get(), 4096).value(), "hello\n/\n");
}

TEST(BoundChild, WhatCannotBeStartedIsAnError) {
  const auto code = RunBound({.path = "/nosuch", .argv = {"nosuch"}, .env = {}, .cwd = "/", .output_fd = 1});
  ASSERT_FALSE(code);
  EXPECT_THAT(code.error().message(), testing::HasSubstr("/nosuch"));
}

TEST(BoundChild, WhatItLeavesBehindEndsWithIt) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  EXPECT_EQ(Shell("sleep 1000 & echo started", pipe->write.get()).value(), 0);
  pipe->write.Reset();
  EXPECT_EQ(ReadFd(pipe->read.get(), 4096).value(), "started\n") << "reads to the end: nobody has the pipe any more";
}

TEST(BoundChild, NothingOfOursIsOpenInItOrItsWatcher) {
  auto pipe = MakePipe();
  auto held = MakePipe();
  ASSERT_TRUE(pipe && held);
  EXPECT_EQ(Shell("ls /proc/$$/fd; echo /; ls /proc/$PPID/fd", pipe->write.get()).value(), 0);
  pipe->write.Reset();
  EXPECT_EQ(ReadFd(pipe->read.get(), 4096).value(), "0\n1\n2\n/\n0\n1\n2\n");
}

TEST(BoundChild, ItAndWhatItStartedEndWithUsThoughWeAreKilled) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  const pid_t us = fork();
  ASSERT_GE(us, 0);
  if (us == 0) {
    pipe->read.Reset();
    (void)Shell("sleep 1000 & echo started; sleep 1000", pipe->write.get());
    _exit(0);
  }
  pipe->write.Reset();
  char started[8] = {};
  ASSERT_EQ(read(pipe->read.get(), started, sizeof started), 8);
  kill(us, SIGKILL);
  Reap(us);
  EXPECT_EQ(ReadFd(pipe->read.get(), 4096).value(), "") << "the end of the pipe: both sleepers have gone";
}

}  // namespace
}  // namespace fumehood
