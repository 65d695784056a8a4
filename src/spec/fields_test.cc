#include "src/spec/fields.h"

#include <set>

#include "src/base/text.h"
#include "src/spec/import.h"
#include "src/spec/limits.h"
#include "src/spec/names.h"
#include "src/spec/schema.h"
#include "src/spec/test_spec.h"

namespace fumehood {
namespace {

TEST(SpecFields, SayEverythingAboutEachField) {
  std::set<std::string_view> names;
  for (const FieldInfo& field : SpecFields()) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
    EXPECT_FALSE(field.meaning.empty()) << field.name;
    EXPECT_NE(field.default_value.empty(), field.default_words.empty()) << field.name << ": one of the two says the default";
    EXPECT_EQ(field.shape == Shape::kChoice, !field.choices.empty()) << field.name;
    EXPECT_FALSE(TypeText(field).empty()) << field.name;
  }
}

TEST(SpecFields, AgreeWithTheNamesThatAreParsed) {
  for (const std::string& word : SplitWords(FindSpecField("inputs[].mode")->choices)) EXPECT_TRUE(ParseInputMode(word)) << word;
  for (const std::string& word : SplitWords(FindSpecField("databases[].mode")->choices)) EXPECT_TRUE(ParseDatabaseMode(word)) << word;
  EXPECT_EQ(FindSpecField("allow_weaker")->allowed, Join({std::begin(kHoodLayers), std::end(kHoodLayers)}, ", "));
  for (const char* name : kExecutorNames) EXPECT_NE(FindSpecField("executor")->allowed.find(name), std::string_view::npos) << name;
  for (const LimitField& field : kLimitFields) EXPECT_NE(FindSpecField(field.name), nullptr) << field.name;
}

TEST(SpecFields, TextAndMarkdownHoldEveryField) {
  const std::string text = FieldsAsText();
  const std::string markdown = FieldsAsMarkdown();
  for (const FieldInfo& field : SpecFields()) {
    EXPECT_NE(text.find(std::string(field.name) + "  ("), std::string::npos) << field.name;
    EXPECT_NE(markdown.find("| `" + std::string(field.name) + "` |"), std::string::npos) << field.name;
  }
  EXPECT_EQ(markdown.find("<NAME>"), std::string::npos) << "would be taken for HTML";
  EXPECT_NE(text.find("allowed: 0.01 to 4096"), std::string::npos);
}

TEST(SpecJsonSchema, IsJsonAndHoldsEveryField) {
  ProblemList problems;
  const auto schema = ImportDocument(SpecJsonSchema(), Format::kJson, problems);
  ASSERT_TRUE(schema) << AllTexts(problems.Take());
  const Node* properties = FindEntry(*schema, "properties");
  ASSERT_NE(properties, nullptr);
  std::vector<std::string> names;
  for (const Node& property : properties->items) names.push_back(property.key);
  EXPECT_EQ(names, TopLevelFieldNames());
  const Node* items = FindEntry(*FindEntry(*properties, "inputs"), "items");
  ASSERT_NE(items, nullptr);
  EXPECT_EQ(FindEntry(*items, "properties")->items.size(), 3U);
  EXPECT_EQ(FindEntry(*items, "required")->items.size(), 1U);
  EXPECT_EQ(FindEntry(*FindEntry(*properties, "pids_limit"), "maximum")->integer, kHighestLimits.pids_limit);
}

}  // namespace
}  // namespace fumehood
