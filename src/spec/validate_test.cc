#include "src/spec/validate.h"

#include "src/spec/limits.h"
#include "src/spec/spec_generator.h"
#include "src/spec/test_spec.h"

namespace fumehood {
namespace {

AnalysisSpec GoodSpec() {
  AnalysisSpec spec;
  spec.command = {"python3", "a.py"};
  return spec;
}

// The problems of a good spec after one change.
template <typename Change>
std::string After(Change change, const Config& config = TestConfig()) {
  AnalysisSpec spec = GoodSpec();
  change(spec);
  return AllTexts(Validate(spec, config));
}

TEST(Validate, AGoodSpecHasNoProblem) { EXPECT_EQ(After([](AnalysisSpec&) {}), ""); }

TEST(Validate, ACommandIsNeeded) {
  EXPECT_EQ(After([](AnalysisSpec& s) { s.command = {}; }), "command: is missing; give a list of arguments, or one text for bash\n");
  EXPECT_EQ(After([](AnalysisSpec& s) { s.command = {"", "x"}; }), "command[0]: is empty; the program to run is needed\n");
  EXPECT_EQ(After([](AnalysisSpec& s) { s.command = {" \n"}, s.command_is_script = true; }), "command: is an empty script; there is nothing to run\n");
  EXPECT_EQ(After([](AnalysisSpec& s) { s.command_is_script = true; }), "command: is a script of 2 texts; a script is one\n");
}

TEST(Validate, ACommandMustFitExec) {
  EXPECT_EQ(After([](AnalysisSpec& s) { s.command.emplace_back(131071, 'x'); }), "");
  EXPECT_NE(After([](AnalysisSpec& s) { s.command.emplace_back(131072, 'x'); }).find("command[2]: is 131072 bytes long"), std::string::npos);
  EXPECT_NE(After([](AnalysisSpec& s) { s.env["A"] = std::string(131071, 'x'); }).find("env.A: is 131071 bytes long"), std::string::npos);
  EXPECT_EQ(After([](AnalysisSpec& s) { s.command.resize(100000, "argument"); }), "");
  EXPECT_NE(After([](AnalysisSpec& s) { s.command.resize(100, std::string(100000, 'x')); }).find("the system takes 6291456 in all"), std::string::npos);
}

TEST(Validate, TextIsUtf8WithoutNul) {
  EXPECT_EQ(After([](AnalysisSpec& s) { s.command[1] = std::string("a\0b", 3); }), "command[1]: holds a NUL character, which is not allowed\n");
  EXPECT_EQ(After([](AnalysisSpec& s) { s.outputs = {"\xff"}; }), "outputs[0]: is not valid UTF-8, so no record could hold it\n");
  EXPECT_NE(After([](AnalysisSpec& s) { s.labels[std::string("a\0", 2)] = "x"; }).find("NUL"), std::string::npos);
}

TEST(Validate, ANameIsOneLine) {
  EXPECT_EQ(After([](AnalysisSpec& s) { s.name = "a\nb"; }), "name: is 'a\\nb'; control characters are not allowed, line breaks neither\n");
  EXPECT_EQ(After([](AnalysisSpec& s) { s.name = std::string(256, 'x'); }), "name: is 256 bytes long; allowed: at most 255\n");
}

TEST(Validate, PathsMayHoldLineBreaks) {
  EXPECT_EQ(After([](AnalysisSpec& s) { s.inputs = {{"data\n1.csv", "in\n1", InputMode::kCopy}}, s.outputs = {"out\n*"}; }), "");
}

TEST(Validate, KnownNamesAreNeeded) {
  EXPECT_EQ(After([](AnalysisSpec& s) { s.profile = "notbook"; }),
            "profile: is 'notbook'; allowed: default, notebook, post_process, tool; did you mean 'notebook'?\n");
  EXPECT_EQ(After([](AnalysisSpec& s) { s.executor = "slrm"; }),
            "executor: is 'slrm'; allowed: local, container, cloud, kubernetes, slurm; did you mean 'slurm'?\n");
  EXPECT_NE(After([](AnalysisSpec& s) { s.allow_weaker = {"seccomp", "lanlock"}; }).find("allow_weaker[1]: is 'lanlock'"), std::string::npos);
  EXPECT_EQ(After([](AnalysisSpec& s) { s.runtime = ""; }), "runtime: is empty; a name of the catalog is needed, such as python3\n");
  EXPECT_EQ(After([](AnalysisSpec& s) { s.retries.on = {"memory_limit", "timout", ""}; }),
            "retries.on[1]: is 'timout', which is no reason; did you mean 'timeout'?\n"
            "retries.on[2]: is '', which is no reason; such as memory_limit, timeout, host_lost\n");
}

TEST(Validate, EveryLimitHasBothEnds) {
  Config config = TestConfig();
  for (const LimitField& field : kLimitFields) {
    const auto problems_with = [&](double value) {
      return After(
          [&](AnalysisSpec& s) {
            if (field.whole != nullptr) {
              s.*field.spec_whole = static_cast<int64_t>(value);
            } else {
              s.*field.spec_real = value;
            }
          },
          config);
    };
    const double highest = GetLimit(config.maximum, field);
    EXPECT_EQ(problems_with(field.lowest), "") << field.name;
    EXPECT_EQ(problems_with(highest), "") << field.name;
    EXPECT_NE(problems_with(highest + 1), "") << field.name;
    EXPECT_NE(problems_with(field.lowest - 1), "") << field.name;
    EXPECT_EQ(problems_with(0) == "", field.zero_lifts || field.lowest == 0) << field.name;
  }
  EXPECT_NE(After([](AnalysisSpec& s) { s.cpu_quota = std::numeric_limits<double>::quiet_NaN(); }), "");
  EXPECT_NE(After([](AnalysisSpec& s) { s.memory_limit_mb = std::numeric_limits<int64_t>::max(); }).find("is 9223372036854775807;"), std::string::npos);
}

TEST(Validate, TheConfiguredMaximumHoldsAndIsNamed) {
  Config config = TestConfig();
  config.maximum.memory_limit_mb = 1000;
  EXPECT_EQ(After([](AnalysisSpec& s) { s.memory_limit_mb = 1001; }, config),
            "memory_limit_mb: is 1001; allowed: 1 to 1000 (the maximum is set by the configuration)\n");
}

TEST(Validate, VariablesHaveProperNames) {
  for (const char* name : {"", "1A", "A B", "A=B", "Ä", "A.B"}) {
    EXPECT_NE(After([&](AnalysisSpec& s) { s.env[name] = std::string("x"); }).find("is no name of a variable"), std::string::npos) << name;
  }
  EXPECT_NE(After([](AnalysisSpec& s) { s.env["FUMEHOOD_DB_X"] = std::string("x"); }).find("is kept for what the hood itself sets"), std::string::npos);
  EXPECT_NE(After([](AnalysisSpec& s) { s.env["A"] = SecretRef{}; }).find("env.A.secret.file: is empty"), std::string::npos);
  EXPECT_NE(After([](AnalysisSpec& s) { s.env["A"] = SecretRef{SecretRef::From::kEnvironment, "a b"}; }).find("env.A.secret.env"), std::string::npos);
}

TEST(Validate, LabelsAreShortAndSimple) {
  EXPECT_EQ(After([](AnalysisSpec& s) { s.labels = {{"team/x.y_z-1", std::string(1024, 'v')}}; }), "");
  EXPECT_NE(After([](AnalysisSpec& s) { s.labels = {{"a b", ""}}; }).find("labels['a b']: is no key of a label"), std::string::npos);
  EXPECT_NE(After([](AnalysisSpec& s) { s.labels = {{std::string(129, 'k'), ""}}; }), "");
  EXPECT_NE(After([](AnalysisSpec& s) { s.labels = {{"a", std::string(1025, 'v')}}; }).find("is 1025 bytes long"), std::string::npos);
}

TEST(Validate, AnOpenBracketIsNoGlob) {
  for (const char* open : {"[", "a[bc", "[a/b]", "x[!]", "[]", "[ab]["}) {
    EXPECT_NE(After([&](AnalysisSpec& s) { s.outputs = {open}; }).find("that no ] closes"), std::string::npos) << open;
  }
  for (const char* closed : {"[a]", "[]]", "[!a]b", "\\[", "a\\[b", "[a-z]*.csv", "]"}) {
    EXPECT_EQ(After([&](AnalysisSpec& s) { s.outputs = {closed}; }), "") << closed;
  }
}

TEST(Validate, AFieldThatIsWrongIsNotSaidToBeUnsupportedToo) {
  AnalysisSpec spec = GoodSpec();
  spec.executor = "slrum";
  const std::vector<Problem> problems = ValidateAll(spec, TestConfig());
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].message.find("did you mean 'slurm'?"), std::string::npos) << problems[0].message;
}

