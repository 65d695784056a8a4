#include "src/engine/pipeline_named_files.h"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "src/base/text.h"
#include "src/record/glob.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr size_t kMaxName = 4095;
constexpr std::string_view kBetween = " \t\r\n;&|<>()\"'=,$`{}:[]";

void AddParts(std::string_view text, std::set<std::string>& words) {
  for (size_t begin = text.find_first_not_of(kBetween); begin != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
    words.emplace(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kBetween, end);
  }
}

// "a/b" of "./a//b" or WORKDIR/a/b; empty: not beneath.
std::string Relative(const std::string& word, const std::string& workdir) {
  std::string path = word;
  if (path.starts_with('/')) {
    if (!path.starts_with(workdir + "/")) return "";
    path.erase(0, workdir.size() + 1);
  }
  std::vector<std::string> steps;
  for (std::string& step : Split(path, '/')) {
    if (step == "..") return "";
    if (!step.empty() && step != ".") steps.push_back(std::move(step));
  }
  return Join(steps, "/");
}

bool IsCovered(const std::string& path, const AnalysisSpec& spec, const std::string& workdir) {
  return std::any_of(spec.inputs.begin(), spec.inputs.end(), [&](const InputSpec& input) {
    const std::string target = Relative(input.to.empty() ? input.path : input.to, workdir);
    return !target.empty() && (path == target || path.starts_with(target + "/"));
  });
}

}  // namespace

std::vector<std::string> FilesNamedBy(const AnalysisSpec& spec, const std::string& workdir) {
  std::set<std::string> words;
  for (const std::string& word : spec.command) {
    if (!spec.command_is_script) words.insert(word);
    AddParts(word, words);
  }
  const auto top = OpenDir(kHere, workdir);
  if (!top) return {};
  std::vector<Glob> made;
  for (const std::string& glob : spec.outputs) made.emplace_back(glob.starts_with("./") ? glob.substr(2) : glob);
  std::set<std::string> files;
  for (const std::string& word : words) {
    const std::string path = word.size() > kMaxName ? "" : Relative(word, workdir);
    if (path.empty() || IsCovered(path, spec, workdir)) continue;
    if (std::any_of(made.begin(), made.end(), [&](const Glob& glob) { return glob.Matches(path); })) continue;
    const auto there = OpenBeneathFollowing(top->get(), path, O_PATH);
    const auto info = there ? StatFd(*there) : Result<struct stat>(there.error());
    if (info && S_ISREG(info->st_mode)) files.insert(path);
  }
  return {files.begin(), files.end()};
}

}  // namespace fumehood
