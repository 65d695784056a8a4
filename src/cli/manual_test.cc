#include "src/cli/manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/cli/command.h"
#include "src/cli/completion.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Manual, IsTheOneInDocs) {
  const auto kept = ReadFile(kHere, FH_DOCS "/cli.md");
  ASSERT_TRUE(kept) << kept.error().message();
  EXPECT_EQ(*kept, ManualMarkdown()) << "write it anew: fumehood manual > docs/cli.md";
}

TEST(Manual, HasEveryCommandThatIsNotHidden) {
  for (const Command& command : AllCommands()) {
    const std::string title = "\n## " + command.name + "\n";
    if (command.hidden) {
      EXPECT_THAT(ManualMarkdown(), Not(HasSubstr(title)));
    } else {
      EXPECT_THAT(ManualMarkdown(), HasSubstr(title));
      std::string in_roff = command.name;  // where a hyphen that is no minus is written \-
      for (size_t at = 0; (at = in_roff.find('-', at)) != std::string::npos; at += 2) in_roff.insert(at, "\\");
      EXPECT_THAT(ManualPage(), HasSubstr(".SS " + in_roff + "\n"));
    }
  }
}

TEST(Completion, KnowsEveryCommandInEveryShell) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    for (const Command& command : AllCommands()) {
      if (command.hidden) continue;
      EXPECT_THAT(CompletionScript(shell), HasSubstr(command.name)) << shell;
    }
  }
  EXPECT_EQ(CompletionScript("csh"), "");
}

}  // namespace
}  // namespace fumehood
