#include "src/runtime/build_plan.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"

namespace fumehood {
namespace {

std::string FolderOf(const std::string& path) { return path.substr(0, std::max<size_t>(1, path.rfind('/'))); }

// A string of TOML: what these hold has no control characters, but may have quotes and backslashes.
std::string TomlText(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string PipLine(const LockedPackage& package) {
  return package.source.empty() ? fmt::format("{}=={}", package.name, package.version) : fmt::format("{} @ {}", package.name, package.source);
}

// What pip and uv are given: the file itself, so that what it names beside it is found, or one that the lock becomes.
std::string Requirements(const BuildFile& file, const BuildPlace& place, BuildPlan& plan) {
  if (file.kind != BuildFileKind::kLock) {
    plan.cwd = FolderOf(file.path);
    return file.path;
  }
  std::string lines;
  for (const LockedPackage& package : file.locked) lines += PipLine(package) + "\n";
  plan.files["requirements.txt"] = lines;
  return place.directory + "/requirements.txt";
}

BuildPlan PlanUv(const BuildFile& file, const BuildTool& tool, const BuildPlace& place) {
  BuildPlan plan{.kind = RuntimeKind::kVirtualenv, .prefix = place.directory + "/prefix", .cwd = place.directory};
  const std::string requirements = Requirements(file, place, plan);
  // Copies: a later edit of the cache reaches nothing that was made from it.
  plan.env = {{"UV_CACHE_DIR", place.cache}, {"UV_LINK_MODE", "copy"}, {"UV_NO_PROGRESS", "1"}, {"NO_COLOR", "1"}};
  std::vector<std::string> venv = {tool.program, "venv", "--no-project", "--python", place.python};
  if (place.python.starts_with('/')) venv.emplace_back("--no-python-downloads");
  venv.push_back(plan.prefix);
  std::vector<std::string> install = {tool.program, "pip", "install", "--python", plan.prefix + "/bin/python", "--link-mode", "copy", "--compile-bytecode"};
  if (file.kind == BuildFileKind::kLock) install.emplace_back("--no-deps");
  install.insert(install.end(), {"--requirements", requirements});
  plan.steps = {std::move(venv), std::move(install)};
  return plan;
}

// pip stays outside of what it makes: the environment holds what was asked for and nothing else.
BuildPlan PlanPip(const BuildFile& file, const BuildTool& tool, const BuildPlace& place) {
  BuildPlan plan{.kind = RuntimeKind::kVirtualenv, .prefix = place.directory + "/prefix", .cwd = place.directory};
  const std::string requirements = Requirements(file, place, plan);
  plan.env = {{"PIP_CACHE_DIR", place.cache}, {"PIP_DISABLE_PIP_VERSION_CHECK", "1"}, {"PIP_NO_INPUT", "1"}, {"PIP_NO_COLOR", "1"}, {"PIP_PROGRESS_BAR", "off"}};
  std::vector<std::string> install = {tool.program, "-m", "pip", "--python", plan.prefix + "/bin/python", "install"};
  if (file.kind == BuildFileKind::kLock) install.emplace_back("--no-deps");
  install.insert(install.end(), {"--requirement", requirements});
  plan.steps = {{tool.program, "-m", "venv", "--without-pip", plan.prefix}, std::move(install)};
  return plan;
}

const char* CondaPlatform() {
#if defined(__aarch64__)
  return "linux-aarch64";
#else
  return "linux-64";
#endif
}

struct Pin {
  std::string name, version, build, channel;
};

Result<std::vector<Pin>> PinsOf(const BuildFile& file, const BuildPlace& place) {
  std::vector<Pin> pins;
  for (const ExplicitPackage& package : file.explicit_packages) pins.push_back({package.name, package.version, package.build, package.channel});
  for (const LockedPackage& package : file.locked) {
    if (package.manager != "conda") continue;
    if (package.source.empty() && place.channels.empty()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("--file {}: the lock does not say which channel {} is from, as where that was a directory; name it: "
                                                            "--channel ADDRESS", Quoted(file.name), Quoted(package.name)));
    }
    pins.push_back({package.name, package.version, package.build, package.source});
  }
  return pins;
}

// Those of the file and of its packages, without the platform at their ends, each once.
std::vector<std::string> ChannelsOf(const BuildFile& file, const BuildPlace& place, const std::vector<Pin>& pins) {
  std::vector<std::string> channels;
  const auto add = [&](std::string channel) {
    for (const char* subdir : {CondaPlatform(), "noarch"}) {
      if (channel.ends_with(std::string("/") + subdir)) channel.resize(channel.size() - std::string_view(subdir).size() - 1);
    }
    while (channel.ends_with('/')) channel.pop_back();
    if (!channel.empty() && std::find(channels.begin(), channels.end(), channel) == channels.end()) channels.push_back(std::move(channel));
  };
  for (const std::string& channel : place.channels) add(channel);
  for (const std::string& channel : file.channels) add(channel);
  for (const Pin& pin : pins) add(pin.channel);
  if (channels.empty()) channels.emplace_back("conda-forge");
  return channels;
}

// Every package by its version and build, so that the solver has nothing to choose.
std::string PixiManifest(const BuildFile& file, const BuildPlace& place, const std::vector<Pin>& pins) {
  std::vector<std::string> channels = ChannelsOf(file, place, pins);
  std::transform(channels.begin(), channels.end(), channels.begin(), TomlText);
  std::string text = fmt::format("[project]\nname = \"runtime\"\nversion = \"1.0.0\"\nchannels = [{}]\nplatforms = [\"{}\"]\n\n[dependencies]\n",
                                 Join(channels, ", "), CondaPlatform());
  for (const Pin& pin : pins) {
    text += fmt::format("{} = {{ version = {}, build = {} }}\n", TomlText(pin.name), TomlText("==" + pin.version), TomlText(pin.build));
  }
  std::string python;
  for (const LockedPackage& package : file.locked) {
    if (package.manager == "pip") python += fmt::format("{} = {}\n", TomlText(package.name), TomlText("==" + package.version));
  }
  return python.empty() ? text : text + "\n[pypi-dependencies]\n" + python;
}

Result<BuildPlan> PlanPixi(const BuildFile& file, const BuildTool& tool, const BuildPlace& place) {
  BuildPlan plan{.kind = RuntimeKind::kConda, .prefix = place.directory + "/.pixi/envs/default", .cwd = place.directory};
  // Both are read, by one version or another.
  plan.env = {{"RATTLER_CACHE_DIR", place.cache}, {"PIXI_CACHE_DIR", place.cache}, {"PIXI_HOME", place.cache + "/home"}, {"NO_COLOR", "1"}};
  const std::string manifest = place.directory + "/pixi.toml";
  if (file.kind == BuildFileKind::kEnvironment) {
    plan.steps.push_back({tool.program, "init", "--import", file.path, place.directory});
  } else {
    FH_ASSIGN_OR_RETURN(const std::vector<Pin> pins, PinsOf(file, place));
    plan.files["pixi.toml"] = PixiManifest(file, place, pins);
  }
  plan.steps.push_back({tool.program, "install", "--manifest-path", manifest});
  plan.mark = "conda-meta/history";
  return plan;
}

// py-rattler is a library: this is its command. It ends by _exit, since its threads now and then outlive the interpreter and crash.
constexpr const char* kRattlerProgram = R"(import asyncio, json, os, sys, traceback
import rattler

async def make(order):
    channels = [rattler.Channel(name) for name in order["channels"]]
    gateway = rattler.Gateway(cache_dir=order["cache"] + "/repodata")
    machine = [package.into_generic() for package in rattler.VirtualPackage.detect()]
    records = await rattler.solve(channels, order["specs"], gateway=gateway, platforms=[order["platform"], "noarch"], virtual_packages=machine)
    for record in records:
        print(record.url)
    await rattler.install(records, order["prefix"], cache_dir=order["cache"], execute_link_scripts=False, show_progress=False)

code = 0
try:
    with open(sys.argv[1], encoding="utf-8") as file:
        asyncio.run(make(json.load(file)))
except BaseException:
    traceback.print_exc()
    code = 1
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
)";

std::string RattlerOrder(const BuildFile& file, const BuildPlan& plan, const BuildPlace& place, const std::vector<Pin>& pins) {
  JsonWriter json;
  const auto list = [&](const char* key, const std::vector<std::string>& texts) {
    json.Key(key).BeginArray();
    for (const std::string& text : texts) json.String(text);
    json.EndArray();
  };
  std::vector<std::string> specs = file.specs;
  for (const Pin& pin : pins) specs.push_back(fmt::format("{} =={} {}", pin.name, pin.version, pin.build));
  json.BeginObject();
  list("channels", ChannelsOf(file, place, pins));
  list("specs", specs);
  json.Key("platform").String(CondaPlatform()).Key("prefix").String(plan.prefix).Key("cache").String(place.cache);
  return json.EndObject().Take() + "\n";
}

Result<BuildPlan> PlanRattler(const BuildFile& file, const BuildTool& tool, const BuildPlace& place) {
  const bool has_pip = std::any_of(file.locked.begin(), file.locked.end(), [](const LockedPackage& package) { return package.manager == "pip"; });
  if (file.has_pip_section || has_pip) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("--file {} has packages of pip beside conda's, which rattler does not install; pixi may: --with pixi",
                                                          Quoted(file.name)));
  }
  BuildPlan plan{.kind = RuntimeKind::kConda, .prefix = place.directory + "/prefix", .cwd = place.directory};
  FH_ASSIGN_OR_RETURN(const std::vector<Pin> pins, PinsOf(file, place));
  plan.files = {{"make_prefix.py", kRattlerProgram}, {"order.json", RattlerOrder(file, plan, place, pins)}};
  plan.steps = {{tool.program, place.directory + "/make_prefix.py", place.directory + "/order.json"}};
  return plan;
}

