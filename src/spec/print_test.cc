#include "src/spec/print.h"

#include "src/spec/parse.h"
#include "src/spec/spec_generator.h"
#include "src/spec/test_spec.h"

namespace fumehood {
namespace {

void ExpectIdentity(const AnalysisSpec& spec, Format format) {
  const std::string text = PrintSpec(spec, format);
  const auto back = ParseSpec(text, format, "printed");
  if (!back) RC_FAIL(AllTexts(back.error().problems()) + text);
  if (!(*back == spec)) RC_FAIL("differs after:\n" + text + "\nprinted again:\n" + PrintSpec(*back, format));
}

TEST(PrintSpec, ParseOfPrintIsIdentity) {
  EXPECT_TRUE(rc::check("in the three formats", [] {
    const AnalysisSpec spec = ArbitrarySpec();
    for (const Format format : {Format::kJson, Format::kYaml, Format::kToml}) ExpectIdentity(spec, format);
  }));
}

TEST(PrintSpec, LeavesOutWhatIsDefault) {
  EXPECT_EQ(PrintSpec({}, Format::kJson), "{}\n");
  EXPECT_EQ(PrintSpec({}, Format::kYaml), "{}\n");
  EXPECT_EQ(PrintSpec({}, Format::kToml), "");
}

TEST(PrintSpec, ReadsLikeAPersonWroteIt) {
  AnalysisSpec spec;
  spec.command = {"python3", "a b.py"};
  spec.cpu_quota = 0.5;
  spec.env = {{"A", std::string("no")}};
  spec.inputs = {{"data.csv", "", InputMode::kCopyOnWrite}};
  EXPECT_EQ(PrintSpec(spec, Format::kYaml),
            "command:\n  - python3\n  - \"a b.py\"\ncpu_quota: 0.5\nenv:\n  A: \"no\"\ninputs:\n  - path: data.csv\n    mode: cow\n");
  EXPECT_EQ(PrintSpec(spec, Format::kToml),
            "command = [\"python3\", \"a b.py\"]\ncpu_quota = 0.5\n\n[env]\nA = \"no\"\n\n[[inputs]]\npath = \"data.csv\"\nmode = \"cow\"\n");
}

TEST(PrintSpec, NamesASecretByItsReferenceAlone) {
  AnalysisSpec spec;
  spec.env = {{"P", SecretRef{SecretRef::From::kEnvironment, "LAB_TOKEN"}}};
  EXPECT_EQ(PrintSpec(spec, Format::kToml), "\n[env]\nP = {secret = {env = \"LAB_TOKEN\"}}\n");
}

TEST(PrintSpec, KeepsAVeryLongNameInYaml) {
  AnalysisSpec spec;
  spec.labels = {{std::string(5000, 'k'), "v"}};
  const auto back = ParseSpec(PrintSpec(spec, Format::kYaml), Format::kYaml, "");
  ASSERT_TRUE(back) << AllTexts(back.error().problems());
  EXPECT_EQ(*back, spec);
}

}  // namespace
}  // namespace fumehood
