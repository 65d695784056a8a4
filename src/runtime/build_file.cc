#include "src/runtime/build_file.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/sha256.h"
#include "src/runtime/conda_record.h"
#include "src/runtime/lock.h"
#include "src/runtime/prefix_file.h"
#include "src/spec/import.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr size_t kMaxText = size_t{64} << 20;  // a lock of a large environment takes some 100 KiB
constexpr const char* kAccepted = "an environment.yml of conda, a requirements.txt, an explicit conda list (@EXPLICIT), a runtime lock (fumehood runtimes lock "
                                  "NAME --json) or an image archive";

bool EndsWithAny(std::string_view text, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return text.ends_with(ending); });
}

std::string LastPart(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Error NoBuildFile(const std::string& name, const std::string& why) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("--file {}: {}; taken are: {}", Quoted(name), why, kAccepted));
}

// Files of other tools that people try, and what they can do instead.
const char* InsteadOf(const std::string& name) {
  if (name == "pyproject.toml" || name == "uv.lock") return "is a project's; `uv export --format requirements-txt` makes a requirements.txt of it";
  if (name == "poetry.lock") return "is poetry's; `poetry export` makes a requirements.txt of it";
  if (name == "Pipfile" || name == "Pipfile.lock") return "is pipenv's; `pipenv requirements` makes a requirements.txt of it";
  if (name == "pixi.toml" || name == "pixi.lock") return "is a pixi project's; `pixi project export conda-explicit-spec` makes an explicit list of it";
  if (EndsWithAny(name, {"conda-lock.yml", "conda-lock.yaml"})) return "is conda-lock's; `conda-lock render --kind explicit` makes an explicit list of it";
  if (name == "renv.lock") return "is renv's, which nothing here builds";
  return nullptr;
}

// --- requirements.txt

// Comments gone, lines that end with \ joined.
std::vector<std::string> LogicalLines(std::string_view text) {
  std::vector<std::string> lines;
  std::string held;
  for (std::string_view line : Lines(text)) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool goes_on = line.ends_with('\\');
    if (goes_on) line.remove_suffix(1);
    held += line;
    if (goes_on) continue;
    const size_t comment = held.starts_with('#') ? 0 : std::min(held.find(" #"), held.find("\t#"));
    lines.emplace_back(Trimmed(std::string_view(held).substr(0, comment)));
    held.clear();
  }
  if (!held.empty()) lines.emplace_back(Trimmed(held));
  return lines;
}

// Of "numpy[x] >= 1; python_version > '3'": empty where it is a path or an address, or holds only under a condition.
std::string RequiredName(std::string_view line) {
  size_t end = 0;
  while (end < line.size() && (std::isalnum(static_cast<unsigned char>(line[end])) != 0 || line[end] == '.' || line[end] == '_' || line[end] == '-')) ++end;
  const std::string_view name = line.substr(0, end);
  const bool is_path = line.find('/') != std::string_view::npos && line.find(" @ ") == std::string_view::npos;
  const bool conditional = line.find(';') != std::string_view::npos;
  if (name.empty() || is_path || conditional || EndsWithAny(name, {".whl", ".gz", ".zip"})) return {};
  return ComparedName(name);
}

Result<void> ReadRequirements(std::string_view text, BuildFile& file) {
  for (const std::string& line : LogicalLines(text)) {
    if (line.empty()) continue;
    if (line == "-e" || line.starts_with("-e ") || line.starts_with("-e\t") || line.starts_with("--editable")) {
      return NoBuildFile(file.name, fmt::format("{} would leave the package's code outside of the runtime, where it can change unseen: name it without -e",
                                                Quoted(line)));
    }
    if (line.starts_with('-')) continue;
    if (std::string name = RequiredName(line); !name.empty()) file.asked.push_back(std::move(name));
  }
  return {};
}

// --- environment.yml

