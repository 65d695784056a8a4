#include "src/spec/parse.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "src/spec/fields.h"
#include "src/spec/problem_list.h"
#include "src/spec/codec.h"
#include "src/spec/test_spec.h"

namespace fumehood {
namespace {

namespace fs = std::filesystem;

std::string Slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string ProblemsOf(const Result<AnalysisSpec>& result) {
  if (result) return "no problem\n";
  std::string text = result.error().problems().empty() ? result.error().message() + "\n" : "";
  for (const Problem& problem : result.error().problems()) text += ProblemText(problem) + "\n";
  return text;
}

std::string CheckText(std::string_view text, Format format) { return ProblemsOf(CheckSpec(text, format, "", TestConfig())); }

class TempDir {
 public:
  TempDir() {
    std::string pattern = (fs::temp_directory_path() / "fumehood-spec-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

TEST(ParseSpec, ReadsTheSameFromAllThreeFormats) {
  const fs::path good = fs::path(FH_TESTDATA) / "good";
  const auto yaml = ReadSpecFile(good / "full.yaml");
  const auto json = ReadSpecFile(good / "full.json");
  const auto toml = ReadSpecFile(good / "full.toml");
  ASSERT_TRUE(yaml) << ProblemsOf(yaml);
  ASSERT_TRUE(json) << ProblemsOf(json);
  ASSERT_TRUE(toml) << ProblemsOf(toml);
  EXPECT_EQ(*yaml, *json);
  EXPECT_EQ(*yaml, *toml);
  EXPECT_EQ(yaml->command, (std::vector<std::string>{"python3", "analyse.py", "--alpha", "0.50", "--seed", "007", "--fast", "true"}));
  EXPECT_EQ(std::get<std::string>(yaml->env.at("NORWAY")), "no");
  EXPECT_EQ(std::get<SecretRef>(yaml->env.at("TOKEN")).name, "LAB_TOKEN");
}

// The full file sets each field to something other than its default, so each must come out of the printer again.
TEST(ParseSpec, ReaderAndPrinterKnowEveryFieldOfTheTable) {
  const auto spec = ReadSpecFile(fs::path(FH_TESTDATA) / "good" / "full.yaml");
  ASSERT_TRUE(spec);
  std::vector<std::string> printed;
  for (const Node& entry : EncodeSpec(*spec).items) printed.push_back(entry.key);
  EXPECT_EQ(printed, TopLevelFieldNames());
}

TEST(ParseSpec, FindsEveryProblemOfTheBadFiles) {
  for (const auto& entry : fs::directory_iterator(fs::path(FH_TESTDATA) / "bad")) {
    if (entry.path().extension() == ".expected") continue;
    const std::string name = entry.path().filename().string();
    const auto format = FormatOfPath(name);
    ASSERT_TRUE(format);
    const std::string found = ProblemsOf(CheckSpec(Slurp(entry.path()), *format, name, TestConfig()));
    // FUMEHOOD_TEST_REGENERATE=1 writes the files anew; the difference is then for a person to judge.
    if (getenv("FUMEHOOD_TEST_REGENERATE") != nullptr) std::ofstream(entry.path().string() + ".expected") << found;
    EXPECT_EQ(found, Slurp(entry.path().string() + ".expected")) << name;
  }
}

TEST(ParseSpec, AStringIsAScriptForBash) {
  const auto spec = ReadSpecFile(fs::path(FH_TESTDATA) / "good" / "smallest.yaml");
  ASSERT_TRUE(spec);
  EXPECT_TRUE(spec->command_is_script);
  EXPECT_EQ(spec->command, std::vector<std::string>{"wc -l *.csv > counts.txt"});
}

TEST(ParseSpec, WritesOutAliasesOfYaml) {
  const auto spec = ReadSpecFile(fs::path(FH_TESTDATA) / "good" / "aliases.yaml");
  ASSERT_TRUE(spec) << ProblemsOf(spec);
  EXPECT_EQ(spec->command, (std::vector<std::string>{"run", "17", "17"}));
  EXPECT_EQ(spec->labels, (std::map<std::string, std::string>{{"A", "1"}}));
}

TEST(ParseSpec, RefusesABombOfAliases) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int n = 0; n < 10; ++n) text += below + (n < 9 ? ", " : "]\n");
  }
  EXPECT_EQ(CheckText(text, Format::kYaml).find("holds more than 500000 values"), CheckText(text, Format::kYaml).find("holds"));
  EXPECT_NE(CheckText(text, Format::kYaml).find("holds more than 500000 values"), std::string::npos);
}

TEST(ParseSpec, RefusesABombOfLongAliases) {
  std::string text = "a: &a " + std::string(100000, 'x') + "\nb: [";
  for (int i = 0; i < 10000; ++i) text += "*a, ";
  EXPECT_NE(CheckText(text + "*a]\n", Format::kYaml).find("bytes of text after its aliases"), std::string::npos);
}

TEST(ParseSpec, RefusesDepthInEachFormat) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  for (const size_t depth : {size_t{70}, size_t{400}, size_t{100000}}) {
    EXPECT_NE(CheckText("{\"command\": " + nested(depth) + "}", Format::kJson), "no problem\n");
    EXPECT_NE(CheckText("command: " + nested(depth), Format::kYaml), "no problem\n");
    EXPECT_NE(CheckText("command = " + nested(depth), Format::kToml), "no problem\n");
  }
  EXPECT_NE(CheckText("{\"command\": " + nested(70) + "}", Format::kJson).find("nested deeper than 64 levels"), std::string::npos);
  EXPECT_NE(CheckText("command: " + nested(70), Format::kYaml).find("nested deeper than 64 levels"), std::string::npos);
}

TEST(ParseSpec, SurvivesAMillionTablesInOneTomlKey) {
  std::string key = "a";
  for (int i = 0; i < 1000000; ++i) key += ".a";
  EXPECT_NE(CheckText(key + " = 1", Format::kToml).find("nested deeper"), std::string::npos);
  EXPECT_NE(CheckText("[" + key + "]", Format::kToml).find("nested deeper"), std::string::npos);
}

TEST(ParseSpec, TakesAHundredThousandArguments) {
  std::string json = "{\"command\": [\"echo\"";
  for (int i = 0; i < 99999; ++i) json += ",\"" + std::to_string(i) + "\"";
  const auto spec = CheckSpec(json + "]}", Format::kJson, "", TestConfig());
  ASSERT_TRUE(spec) << ProblemsOf(spec);
  EXPECT_EQ(spec->command.size(), 100000U);
}

TEST(ParseSpec, CountsProblemsBeyondAHundred) {
  std::string json = "{\"command\": [null";
  for (int i = 0; i < 9999; ++i) json += ",null";
  const auto spec = ParseSpec(json + "]}", Format::kJson, "");
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().problems().size(), 101U);
  EXPECT_EQ(spec.error().problems().back().message, "and 9900 more problems");
}

