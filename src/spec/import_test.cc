#include "src/spec/import.h"

#include "src/spec/test_spec.h"
#include "src/spec/toml_guard.h"
#include "src/spec/yaml_scalar.h"

namespace fumehood {
namespace {

using Kind = Node::Kind;

Kind KindOf(const std::string& plain) { return TypeYamlScalar("?", plain)->kind; }

TEST(YamlScalar, FollowsTheCoreSchema) {
  for (const char* text : {"", "~", "null", "Null", "NULL"}) EXPECT_EQ(KindOf(text), Kind::kNull) << text;
  for (const char* text : {"true", "True", "FALSE"}) EXPECT_EQ(KindOf(text), Kind::kBool) << text;
  for (const char* text : {"0", "-1", "+12", "0o17", "0x1F", "007", "9223372036854775807"}) EXPECT_EQ(KindOf(text), Kind::kInt) << text;
  for (const char* text : {"1.", ".5", "-1.5e+3", "1e5", "+.inf", "-.INF", ".nan", "9223372036854775808", "1e999"}) EXPECT_EQ(KindOf(text), Kind::kDouble) << text;
  for (const char* text : {"yes", "no", "on", "off", "nULL", "0o8", "0x", "0x-1", "-", "+", ".", "1e", "1_000", "1:30", "e5", "..5", "+0x1", "1 2",
                           "0o", "-.nan", "inf", "- 1"}) {
    EXPECT_EQ(KindOf(text), Kind::kString) << text;
  }
  EXPECT_EQ(TypeYamlScalar("?", "007")->integer, 7);
  EXPECT_EQ(TypeYamlScalar("?", "0o17")->integer, 15);
  EXPECT_EQ(TypeYamlScalar("?", "-1.5e+3")->real, -1500);
}

TEST(YamlScalar, QuotesAndTagsDecide) {
  EXPECT_EQ(TypeYamlScalar("!", "12")->kind, Kind::kString);
  EXPECT_EQ(TypeYamlScalar("tag:yaml.org,2002:str", "12")->kind, Kind::kString);
  EXPECT_EQ(TypeYamlScalar("tag:yaml.org,2002:int", "12")->kind, Kind::kInt);
  EXPECT_FALSE(TypeYamlScalar("tag:yaml.org,2002:int", "twelve"));
  EXPECT_FALSE(TypeYamlScalar("!python/object", "x"));
}

TEST(TomlGuard, CountsOnlyTheDotsOfOneKey) {
  const auto deep_line = [](const std::string& text) {
    const auto hazard = FindTomlHazard(text);
    return hazard && hazard->kind == TomlHazard::Kind::kDeepKey ? hazard->line : 0;
  };
  std::string dots;
  for (int i = 0; i < 100; ++i) dots += "a.";
  EXPECT_EQ(deep_line("x = 1\n" + dots + "a = 1"), 2);
  EXPECT_EQ(deep_line("[" + dots + "a]"), 1);
  EXPECT_EQ(deep_line("x = {" + dots + "a = 1}"), 1);
  EXPECT_EQ(deep_line("\"\".'\"'." + dots + "a = 1"), 1);
  for (const std::string& harmless :
       {"# " + dots, "x = \"" + dots + "\"", "x = '" + dots + "'", "x = \"\"\"\n" + dots + "\n\"\"\"", "x = '''\n'" + dots + "'''",
        "x = \"\\\"" + dots + "\"", "x = [1.0, 2.0, " + std::string("3.0, ") + "4.0]", "x = \"\"\"" + dots + "\"\"\"\"\"\n"}) {
    EXPECT_EQ(deep_line(harmless), 0) << harmless;
  }
}

TEST(TomlGuard, FindsLettersBeyondAsciiOutsideOfQuotes) {
  for (const char* bad : {"\xC3\x9F" "e = 1", "x = \xC3\x9F", "x = 'a' \xC3\x9F", "[\xC3\x9F]", "x = ''\xC3\x9F"}) {
    EXPECT_TRUE(FindTomlHazard(bad)) << bad;
  }
  for (const char* good : {"'\xC3\x9F' = \"\xC3\x9F\" # \xC3\x9F", "x = \"\"\"\n\xC3\x9F\"\"\""}) EXPECT_FALSE(FindTomlHazard(good)) << good;
}

TEST(Import, KnowsThePlaceOfEachValue) {
  const auto place = [](std::string_view text, Format format, std::string_view path) {
    ProblemList problems;
    const auto node = ImportDocument(text, format, problems);
    if (!node) return std::string("unreadable");
    const Node* found = FindByPath(*node, path);
    return std::to_string(found->line) + ":" + std::to_string(found->column);
  };
  const char* json = "{\n  \"a\": [\"\\\"x\\\\\", {\"b\": 12,\n \"\xC3\xA9\": null, \"c\": [[], {}, true]}]\n}";
  EXPECT_EQ(place(json, Format::kJson, "a"), "2:8");
  EXPECT_EQ(place(json, Format::kJson, "a[0]"), "2:9");
  EXPECT_EQ(place(json, Format::kJson, "a[1].b"), "2:24");
  EXPECT_EQ(place(json, Format::kJson, "a[1]['\xC3\xA9']"), "3:7");
  EXPECT_EQ(place(json, Format::kJson, "a[1].c[2]"), "3:27");
  EXPECT_EQ(place("a:\n  - x\n  - b: 1\n", Format::kYaml, "a[1].b"), "3:8");
  EXPECT_EQ(place("[a]\nb = [\n 1,\n 2]\n", Format::kToml, "a.b[1]"), "4:2");
  EXPECT_EQ(place("a: 1", Format::kYaml, "a.missing[3]"), "1:4") << "the nearest that is there";
}

TEST(Import, NumbersAreExactInEachFormat) {
  for (const auto& [text, format] : {std::pair("{\"x\": 0.9990259271261063}", Format::kJson), std::pair("x: 0.9990259271261063", Format::kYaml),
                                     std::pair("x = 0.9990259271261063", Format::kToml)}) {
    ProblemList problems;
    const auto node = ImportDocument(text, format, problems);
    ASSERT_TRUE(node);
    EXPECT_EQ(node->items[0].real, 0.9990259271261063);
  }
}

TEST(Import, TomlNumbersWithoutTheirTextAreNotTakenForText) {
  ProblemList problems;
  const auto node = ImportDocument("x = 1.10", Format::kToml, problems);
  ASSERT_TRUE(node);
  EXPECT_EQ(node->items[0].text, "");
}

}  // namespace
}  // namespace fumehood