TEST(Validate, OutputsStayInTheWorkDirectory) {
  EXPECT_EQ(After([](AnalysisSpec& s) { s.outputs = {"a/**/*.csv", "..x", "x..", "a/...", "./y"}; }), "");
  for (const char* glob : {"", "/etc/passwd", "..", "../x", "a/../b", "a/.."}) {
    EXPECT_NE(After([&](AnalysisSpec& s) { s.outputs = {glob}; }), "") << glob;
  }
}

TEST(Validate, InputsNeverTakeTheSystemsPlace) {
  for (const char* to : {"/", "/.", "//", ".", "./", "/usr", "/usr/", "//usr//bin", "/usr/./share/x", "/etc/passwd", "/proc/self", "/dev/shm", "/sys",
                         "/bin/sh", "/lib", "/lib64/x", "/sbin", "/run/user", "/fumehood", "/fumehood/init", "/data/../etc", "..", "a/../../b"}) {
    EXPECT_NE(After([&](AnalysisSpec& s) { s.inputs = {{"data.csv", to, InputMode::kReadOnly}}; }), "") << to;
  }
  for (const char* to : {"/data", "/usrlocal", "/home/ana/etc", "etc/x", "usr", "./in", "/tmp/x", "/..x"}) {
    EXPECT_EQ(After([&](AnalysisSpec& s) { s.inputs = {{"data.csv", to, InputMode::kReadOnly}}; }), "") << to;
  }
  EXPECT_NE(After([](AnalysisSpec& s) { s.inputs = {{"/usr/share/data", "", InputMode::kReadOnly}}; }).find("name another place for it in `to`"),
            std::string::npos);
  EXPECT_NE(After([](AnalysisSpec& s) { s.inputs = {{"/srv/../etc", "", InputMode::kReadOnly}}; }), "");
  EXPECT_EQ(After([](AnalysisSpec& s) { s.inputs = {{"../shared", "", InputMode::kReadOnly}}; }), "");
  EXPECT_NE(After([](AnalysisSpec& s) { s.inputs = {{"", "", InputMode::kReadOnly}}; }).find("inputs[0].path: is empty"), std::string::npos);
  EXPECT_NE(After([](AnalysisSpec& s) { s.inputs = {{std::string(4096, 'p'), "/x", InputMode::kReadOnly}}; }).find("4096 bytes long"), std::string::npos);
}

