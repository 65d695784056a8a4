#include "src/runtime/guards.h"

#include <gmock/gmock.h>

#include "src/record/test_dir.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The real interpreters, in a home in which somebody left things.
class GuardsTest : public ::testing::Test {
 protected:
  std::string Run(const std::vector<std::string>& argv, Environment environment) const {
    environment["HOME"] = dir_.path();
    environment["PATH"] = "/usr/bin:/bin";
    SpawnRequest request{.path = argv[0], .argv = argv};
    for (const auto& [name, value] : environment) request.env.push_back(name + "=" + value);
    const auto out = OpenAt(dir_.fd(), "out", O_RDWR | O_CREAT | O_TRUNC, 0600);
    request.stdout_fd = out->get();
    const auto child = Spawn(request);
    if (!child) return child.error().message();
    (void)ReapCode(*child);  // what it printed says how it went
    return dir_.Get("out");
  }
  void Put(const std::string& name, const std::string& text) const {
    const size_t slash = name.rfind('/');
    if (slash != std::string::npos) {
      ASSERT_TRUE(MakeDirs(dir_.At(name.substr(0, slash)), 0755));
    }
    dir_.Put(name, text);
  }
  static bool Has(const char* program) { return FindStat(kHere, program, true).value().has_value(); }

  TestDir dir_;
};

TEST_F(GuardsTest, PythonSeesNoPackagesOfTheHome) {
  const std::vector<std::string> version{"/usr/bin/python3", "-c", "import sys; print('python%d.%d' % sys.version_info[:2], end='')"};
  Put(".local/lib/" + Run(version, {}) + "/site-packages/left.py", "print('left in the home')\n");
  const std::vector<std::string> import{"/usr/bin/python3", "-c", "import left"};
  EXPECT_THAT(Run(import, {}), HasSubstr("left in the home")) << "there is nothing to guard against";
  EXPECT_THAT(Run(import, GuardVariables()), Not(HasSubstr("left in the home")));
}

TEST_F(GuardsTest, RSeesNoLibraryAndNoSettingsOfTheHome) {
  if (!Has("/usr/bin/Rscript")) GTEST_SKIP() << "needs r: there is no R here (package r-base-core)";
  const std::string user = Run({"/usr/bin/Rscript", "-e", "cat(path.expand(Sys.getenv('R_LIBS_USER')))"}, {});
  ASSERT_THAT(user, HasSubstr(dir_.path())) << "R's own default lies in the home";
  ASSERT_TRUE(MakeDirs(user, 0755));
  Put("library/DESCRIPTION", "");
  Put(".Renviron", "R_LIBS=" + dir_.At("library") + "\n");
  const std::vector<std::string> paths{"/usr/bin/Rscript", "-e", "cat(.libPaths(), Sys.getenv('R_LIBS'))"};
  const std::string unguarded = Run(paths, {});
  EXPECT_THAT(unguarded, HasSubstr(user)) << "there is nothing to guard against";
  EXPECT_THAT(unguarded, HasSubstr(dir_.At("library"))) << "there is nothing to guard against";
  EXPECT_THAT(Run(paths, GuardVariables()), Not(HasSubstr(dir_.path())));
}

}  // namespace
}  // namespace fumehood
