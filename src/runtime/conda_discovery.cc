#include "src/runtime/conda_discovery.h"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <utility>

#include "src/base/text.h"
#include "src/runtime/condarc.h"
#include "src/runtime/prefix_file.h"
#include "src/sys/file.h"
#include "src/sys/user.h"

namespace fumehood {
namespace {

// Some thousand environments take far less.
constexpr size_t kMaxListBytes = size_t{4} << 20;

// Where installers put a root prefix when nobody says otherwise: a service has none of the variables that a login sets.
constexpr const char* kCustomaryBelowHome[] = {"miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba",
                                               ".local/share/mamba"};
constexpr const char* kCustomaryRoots[] = {"/opt/conda", "/opt/miniconda3", "/opt/anaconda3", "/opt/miniforge3", "/opt/mambaforge"};

class Search {
 public:
  explicit Search(const CondaPlaces& places) : places_(places) {}

  CondaDiscovery Run() {
    auto root = OpenDir(kHere, places_.root);
    if (!root) {
      found_.remarks.push_back(root.error().message());
      return std::move(found_);
    }
    root_ = std::move(*root);
    FindRoots();
    FindEnvsDirs();
    for (const auto& [path, from] : roots_) (void)Take(path, true, from);  // without a history it may still hold envs
    for (const std::string& home : Homes()) ReadEnvironmentsTxt(home + "/.conda/environments.txt");
    // A root that only environments.txt knew has environments as well.
    for (const auto& [path, from] : roots_) ListEnvs(path + "/envs", "the root prefix " + path);
    for (const auto& [path, from] : envs_dirs_) ListEnvs(path, from);
    Name();
    return std::move(found_);
  }

 private:
  using Place = std::pair<std::string, std::string>;  // path, and who named it

  std::string Variable(const std::string& name) const {
    const auto found = places_.environment.find(name);
    return found == places_.environment.end() ? std::string() : found->second;
  }
  std::vector<std::string> Homes() const {
    std::vector<std::string> homes = places_.homes;
    if (!places_.home.empty()) homes.insert(homes.begin(), places_.home);
    return homes;
  }
  // Below our root, as the calls want it.
  static std::string Relative(const std::string& path) {
    const size_t first = path.find_first_not_of('/');
    return first == std::string::npos ? "." : path.substr(first);
  }
  std::optional<struct stat> Find(const std::string& path) const {
    const auto info = FindStat(root_.get(), Relative(path), true);
    return info ? *info : std::nullopt;
  }

  std::optional<std::string> Read(const std::string& path) {
    auto text = FindRegularFile(root_.get(), Relative(path), kMaxListBytes);
    if (text) return std::move(*text);
    found_.remarks.push_back("not read, so that what it names may be missing: " + path + ": " + text.error().message());
    return std::nullopt;
  }

  void AddRoot(const std::string& text, const std::string& from) {
    const std::string path = NormalPath(text);
    if (path.size() < 2 || path.front() != '/') return;
    const auto same = [&](const Place& place) { return place.first == path; };
    if (std::none_of(roots_.begin(), roots_.end(), same)) roots_.emplace_back(path, from);
  }
  void AddEnvsDirs(const std::string& list, const std::string& from) {
    for (const std::string& text : Split(list, ':')) AddEnvsDir(text, from);
  }
  void AddEnvsDir(const std::string& text, const std::string& from) {
    const std::string path = NormalPath(ExpandPath(text, places_.environment, places_.home));
    if (path.size() > 1 && path.front() == '/') envs_dirs_.emplace_back(path, from);
  }

  void FindRoots() {
    AddRoot(Variable("CONDA_ROOT"), "CONDA_ROOT");
    // ROOT/bin/conda, or ROOT/condabin/conda.
    if (const std::string conda = Variable("CONDA_EXE"); !conda.empty()) AddRoot(conda + "/../..", "CONDA_EXE");
    AddRoot(Variable("MAMBA_ROOT_PREFIX"), "MAMBA_ROOT_PREFIX");
    for (const std::string& home : Homes()) {
      for (const char* name : kCustomaryBelowHome) AddRoot(home + "/" + name, "its customary place");
    }
    for (const char* path : kCustomaryRoots) AddRoot(path, "its customary place");
  }