TEST(ParseSpec, RefusesControlCharactersThatYamlWouldTakeForTheEnd) {
  EXPECT_EQ(CheckText("command: [a]\n\x04hidden: 1\n", Format::kYaml),
            "line 2: holds the control character U+0004: write it as \"\\x04\" in double quotes\n");
}

TEST(ParseSpec, TakesAByteOrderMarkAndWindowsLines) {
  for (const auto& [text, format] : {std::pair("\xEF\xBB\xBF{\r\n\"command\": [\"a\"]\r\n}", Format::kJson),
                                     std::pair("\xEF\xBB\xBF" "command: [a]\r\nname: x\r\n", Format::kYaml),
                                     std::pair("\xEF\xBB\xBF" "command = [\"a\"]\r\nname = 'x'\r\n", Format::kToml)}) {
    EXPECT_EQ(CheckText(text, format), "no problem\n");
  }
}

TEST(ParseSpec, NeverShowsTheValueOfAVariable) {
  for (const auto& [text, format] :
       {std::pair("{\"command\":[\"a\"],\"env\":{\"A\":[\"hunter2\"],\"B\":{\"hunter2\":1},\"C\":{\"secret\":{\"env\":\"hunter2 \"}}}}", Format::kJson),
        std::pair("command: [a]\nenv: {A: [hunter2], C: {secret: {env: 'hunter2 '}}}", Format::kYaml)}) {
    const std::string found = CheckText(text, format);
    EXPECT_NE(found, "no problem\n");
    EXPECT_EQ(found.find("hunter2 "), std::string::npos) << found;
    EXPECT_EQ(found.find("'hunter2'"), std::string::npos) << found;
  }
}

TEST(ReadSpecFile, SaysWhatIsWrongWithTheFile) {
  const TempDir dir;
  const auto message = [](const Result<AnalysisSpec>& result) { return result ? "none" : result.error().message(); };
  EXPECT_NE(message(ReadSpecFile(dir / "x.txt")).find("a spec ends in .json, .yaml, .yml or .toml"), std::string::npos);
  const auto missing = ReadSpecFile(dir / "missing.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kInvalidArgument);
  fs::create_directory(dir / "d.yaml");
  EXPECT_NE(message(ReadSpecFile(dir / "d.yaml")).find("is not a regular file"), std::string::npos);
  ASSERT_EQ(mkfifo((dir / "fifo.yaml").c_str(), 0600), 0);
  EXPECT_NE(message(ReadSpecFile(dir / "fifo.yaml")).find("is not a regular file"), std::string::npos);
  EXPECT_NE(message(ReadSpecFile(std::string("a\0.yaml", 7))).find("NUL"), std::string::npos);
}

TEST(ReadSpecFile, RefusesAHundredMegabytesWithoutReadingThem) {
  const TempDir dir;
  std::ofstream(dir / "big.json") << "{}";
  fs::resize_file(dir / "big.json", 100 << 20);  // sparse
  const auto spec = ReadSpecFile(dir / "big.json");
  ASSERT_FALSE(spec);
  EXPECT_NE(spec.error().message().find("is 100.0 MiB long; at most 4.0 MiB are read"), std::string::npos) << spec.error().message();
}

TEST(ReadSpecFile, TakesANameWithALineBreak) {
  const TempDir dir;
  std::ofstream(dir / "a\nb.yaml") << "command: 3\n";
  const auto spec = ReadSpecFile(dir / "a\nb.yaml");
  ASSERT_FALSE(spec);
  EXPECT_NE(ProblemsOf(spec).find("a\\nb.yaml':1"), std::string::npos) << ProblemsOf(spec);
}

}  // namespace
}  // namespace fumehood
