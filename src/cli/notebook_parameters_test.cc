#include "src/cli/notebook_parameters.h"

#include <gmock/gmock.h>

#include "src/record/test_dir.h"

namespace fumehood {
namespace {

using ::testing::HasSubstr;

std::string Json(const std::vector<std::string>& given) { return ReadNotebookParameters("", given).json; }

TEST(NotebookParameters, HaveTheTypesOfYaml) {
  EXPECT_EQ(Json({"a=1", "b=0.5", "c=true", "d=null", "e=text", "f=[1, x]", "g={k: 2}", "h='12'", "i=None"}),
            R"({"a":1,"b":0.5,"c":true,"d":null,"e":"text","f":[1,"x"],"g":{"k":2},"h":"12","i":null})");
}

TEST(NotebookParameters, AreTextWhereAShellsUserWouldMeanText) {
  EXPECT_EQ(Json({"a=*.tsv", "b=x: y", "c=", "d=a=b", "e=# no comment", "f=yes"}),
            R"({"a":"*.tsv","b":"x: y","c":"","d":"a=b","e":"# no comment","f":"yes"})");
}

TEST(NotebookParameters, TellWholeNumbersFromOthers) {
  EXPECT_EQ(Json({"a=1", "b=1.0", "c=1e3", "d=-2.50", "e=1e300"}), R"({"a":1,"b":1.0,"c":1000.0,"d":-2.5,"e":1e+300})");
}

TEST(NotebookParameters, KeepNumbersThatAreNotFinite) { EXPECT_EQ(Json({"a=.nan", "b=.inf", "c=-.inf"}), R"({"a":NaN,"b":Infinity,"c":-Infinity})"); }

TEST(NotebookParameters, OfTheCommandLineGoBeforeThoseOfAFile) {
  const TestDir dir;
  dir.Put("p.yaml", "a: 1\nb: [x]\n");
  EXPECT_EQ(ReadNotebookParameters(dir.At("p.yaml"), {"a=2"}).json, R"({"b":["x"],"a":2})");
}

TEST(NotebookParameters, TellAllThatIsWrong) {
  const auto parameters = ReadNotebookParameters("", {"alpha", "1a=2", "b=[1", "=3"});
  ASSERT_EQ(parameters.problems.size(), 4U);
  EXPECT_THAT(parameters.problems[0].message, HasSubstr("NAME=VALUE"));
  EXPECT_THAT(parameters.problems[1].message, HasSubstr("'1a' is no name"));
  EXPECT_THAT(parameters.problems[2].message, HasSubstr("b: "));
  EXPECT_THAT(parameters.problems[3].message, HasSubstr("no name"));
}

TEST(NotebookParameters, OfAFileNeedNames) {
  const TestDir dir;
  dir.Put("list.json", "[1]");
  dir.Put("names.yaml", "good: 1\nnot good: 2\n");
  EXPECT_THAT(ReadNotebookParameters(dir.At("list.json"), {}).problems.at(0).message, HasSubstr("a list"));
  const auto problems = ReadNotebookParameters(dir.At("names.yaml"), {}).problems;
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].line, 2);
  EXPECT_THAT(ReadNotebookParameters(dir.At("none.yaml"), {}).problems.at(0).message, HasSubstr("none.yaml"));
  EXPECT_THAT(ReadNotebookParameters(dir.At("x.csv"), {}).problems.at(0).message, HasSubstr("no file of parameters"));
}

}  // namespace
}  // namespace fumehood
