#include "src/runtime/build_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/runtime/build_plan.h"
#include "src/runtime/build_tool.h"
#include "src/runtime/lock.h"

namespace fumehood {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

BuildFile Read(const std::string& name, const std::string& text) {
  auto file = ParseBuildFile("/lab/" + name, text);
  EXPECT_TRUE(file) << file.error().message();
  return file ? std::move(file).value() : BuildFile();
}

std::string Refusal(const std::string& name, const std::string& text) {
  const auto file = ParseBuildFile("/lab/" + name, text);
  EXPECT_FALSE(file);
  return file ? "" : file.error().message();
}

TEST(BuildFile, RequirementsAskForWhatTheyNameWithoutCondition) {
  const BuildFile file = Read("requirements.txt",
                              "# lab\n--index-url https://host/simple\nNumpy >= 1.20  # arrays\nruamel_yaml[extra]==0.17\nscanpy \\\n  ==1.9\n"
                              "./local.whl\nhttps://host/x-1.0.tar.gz\ntoml; python_version < '3.11'\nlabtool @ https://host/labtool.whl\r\n");
  EXPECT_EQ(file.kind, BuildFileKind::kRequirements);
  EXPECT_THAT(file.asked, ElementsAre("labtool", "numpy", "ruamel-yaml", "scanpy"));
}

TEST(BuildFile, AnEnvironmentAsksForCondasAndPipsPackages) {
  const BuildFile file = Read("environment.yml",
                              "channels: [conda-forge, nodefaults]\ndependencies:\n  - python=3.11\n  - conda-forge::samtools >=1.17\n  - __glibc\n  - pip:\n    - scanpy==1.9\n");
  EXPECT_EQ(file.kind, BuildFileKind::kEnvironment);
  EXPECT_THAT(file.asked, ElementsAre("python", "samtools", "scanpy"));
  EXPECT_THAT(file.channels, ElementsAre("conda-forge"));
  EXPECT_THAT(file.specs, ElementsAre("python=3.11", "conda-forge::samtools >=1.17", "__glibc"));
  EXPECT_TRUE(file.has_pip_section);
}

TEST(BuildFile, AnExplicitListIsTakenApart) {
  const std::string md5(32, 'a');
  const BuildFile file = Read("explicit.txt", "# made by conda\n@EXPLICIT\nhttps://host/conda-forge/linux-64/r-base-4.3.1-h29c4799_3.conda#" + md5 + "\n");
  ASSERT_EQ(file.explicit_packages.size(), 1U);
  const ExplicitPackage& package = file.explicit_packages[0];
  EXPECT_EQ(package.channel, "https://host/conda-forge");
  EXPECT_EQ(package.name, "r-base");
  EXPECT_EQ(package.version, "4.3.1");
  EXPECT_EQ(package.build, "h29c4799_3");
  EXPECT_EQ(package.digest, "md5:" + md5);
  EXPECT_THAT(Refusal("explicit.txt", "@EXPLICIT\nhttps://host/c/linux-64/a-1-0.conda#xyz\n"), HasSubstr("neither MD5 nor SHA-256"));
  EXPECT_THAT(Refusal("explicit.txt", "@EXPLICIT\nhttps://host/readme\n"), HasSubstr("does not end with"));
}

TEST(BuildFile, FilesOfOtherToolsAreAnsweredWithTheWay) {
  EXPECT_THAT(Refusal("poetry.lock", ""), HasSubstr("poetry export"));
  EXPECT_THAT(Refusal("conda-lock.yml", "package: []\n"), HasSubstr("conda-lock render"));
  EXPECT_THAT(Refusal("requirements.txt", "-e git+https://host/x\n"), HasSubstr("without -e"));
  EXPECT_THAT(Refusal("environment.yml", "dependencies: [\n"), HasSubstr("environment.yml"));
}

TEST(BuildFile, NoWordOfALockReachesAToolAsMoreThanAWord) {
  for (const LockedPackage& package : {LockedPackage{.manager = "pip", .name = "a\n--index-url x", .version = "1"}, LockedPackage{.manager = "pip", .name = "-e", .version = "1"},
                                       LockedPackage{.manager = "conda", .name = "a", .version = "1 2"}, LockedPackage{.manager = "conda", .name = "a", .version = "1", .build = "\"x"},
                                       LockedPackage{.manager = "pip", .name = "a", .version = "1", .source = "https://h/a b"}, LockedPackage{.manager = "pip", .name = "a"}}) {
    EXPECT_THAT(Refusal("cells.lock", PrintLock({package})), HasSubstr("which no package is called"));
  }
  EXPECT_THAT(Refusal("explicit.txt", "@EXPLICIT\nhttps://host/c/linux-64/a\"b-1-0.conda\n"), HasSubstr("characters"));
}

const BuildPlace kPlace{.directory = "/state/runtimes/cells/build-1", .cache = "/state/cache/packages/x", .python = "/usr/bin/python3", .channels = {}};

BuildPlan Plan(const BuildFile& file, const std::string& tool) {
  auto plan = PlanBuild(file, {tool, "/bin/" + tool}, kPlace);
  EXPECT_TRUE(plan) << plan.error().message();
  return plan ? std::move(plan).value() : BuildPlan();
}

TEST(BuildPlan, UvCopiesAndIsToldWhereAndByWhichInterpreter) {
  const BuildPlan plan = Plan(Read("requirements.txt", "numpy\n"), "uv");
  EXPECT_EQ(plan.prefix, kPlace.directory + "/prefix");
  EXPECT_EQ(plan.cwd, "/lab") << "paths in the file are relative to it";
  ASSERT_EQ(plan.steps.size(), 2U);
  EXPECT_THAT(plan.steps[0], ElementsAre("/bin/uv", "venv", "--no-project", "--python", "/usr/bin/python3", "--no-python-downloads", plan.prefix));
  EXPECT_THAT(plan.steps[1], ElementsAre("/bin/uv", "pip", "install", "--python", plan.prefix + "/bin/python", "--link-mode", "copy", "--compile-bytecode",
                                         "--requirements", "/lab/requirements.txt"));
}

TEST(BuildPlan, ALockIsInstalledAsItStandsAndNothingElse) {
  const std::string lock = PrintLock({{.manager = "pip", .name = "a", .version = "1"}, {.manager = "pip", .name = "b", .version = "2", .source = "https://host/b.whl"}});
  const BuildPlan plan = Plan(Read("cells.lock", lock), "pip");
  EXPECT_THAT(plan.files, ElementsAre(Pair("requirements.txt", "a==1\nb @ https://host/b.whl\n")));
  EXPECT_THAT(plan.steps[1], Contains("--no-deps"));
}

TEST(BuildPlan, PixiGetsEveryPackageOfAListPinned) {
  const BuildPlan plan = Plan(Read("explicit.txt", "@EXPLICIT\nhttps://host/lab/linux-64/a-1.0-0.conda\nhttps://host/lab/noarch/b-2-py_1.conda\n"), "pixi");
  const std::string& manifest = plan.files.at("pixi.toml");
  EXPECT_THAT(manifest, HasSubstr("channels = [\"https://host/lab\"]\n"));
  EXPECT_THAT(manifest, HasSubstr("\"a\" = { version = \"==1.0\", build = \"0\" }\n\"b\" = { version = \"==2\", build = \"py_1\" }\n"));
  EXPECT_EQ(plan.mark, "conda-meta/history");
}

TEST(BuildPlan, TheCallersShellLeadsNoToolAstray) {
  const BuildPlan plan = Plan(Read("requirements.txt", "numpy\n"), "uv");
  const auto env = BuildEnvironment({{"PATH", "/bin"}, {"PYTHONPATH", "/x"}, {"VIRTUAL_ENV", "/x"}, {"HTTPS_PROXY", "p"}, {"UV_LINK_MODE", "hardlink"}, {"UV_CACHE_DIR", "/mine"}}, plan);
  EXPECT_THAT(env, Contains("HTTPS_PROXY=p"));
  EXPECT_THAT(env, Contains("UV_LINK_MODE=copy"));
  EXPECT_THAT(env, Contains("UV_CACHE_DIR=/mine")) << "chosen by the caller, and checked like any";
  EXPECT_THAT(env, Not(Contains("PYTHONPATH=/x")));
  EXPECT_THAT(env, Not(Contains("VIRTUAL_ENV=/x")));
}

TEST(BuildTool, TheFirstThatIsThereIsTakenUnlessOneIsNamed) {
  const BuildFile file = Read("requirements.txt", "numpy\n");
  const std::vector<BuildTool> found = {{"uv", "/bin/uv"}, {"pip", "/usr/bin/python3"}};
  EXPECT_EQ(ChooseTool(file, found, "")->name, "uv");
  EXPECT_EQ(ChooseTool(file, found, "pip")->name, "pip");
  EXPECT_THAT(ChooseTool(file, found, "conda").error().message(), HasSubstr("one of: uv, pip"));
  EXPECT_THAT(ChooseTool(file, {}, "").error().message(), HasSubstr("get one of: uv (pip install uv), pip (sudo apt-get install python3-pip)"));
}

TEST(BuildTool, VersionsAreFoundInWhatToolsSay) {
  EXPECT_EQ(VersionIn("uv 0.13.9 (x86_64-unknown-linux-gnu)\n"), "0.13.9");
  EXPECT_EQ(VersionIn("pip 23.0.1 from /usr/lib/python3/dist-packages/pip (python 3.11)"), "23.0.1");
  EXPECT_THAT(VersionIn("no module named pip"), IsEmpty());
}

}  // namespace
}  // namespace fumehood