Result<void> ReadEnvironment(std::string_view text, BuildFile& file) {
  ProblemList problems(file.name);
  const auto document = ImportDocument(text, Format::kYaml, problems);
  if (!problems.empty()) return ProblemsError("--file " + Quoted(file.name), problems.Take());
  const Node* dependencies = document && document->kind == Node::Kind::kMap ? FindEntry(*document, "dependencies") : nullptr;
  if (dependencies == nullptr || dependencies->kind != Node::Kind::kList) return NoBuildFile(file.name, "has no list of `dependencies`, as an environment.yml has");
  if (const Node* channels = FindEntry(*document, "channels")) {
    for (const Node& channel : channels->items) {
      if (channel.text != "nodefaults") file.channels.push_back(channel.text);
    }
  }
  for (const Node& item : dependencies->items) {
    if (item.kind == Node::Kind::kString) {
      file.specs.push_back(item.text);
      if (const std::string name = CondaNameOf(item.text); !name.empty()) file.asked.push_back(ComparedName(name));
    }
    const Node* pip = item.kind == Node::Kind::kMap ? FindEntry(item, "pip") : nullptr;
    if (pip == nullptr) continue;
    file.has_pip_section = true;
    std::string lines;
    for (const Node& line : pip->items) lines += line.text + "\n";
    FH_TRY(ReadRequirements(lines, file));
  }
  return {};
}

// --- @EXPLICIT

// What goes into the files and words that tools are given may hold nothing that means something there.
bool IsPlain(std::string_view word, std::string_view more = "") {
  return std::all_of(word.begin(), word.end(), [&](unsigned char c) { return std::isalnum(c) != 0 || std::string_view("._-+!~").find(static_cast<char>(c)) != std::string_view::npos ||
                                                                          more.find(static_cast<char>(c)) != std::string_view::npos; });
}
bool IsPlainAddress(std::string_view address) { return IsPlain(address, ":/@%?=&,;$()*[]"); }

