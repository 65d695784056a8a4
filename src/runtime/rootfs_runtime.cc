#include "src/runtime/rootfs_runtime.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "src/base/text.h"
#include "src/runtime/rootfs_import.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// The hood's own: an image's would name a home and a user that the run has not, or act on the loader.
constexpr std::array kNotTheImages = {"HOME", "HOSTNAME", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "TMPDIR", "USER", "LD_PRELOAD"};

}  // namespace

Result<Runtime> RootfsRuntime(const std::string& name, const std::string& location) {
  Runtime runtime{.name = name, .kind = RuntimeKind::kRootfs};
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, location, true));
  if (!there || !S_ISDIR(there->st_mode)) return Error(ErrorCode::kNotFound, "there is no root file system at " + Quoted(location));
  std::string path = kPath;
  FH_ASSIGN_OR_RETURN(const auto described, FindStat(kHere, location + "/" + kRootfsImage, false));
  FH_ASSIGN_OR_RETURN(const auto tree, FindStat(kHere, location + "/" + kRootfsTree, false));
  const bool imported = described && S_ISREG(described->st_mode) && tree && S_ISDIR(tree->st_mode);
  runtime.location = imported ? location + "/" + kRootfsTree : location;
  if (imported) {
    FH_ASSIGN_OR_RETURN(const RootfsRecord record, ReadRootfsRecord(location));
    runtime.identity = record.identity;
    for (const std::string& variable : record.image.env) {
      const size_t equals = variable.find('=');
      if (equals == 0 || equals == std::string::npos || variable.find('\0') != std::string::npos) continue;
      const std::string key = variable.substr(0, equals);
      if (key == "PATH") path = variable.substr(equals + 1);
      const bool own = key.starts_with("FUMEHOOD") || std::find(kNotTheImages.begin(), kNotTheImages.end(), std::string_view(key)) != kNotTheImages.end();
      if (!own) runtime.env[key] = variable.substr(equals + 1);
    }
  }
  for (std::string& directory : Split(path, ':')) {
    if (directory.starts_with('/')) runtime.path.push_back(std::move(directory));  // not what depends on where one is
  }
  return runtime;
}

}  // namespace fumehood
