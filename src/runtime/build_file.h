// The file that a runtime is made from: which kind it is, and what of it the outcome is held against.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/catalog.h"

namespace fumehood {

enum class BuildFileKind {
  kEnvironment,   // environment.yml of conda
  kExplicit,      // conda's explicit list: @EXPLICIT and addresses
  kRequirements,  // requirements.txt of pip and uv
  kLock,          // what `fumehood runtimes lock --json` prints
  kArchive,       // an image: docker save, OCI layout, tar
};
inline constexpr const char* kBuildFileKindNames[] = {"environment.yml", "explicit conda list", "requirements.txt", "runtime lock", "image archive"};

// One address of an explicit list, taken apart.
struct ExplicitPackage {
  std::string address;  // without what stands behind #
  std::string channel, name, version, build;
  std::string digest;   // "sha256:...", "md5:..."; empty: none was given
};

struct BuildFile {
  BuildFileKind kind = BuildFileKind::kRequirements;
  std::string path;    // absolute
  std::string name;    // its last part, for people
  std::string sha256;  // of the text; empty for an archive
  std::vector<std::string> asked;  // packages that the outcome must have, as ComparedName writes them
  std::vector<std::string> channels;   // of an environment.yml, as is the next
  std::vector<std::string> specs;      // "numpy >=1.20"
  bool has_pip_section = false;
  std::vector<ExplicitPackage> explicit_packages;
  std::vector<LockedPackage> locked;
};

// kInvalidArgument for what is none of these, with what would be.
Result<BuildFile> ReadBuildFile(const std::string& path);
Result<BuildFile> ParseBuildFile(const std::string& path, std::string_view text);

// "Ruamel_YAML" -> "ruamel-yaml": names that pip and conda take for the same compare equal.
std::string ComparedName(std::string_view name);

}  // namespace fumehood
