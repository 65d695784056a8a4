#include "src/config/sources.h"

#include <unistd.h>

#include <filesystem>

#include "src/base/text.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr const char* kFileName = "fumehood.toml";

// Of a variable that is to hold a directory: a relative path counts as not set, as the XDG specification has it.
std::string DirectoryFrom(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found != environment.end() && found->second.starts_with('/') ? found->second : "";
}

std::string UserDirectory(const Environment& environment, const char* xdg_name, const char* below_home) {
  const std::string xdg = DirectoryFrom(environment, xdg_name);
  if (!xdg.empty()) return xdg + "/fumehood";
  const std::string home = DirectoryFrom(environment, "HOME");
  return home.empty() ? "" : home + below_home + "/fumehood";
}

bool IsTrusted(const struct stat& info, uid_t uid) { return info.st_uid == uid || info.st_uid == 0; }

std::optional<struct stat> Look(const std::string& path) {
  auto info = FindStat(kHere, path, true);
  return info ? *info : std::nullopt;  // what cannot be looked at is not there for us
}

bool IsSameFile(const std::string& a, const std::string& b) {
  const auto first = Look(a);
  const auto second = Look(b);
  return first && second && first->st_dev == second->st_dev && first->st_ino == second->st_ino;
}

Environment ProcessEnvironment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (const size_t equals = text.find('='); equals != std::string::npos) {
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return environment;
}

}  // namespace

std::string FindProjectFile(const std::string& working_dir, uid_t uid) {
  for (std::filesystem::path dir = working_dir; dir.is_absolute(); dir = dir.parent_path()) {
    const auto directory = Look(dir.string());
    if (!directory || !IsTrusted(*directory, uid)) return "";
    const std::string file = (dir / kFileName).string();
    const auto info = Look(file);
    // What is no file is found too, so that it is refused by name rather than passed over.
    if (info && IsTrusted(*info, uid)) return file;
    if (dir == dir.root_path()) return "";
  }
  return "";
}

ConfigSources DefaultSources(Environment environment, const std::string& working_dir, uid_t uid) {
  ConfigSources sources;
  sources.system_path = std::string("/etc/fumehood/") + kFileName;
  const std::string user_dir = UserDirectory(environment, "XDG_CONFIG_HOME", "/.config");
  if (!user_dir.empty()) sources.user_path = user_dir + "/" + kFileName;
  sources.project_path = FindProjectFile(working_dir, uid);
  // Somebody working in the directory of their own configuration has no project there.
  const std::string& project = sources.project_path;
  if (!project.empty() && (IsSameFile(project, sources.user_path) || IsSameFile(project, sources.system_path))) {
    sources.project_path.clear();
  }
  sources.environment = std::move(environment);
  sources.uid = uid;
  return sources;
}

ConfigSources DefaultSources() {
  std::error_code error;
  const std::filesystem::path working_dir = std::filesystem::current_path(error);
  return DefaultSources(ProcessEnvironment(), error ? "" : working_dir.string(), geteuid());
}

Result<std::string> DefaultStateDir(const Environment& environment, uid_t uid) {
  const auto named = environment.find("FUMEHOOD_STATE");
  if (named != environment.end() && !named->second.empty()) {
    if (!named->second.starts_with('/')) {
      return Error(ErrorCode::kInvalidArgument, "FUMEHOOD_STATE is " + Quoted(named->second) + "; an absolute path is needed");
    }
    return named->second;
  }
  if (uid == 0) return std::string("/var/lib/fumehood");
  std::string dir = UserDirectory(environment, "XDG_STATE_HOME", "/.local/state");
  if (dir.empty()) return Error(ErrorCode::kInvalidArgument, "no place for the state: neither FUMEHOOD_STATE nor HOME is set");
  return dir;
}

}  // namespace fumehood