TEST(Validate, InputsStayApartFromEachOther) {
  const auto with_targets = [](std::vector<std::string> targets) {
    return After([&](AnalysisSpec& s) {
      for (const std::string& to : targets) s.inputs.push_back({"x", to, InputMode::kReadOnly});
    });
  };
  EXPECT_EQ(with_targets({"/a", "/a-b", "/ab", "/a.c", "/b/a", "a"}), "");
  EXPECT_EQ(with_targets({"/a", "/b", "/a/"}), "inputs[2]: takes the same place as inputs[0] at '/a': give one of them another place with `to`\n");
  EXPECT_EQ(with_targets({"/a/b/c", "/a-b", "/a/./b"}),
            "inputs[0]: lies inside inputs[2] at '/a/./b': give one of them another place with `to`\n");
  EXPECT_NE(with_targets({"/a", "/a/b", "/a/c/d", "/b"}).find("inputs[2]: lies inside inputs[0]"), std::string::npos);
}

TEST(Validate, DatabasesBecomeDistinctVariables) {
  EXPECT_EQ(After([](AnalysisSpec& s) { s.databases = {{"a", "x", {}}, {"b2_", "y", {}}}; }), "");
  EXPECT_NE(After([](AnalysisSpec& s) { s.databases = {{"a", "x", {}}, {"A", "y", {}}}; }).find("both it and databases[0] would be FUMEHOOD_DB_A"),
            std::string::npos);
  EXPECT_NE(After([](AnalysisSpec& s) { s.databases = {{"2a", "x", {}}}; }).find("databases[0].name: is '2a'"), std::string::npos);
  EXPECT_NE(After([](AnalysisSpec& s) { s.databases = {{"a", "", {}}}; }).find("databases[0].path: is empty"), std::string::npos);
}

