#include "src/record/glob.h"

#include <fnmatch.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace fumehood {
namespace {

bool Matches(const std::string& pattern, const std::string& path) { return Glob(pattern).Matches(path); }

TEST(Glob, KeepsAStarWithinOneComponent) {
  EXPECT_TRUE(Matches("*.csv", "a.csv"));
  EXPECT_TRUE(Matches("*.csv", ".csv"));
  EXPECT_FALSE(Matches("*.csv", "results/a.csv"));
  EXPECT_TRUE(Matches("results/*.csv", "results/a.csv"));
  EXPECT_FALSE(Matches("results/*.csv", "results/b/a.csv"));
}

TEST(Glob, LetsTwoStarsCrossDirectories) {
  EXPECT_TRUE(Matches("**", "a/b/c"));
  EXPECT_TRUE(Matches("**/*.csv", "a.csv"));
  EXPECT_TRUE(Matches("**/*.csv", "x/y/a.csv"));
  EXPECT_TRUE(Matches("x/**/a", "x/a"));
  EXPECT_TRUE(Matches("x/**/a", "x/y/z/a"));
  EXPECT_FALSE(Matches("**/b", "ab"));
  EXPECT_FALSE(Matches("x/**/a", "xa"));
  EXPECT_TRUE(Matches("a**b", "a/x/b"));
}

TEST(Glob, TakesADirectoryForAllInIt) {
  EXPECT_TRUE(Matches("results", "results/a/b"));
  EXPECT_TRUE(Matches("results/", "results/a/b"));
  EXPECT_TRUE(Matches("./results", "results"));
  EXPECT_FALSE(Matches("results", "results2/a"));
  EXPECT_FALSE(Matches("results/a", "results"));
}

TEST(Glob, KnowsSetsAndEscapes) {
  EXPECT_TRUE(Matches("[a-c]x[!0-9]", "bxz"));
  EXPECT_FALSE(Matches("[a-c]x[!0-9]", "bx5"));
  EXPECT_FALSE(Matches("a[!b]c", "a/c"));
  EXPECT_TRUE(Matches("[]]", "]"));
  EXPECT_TRUE(Matches("[", "["));
  EXPECT_TRUE(Matches("\\*", "*"));
  EXPECT_FALSE(Matches("\\*", "a"));
  EXPECT_TRUE(Matches("?", "\n"));
  EXPECT_TRUE(Matches("a\nb", "a\nb"));
}

TEST(Glob, TellsALiteralName) {
  EXPECT_TRUE(Glob("./a/b.csv").is_literal());
  EXPECT_EQ(Glob("./a//b.csv").literal(), "a/b.csv");
  EXPECT_EQ(Glob("a\\*").literal(), "a*");
  EXPECT_FALSE(Glob("a/*.csv").is_literal());
  EXPECT_FALSE(Glob("a?").is_literal());
}

TEST(Glob, NeverMatchesAnAbsolutePathOrTheEmptyOne) {
  EXPECT_FALSE(Matches("", ""));
  EXPECT_FALSE(Matches("*", ""));
  EXPECT_FALSE(Matches("", "a"));
}

// The textbook definition, exponential and plain.
bool Oracle(std::string_view pattern, std::string_view path) {
  if (pattern.empty()) return path.empty() || path.front() == '/';
  if (pattern.starts_with("**")) {
    pattern.remove_prefix(2);
    for (size_t i = 0; i <= path.size(); ++i) {
      if (Oracle(pattern, path.substr(i))) return true;
    }
    return false;
  }
  if (pattern.front() == '*') {
    for (size_t i = 0; i <= path.size(); ++i) {
      if (Oracle(pattern.substr(1), path.substr(i))) return true;
      if (i < path.size() && path[i] == '/') return false;
    }
    return false;
  }
  if (path.empty()) return false;
  const bool one = pattern.front() == '?' ? path.front() != '/' : pattern.front() == path.front();
  return one && Oracle(pattern.substr(1), path.substr(1));
}

RC_GTEST_PROP(Glob, AgreesWithTheTextbook, ()) {
  // Short, as the oracle is what it is.
  const auto length = [] { return *rc::gen::inRange<size_t>(1, 12); };
  const auto pattern = *rc::gen::container<std::string>(length(), rc::gen::elementOf(std::string("ab*?")));
  const auto path = *rc::gen::container<std::string>(length(), rc::gen::elementOf(std::string("ab/")));
  RC_ASSERT(Matches(pattern, path) == Oracle(pattern, path));
}

RC_GTEST_PROP(Glob, AgreesWithFnmatchWithinAComponent, ()) {
  const auto pattern = *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(std::string("abc*?"))));
  const auto path = *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(std::string("abc"))));
  RC_ASSERT(Matches(pattern, path) == (fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0));
}

// A backtracking matcher would not return from this one in a lifetime.
TEST(Glob, TakesHostilePatternsInItsStride) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "*a**/";
  EXPECT_FALSE(Matches(pattern + "b", std::string(4000, 'a')));
}

}  // namespace
}  // namespace fumehood