  void FindEnvsDirs() {
    AddEnvsDirs(Variable("CONDA_ENVS_DIRS"), "CONDA_ENVS_DIRS");
    AddEnvsDirs(Variable("CONDA_ENVS_PATH"), "CONDA_ENVS_PATH");
    std::set<std::string> read;
    const std::string first = roots_.empty() ? std::string() : roots_.front().first;
    for (const std::string& path : CondarcPaths(places_.environment, places_.home, first)) {
      if (!read.insert(path).second) continue;
      if (path.back() == '/') {
        ReadCondarcFolder(path);
      } else {
        ReadCondarc(path);
      }
    }
    for (const std::string& home : Homes()) AddEnvsDir(home + "/.conda/envs", home + "/.conda/envs");
  }

  void ReadCondarcFolder(const std::string& path) {
    const auto fd = OpenDir(root_.get(), Relative(path));
    if (!fd) return;
    const auto names = NamesBeneath(fd->get(), ".");
    if (!names) return;
    for (const std::string& name : *names) {
      if (name.ends_with(".yml") || name.ends_with(".yaml") || name.ends_with("condarc")) ReadCondarc(path + name);
    }
  }

  void ReadCondarc(const std::string& path) {
    const auto text = Read(path);
    if (!text) return;
    const auto settings = ParseCondarc(*text, places_.environment, places_.home);
    if (!settings) {
      found_.remarks.push_back("passed over, so that what it names may be missing: " + path + ": " + settings.error().message());
      return;
    }
    for (const std::string& dir : settings->envs_dirs) AddEnvsDir(dir, path);
    for (const std::string& root : settings->root_prefix) AddRoot(root, path);
  }

  void ReadEnvironmentsTxt(const std::string& path) {
    const auto text = Read(path);
    if (!text) return;
    for (const std::string_view line : Lines(*text)) {
      const std::string prefix = NormalPath(Trimmed(line));
      if (prefix.size() < 2 || prefix.front() != '/') continue;
      // conda's own command lies in every root prefix, and in no other.
      const bool is_root = Find(prefix + "/condabin/conda") || Find(prefix + "/condabin/mamba");
      if (Take(prefix, is_root, path) && is_root) AddRoot(prefix, path);
    }
  }

  void ListEnvs(const std::string& path, const std::string& from) {
    const auto fd = OpenDir(root_.get(), Relative(path));
    if (!fd) return;
    const auto names = NamesBeneath(fd->get(), ".");
    if (!names) {
      found_.remarks.push_back("not listed: " + path + ": " + names.error().message());
      return;
    }
    envs_places_.insert(path);
    for (const std::string& name : *names) (void)Take(path + "/" + name, false, from);
  }

  // False where there is no prefix, or it is known already.
  bool Take(const std::string& path, bool is_base, const std::string& from) {
    const auto info = Find(path);
    // The history is what makes a directory an environment, for conda as well.
    if (!info || !S_ISDIR(info->st_mode) || !Find(path + "/conda-meta/history")) return false;
    if (!seen_.emplace(info->st_dev, info->st_ino).second) return false;
    found_.prefixes.push_back({.path = path, .name = {}, .is_base = is_base, .owner = info->st_uid, .found_in = from});
    return true;
  }

  void Name() {
    for (CondaPrefix& prefix : found_.prefixes) {
      const size_t slash = prefix.path.rfind('/');
      const bool listed = envs_places_.contains(prefix.path.substr(0, slash));
      prefix.name = listed && !prefix.is_base ? prefix.path.substr(slash + 1) : CondaName(prefix.path, prefix.is_base);
    }
    std::sort(found_.prefixes.begin(), found_.prefixes.end(), [](const CondaPrefix& a, const CondaPrefix& b) {
      return std::pair(!a.is_base, a.path) < std::pair(!b.is_base, b.path);
    });
  }

  const CondaPlaces& places_;  // the caller's
  Fd root_;
  std::vector<Place> roots_;
  std::vector<Place> envs_dirs_;
  std::set<std::string> envs_places_;
  std::set<std::pair<dev_t, ino_t>> seen_;
  CondaDiscovery found_;
};

}  // namespace

CondaPlaces DefaultCondaPlaces(Environment environment, uid_t uid) {
  CondaPlaces places;
  if (const auto home = environment.find("HOME"); home != environment.end()) places.home = home->second;
  places.environment = std::move(environment);
  if (uid == 0) places.homes = AllHomes();
  std::erase(places.homes, places.home);
  return places;
}

CondaDiscovery DiscoverConda(const CondaPlaces& places) { return Search(places).Run(); }

std::string CondaName(const std::string& prefix, bool is_base) {
  if (is_base) return "base";
  const std::vector<std::string> parts = Split(prefix, '/');
  return parts.size() > 2 && parts[parts.size() - 2] == "envs" ? parts.back() : prefix;
}

}  // namespace fumehood
