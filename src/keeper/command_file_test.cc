#include "src/keeper/command_file.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "src/base/ulid.h"

namespace fumehood {
namespace {

namespace fs = std::filesystem;

class LookAtCommandTest : public testing::Test {
 protected:
  LookAtCommandTest() : dir_(fs::path(testing::TempDir()) / ("command-" + NewRunId())) { fs::create_directories(dir_ / "folder"); }
  ~LookAtCommandTest() override { fs::remove_all(dir_); }
  std::string InterpreterOf(const std::string& text) const {
    std::ofstream(dir_ / "script") << text;
    return LookAtCommand(dir_, "./script").interpreter;
  }
  fs::path dir_;
};

TEST_F(LookAtCommandTest, ReadsTheInterpreterAsTheKernelDoes) {
  EXPECT_EQ(InterpreterOf("#!/bin/nosuch\nrest"), "/bin/nosuch");
  EXPECT_EQ(InterpreterOf("#! \t/usr/bin/env python3\n"), "/usr/bin/env");
  EXPECT_EQ(InterpreterOf("#!/bin/bash\r\n"), "/bin/bash\r");
  EXPECT_EQ(InterpreterOf("#!/bin/bash"), "/bin/bash");
  for (const char* none : {"", "#", "#!", "#!\n", "#! \n", "print(1)\n#!/bin/sh\n"}) EXPECT_EQ(InterpreterOf(none), "") << none;
}

TEST_F(LookAtCommandTest, TellsAFileFromADirectoryAndFromNothing) {
  EXPECT_TRUE(LookAtCommand(dir_, "./folder").is_directory);
  EXPECT_TRUE(LookAtCommand("/", dir_.string()).is_directory);
  EXPECT_FALSE(LookAtCommand(dir_, "./nothing").is_file);
  EXPECT_FALSE(LookAtCommand(dir_, "folder").is_directory);  // a bare name is looked up on PATH
  EXPECT_FALSE(LookAtCommand("/dev", "./null").is_file);
}

}  // namespace
}  // namespace fumehood
