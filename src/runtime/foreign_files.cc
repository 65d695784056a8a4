#include "src/runtime/foreign_files.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "src/record/tree_walk.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

using What = RuntimeFault::What;

// At the top of a prefix, made by the tools themselves.
constexpr std::string_view kOfConda[] = {"conda-meta", "CACHEDIR.TAG", ".condarc", "condarc",  "condarc.d", ".mambarc",
                                         ".nonadmin",  "envs",         "pkgs",     ".rattler", ".gitignore"};
constexpr std::string_view kOfVirtualenv[] = {"pyvenv.cfg", "CACHEDIR.TAG", ".gitignore", ".lock", "lib64", "include"};
constexpr std::string_view kOfVirtualenvsBin[] = {"activate", "Activate.ps1", "python", "deactivate", "pydoc"};

class ForeignVisitor : public TreeVisitor {
 public:
  ForeignVisitor(RuntimeKind kind, const std::vector<ExpectedFile>& expected) : kind_(kind) {
    for (const ExpectedFile& file : expected) {
      const std::string_view path = file.path;
      files_.insert(path);
      for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
        folders_.insert(path.substr(0, slash));
      }
    }
    if (kind == RuntimeKind::kVirtualenv) folders_.insert("bin");  // it has `activate` and `python`, whatever packages bring
  }

  std::vector<RuntimeFault> Take() { return std::move(faults_); }

  Result<void> Entry(int /*dir*/, const std::string& name, const struct stat& /*info*/) override {
    const std::string path = PathOf(name);
    if (IsHalfMadeName(name)) {
      Fault(What::kHalfMade, path, "left by an installation that was ended");
    } else if (!files_.contains(path) && !name.ends_with(".pyc") && !IsToolsOwn(path)) {
      Fault(What::kForeign, path, "no package brought it");
    }
    return {};
  }

  Result<bool> Directory(int dir, const std::string& name, const struct stat& /*info*/) override {
    const std::string path = PathOf(name);
    if (name == "__pycache__" || IsToolsOwn(path)) return false;
    if (IsHalfMadeName(name)) {
      Fault(What::kHalfMade, path, "left by an installation that was ended");
      return false;
    }
    if (!folders_.contains(path)) {
      if (!files_.contains(path) && !IsOfAnotherKeeper(dir, name)) Fault(What::kForeign, path, "no package brought this folder");
      return false;
    }
    entering_ = name;
    return true;
  }

  Result<void> Entered(int /*dir*/, const struct stat& /*info*/) override {
    starts_.push_back(folder_.size());
    if (starts_.size() > 1) folder_ += entering_ + "/";  // the top has no name
    return {};
  }

  void Left() override {
    folder_.resize(starts_.back());
    starts_.pop_back();
  }

  void Problem(const std::string& name, const Error& error) override { Fault(What::kChanged, PathOf(name), error.message()); }

 private:
  std::string PathOf(const std::string& name) const { return folder_ + name; }
  void Fault(What what, std::string path, std::string detail) { faults_.push_back({what, std::move(path), std::move(detail)}); }

  bool IsToolsOwn(const std::string& path) const {
    const auto has = [&](const auto& names) { return std::find(std::begin(names), std::end(names), path) != std::end(names); };
    if (kind_ != RuntimeKind::kVirtualenv) return has(kOfConda);
    const auto begins = [&](std::string_view name) { return path.starts_with("bin/" + std::string(name)); };
    return has(kOfVirtualenv) || std::any_of(std::begin(kOfVirtualenvsBin), std::end(kOfVirtualenvsBin), begins);
  }

  // Another environment within this one, or a package that R installed.
  static bool IsOfAnotherKeeper(int dir, const std::string& name) {
    for (const char* mark : {"/conda-meta/history", "/pyvenv.cfg", "/Meta/package.rds"}) {
      const auto info = FindStat(dir, name + mark, false);
      if (info && *info) return true;
    }
    return false;
  }

  RuntimeKind kind_;
  std::unordered_set<std::string_view> files_;    // into the caller's list
  std::unordered_set<std::string_view> folders_;
  std::string folder_;  // where the walk is, with a slash at its end; empty at the top
  std::vector<size_t> starts_;
  std::string entering_;
  std::vector<RuntimeFault> faults_;
};

}  // namespace

bool IsHalfMadeName(const std::string& name) {
  return name.ends_with(".c~") || name.ends_with(".conda_trash") || name.starts_with(".conda_trash") || name == ".trash" ||
         name.ends_with(".mamba_trash");
}

Result<std::vector<RuntimeFault>> FindForeignFiles(int prefix, RuntimeKind kind, const std::vector<ExpectedFile>& expected) {
  ForeignVisitor visitor(kind, expected);
  FH_TRY(WalkTree(prefix, WalkOrder::kByName, visitor));
  return visitor.Take();
}

}  // namespace fumehood