TEST(Validate, NetworkEntriesNameAHostAndAPort) {
  const auto with_entry = [](const std::string& entry) {
    return After([&](AnalysisSpec& s) { s.network = {NetworkMode::kAllow, {entry}}; });
  };
  for (const char* good : {"example.org:443", "a:1", "10.0.0.1:65535", "[2001:db8::1]:80", "my_host-1.lab:5432"}) EXPECT_EQ(with_entry(good), "") << good;
  for (const char* bad : {"", ":", "a", "a:", ":1", "a:0", "a:65536", "a:+1", "a:1x", "-a:1", "a-:1", "a..b:1", "a b:1", "http://a:1", "[::1:1", "[]:1",
                          "2001:db8::1:80", "*.org:1", "a\n:1"}) {
    EXPECT_NE(with_entry(bad), "") << bad;
  }
  EXPECT_NE(After([](AnalysisSpec& s) { s.network.mode = NetworkMode::kAllow; }).find("lists no host"), std::string::npos);
  EXPECT_NE(After([](AnalysisSpec& s) { s.network.allow = {"a:1"}; }).find("its mode is not `allow`"), std::string::npos);
}

TEST(Validate, CountsHaveRanges) {
  EXPECT_NE(After([](AnalysisSpec& s) { s.gpus = -1; }).find("gpus: is -1; allowed: 0 to 64"), std::string::npos);
  EXPECT_NE(After([](AnalysisSpec& s) { s.priority = -1001; }).find("priority: is -1001"), std::string::npos);
  EXPECT_NE(After([](AnalysisSpec& s) { s.retries.max = 101; }).find("retries.max: is 101"), std::string::npos);
}

TEST(Validate, AMemoryPlanRisesFromItsStart) {
  const auto with_plan = [](MemoryPlan plan) { return After([&](AnalysisSpec& s) { s.memory_plan = plan; }); };
  EXPECT_EQ(with_plan({false, 2048, "x2", 16384}), "");
  EXPECT_EQ(with_plan({true, 0, "", 0}), "");
  EXPECT_NE(with_plan({false, 4096, "x2", 2048}).find("is 4096, above max"), std::string::npos);
  for (const char* factor : {"", "2", "x", "x0", "x1", "x2x", "x200", "double"}) EXPECT_NE(with_plan({false, 1, factor, 2}), "") << factor;
  EXPECT_NE(After([](AnalysisSpec& s) { s.memory_plan.emplace().automatic = true, s.memory_limit_mb = 1; }), "");
}

TEST(Validate, NeverCrashesWhateverTheSpec) {
  EXPECT_TRUE(rc::check("any spec", [] {
    const Config config = TestConfig();
    for (const Problem& problem : Validate(ArbitrarySpec(), config)) RC_ASSERT(!problem.message.empty());
  }));
}

TEST(ValidateSupported, RefusesEachFormThatComesLater) {
  const auto refused = [](auto change, const char* executor = "local") {
    AnalysisSpec spec = GoodSpec();
    change(spec);
    return AllTexts(ValidateSupported(spec, executor));
  };
  EXPECT_EQ(refused([](AnalysisSpec&) {}), "");
  EXPECT_EQ(refused([](AnalysisSpec& s) { s.priority = 1, s.retries.max = 1, s.memory_plan = MemoryPlan{false, 1, "x2", 2}; }), "");
  EXPECT_EQ(refused([](AnalysisSpec& s) { s.memory_plan.emplace().automatic = true; }), "memory_limit_mb: `auto` is not supported yet by the executor 'local'\n");
  EXPECT_NE(refused([](AnalysisSpec& s) { s.network = {NetworkMode::kAllow, {"a:1"}}; }), "");
  EXPECT_NE(refused([](AnalysisSpec& s) { s.gpus = 1; }), "");
  EXPECT_NE(refused([](AnalysisSpec& s) { s.checkpoint_dir = "c"; }), "");
  EXPECT_NE(refused([](AnalysisSpec& s) { s.provenance_dir = "p"; }), "");
  EXPECT_EQ(refused([](AnalysisSpec& s) { s.warm = true; }), "");
  EXPECT_NE(refused([](AnalysisSpec& s) { s.deterministic = true; }), "");
  EXPECT_EQ(refused([](AnalysisSpec&) {}, "slurm"), "executor: the executor 'slurm' is not supported yet by this version; there is local\n");
}

}  // namespace
}  // namespace fumehood