// By which others' shells lead a tool to their own environments, packages and settings of one project.
const std::set<std::string, std::less<>> kLeftOut = {
    "PYTHONPATH",       "PYTHONHOME",     "PYTHONSTARTUP",   "PYTHONUSERBASE",  "VIRTUAL_ENV",     "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_SHLVL",
    "CONDA_PROMPT_MODIFIER", "PIP_TARGET", "PIP_PREFIX",      "PIP_ROOT",        "PIP_USER",        "PIP_PYTHON",   "PIP_REQUIREMENT",   "PIP_EDITABLE",
    "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_OVERRIDE",   "LD_PRELOAD",      "LD_LIBRARY_PATH", "PIXI_PROJECT_MANIFEST", "PIXI_IN_SHELL"};

}  // namespace

Result<BuildPlan> PlanBuild(const BuildFile& file, const BuildTool& tool, const BuildPlace& place) {
  if (tool.name == "uv") return PlanUv(file, tool, place);
  if (tool.name == "pip") return PlanPip(file, tool, place);
  if (tool.name == "pixi") return PlanPixi(file, tool, place);
  if (tool.name == "rattler") return PlanRattler(file, tool, place);
  return Error(ErrorCode::kUnsupported, fmt::format("nothing is known of the tool {}", Quoted(tool.name)));
}

std::vector<std::string> BuildEnvironment(const std::map<std::string, std::string>& caller, const BuildPlan& plan) {
  std::map<std::string, std::string> env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
  for (const auto& [name, value] : caller) {
    if (!kLeftOut.contains(name)) env[name] = value;
  }
  for (const auto& [name, value] : plan.env) {
    // A cache that the caller chose is used: what comes out of it is checked all the same.
    if (!name.ends_with("_CACHE_DIR") || !env.contains(name)) env[name] = value;
  }
  std::vector<std::string> list;
  for (const auto& [name, value] : env) list.push_back(name + "=" + value);
  return list;
}

}  // namespace fumehood