// "https://host/channel/linux-64/name-version-build.conda#digest".
Result<ExplicitPackage> ReadAddress(const std::string& line) {
  const auto wrong = [&](const char* why) { return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", Quoted(line), why)); };
  ExplicitPackage package;
  const size_t hash = line.find('#');
  package.address = line.substr(0, hash);
  if (package.address.find("://") == std::string::npos) return wrong("is no address of a package");
  if (hash != std::string::npos) {
    std::string digest = line.substr(hash + 1);
    if (digest.starts_with("sha256:")) digest = digest.substr(7);
    const bool is_hex = std::all_of(digest.begin(), digest.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
    if (!is_hex || (digest.size() != 32 && digest.size() != 64)) return wrong("has a digest that is neither MD5 nor SHA-256");
    package.digest = (digest.size() == 32 ? "md5:" : "sha256:") + digest;
  }
  const size_t slash = package.address.rfind('/');
  const size_t subdir = package.address.rfind('/', slash - 1);
  std::string stem = package.address.substr(slash + 1);
  for (const std::string_view ending : {".conda", ".tar.bz2"}) {
    if (stem.ends_with(ending)) stem.resize(stem.size() - ending.size());
  }
  const size_t build = stem.rfind('-');
  const size_t version = build == std::string::npos || build == 0 ? std::string::npos : stem.rfind('-', build - 1);
  if (version == std::string::npos || version == 0 || subdir == std::string::npos) return wrong("does not end with channel/platform/name-version-build.conda");
  package.channel = package.address.substr(0, subdir);
  package.name = stem.substr(0, version);
  package.version = stem.substr(version + 1, build - version - 1);
  package.build = stem.substr(build + 1);
  if (!IsPlain(stem) || !IsPlainAddress(package.address)) return wrong("has characters that no package's address has");
  return package;
}

Result<void> ReadExplicit(std::string_view text, BuildFile& file) {
  for (const std::string_view line : Lines(text)) {
    const std::string_view word = Trimmed(line);
    if (word.empty() || word.starts_with('#') || word == "@EXPLICIT") continue;
    auto package = ReadAddress(std::string(word));
    if (!package) return std::move(package).error().Within("--file " + Quoted(file.name));
    file.asked.push_back(ComparedName(package->name));
    file.explicit_packages.push_back(std::move(*package));
  }
  return file.explicit_packages.empty() ? Result<void>(NoBuildFile(file.name, "is an explicit list of no package")) : Result<void>();
}

// --- our own lock

Result<void> ReadLock(std::string_view text, BuildFile& file) {
  auto packages = ParseLock(text);
  if (!packages) return NoBuildFile(file.name, fmt::format("looks like a runtime lock and is none ({})", packages.error().message()));
  for (const LockedPackage& package : *packages) {
    if (package.manager != "conda" && package.manager != "pip") {
      return NoBuildFile(file.name, fmt::format("locks the {} package {}, which no tool here installs into a runtime", package.manager, Quoted(package.name)));
    }
    const bool named = !package.name.empty() && !package.name.starts_with('-') && !package.version.empty();
    if (!named || !IsPlain(package.name) || !IsPlain(package.version) || !IsPlain(package.build) || !IsPlainAddress(package.source)) {
      return NoBuildFile(file.name, fmt::format("locks {} {}, which no package is called", Quoted(package.name), Quoted(package.version)));
    }
    if (package.build == "editable") return NoBuildFile(file.name, fmt::format("locks {}, whose code lies in somebody's directory (an editable install)", Quoted(package.name)));
    file.asked.push_back(ComparedName(package.name));
  }
  if (packages->empty()) return NoBuildFile(file.name, "locks no package");
  file.locked = std::move(*packages);
  return {};
}

bool IsExplicit(std::string_view text) {
  const auto lines = Lines(text);
  return std::any_of(lines.begin(), lines.end(), [](std::string_view line) { return Trimmed(line) == "@EXPLICIT"; });
}

bool IsLock(std::string_view text) { return Trimmed(text).starts_with("{\"version\":") && text.find("\"packages\":[") != std::string_view::npos; }

}  // namespace

std::string ComparedName(std::string_view name) {
  std::string compared;
  for (const char c : name) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (separator && compared.ends_with('-')) continue;
    compared += separator ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return compared;
}

Result<BuildFile> ParseBuildFile(const std::string& path, std::string_view text) {
  BuildFile file{.path = path, .name = LastPart(path), .sha256 = Sha256Hex(text)};
  if (const char* instead = InsteadOf(file.name)) return NoBuildFile(file.name, instead);
  if (IsLock(text)) {
    file.kind = BuildFileKind::kLock;
    FH_TRY(ReadLock(text, file));
  } else if (IsExplicit(text)) {
    file.kind = BuildFileKind::kExplicit;
    FH_TRY(ReadExplicit(text, file));
  } else if (EndsWithAny(file.name, {".yml", ".yaml"})) {
    file.kind = BuildFileKind::kEnvironment;
    FH_TRY(ReadEnvironment(text, file));
  } else if (EndsWithAny(file.name, {".txt", ".in"}) && IsValidUtf8(text)) {
    FH_TRY(ReadRequirements(text, file));
  } else {
    return NoBuildFile(file.name, "by its name and contents it is none that a runtime is made from");
  }
  std::sort(file.asked.begin(), file.asked.end());
  file.asked.erase(std::unique(file.asked.begin(), file.asked.end()), file.asked.end());
  return file;
}

Result<BuildFile> ReadBuildFile(const std::string& path) {
  const std::string name = LastPart(path);
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(kHere, path, true));
  if (!info) return Error(ErrorCode::kInvalidArgument, fmt::format("--file {}: there is no such file", Quoted(path)));
  if (S_ISDIR(info->st_mode) || EndsWithAny(name, {".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".oci"})) {
    return BuildFile{.kind = BuildFileKind::kArchive, .path = path, .name = name};
  }
  FH_ASSIGN_OR_RETURN(const auto text, FindRegularFile(kHere, path, kMaxText));
  if (!text) return NoBuildFile(name, "is no regular file");
  return ParseBuildFile(path, *text);
}

}  // namespace fumehood
