// PlanApply, of src/record/apply.h: decides, touches nothing.
#include <algorithm>
#include <cctype>

#include "src/base/text.h"
#include "src/record/apply.h"
#include "src/record/link_target.h"

namespace fumehood {
namespace {

using Components = std::vector<std::string>;

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Result<Components> ParseArgument(const std::string& path) {
  Components components;
  const bool absolute = path.starts_with('/');
  for (std::string& part : Split(path, '/')) {
    if (part == ".." || absolute) {
      return Error(ErrorCode::kInvalidArgument, Quoted(path) + ": give paths relative to the work directory, without '..'");
    }
    if (!part.empty() && part != ".") components.push_back(std::move(part));
  }
  return components;
}

bool Covers(const Components& argument, const Components& path) {
  return argument.size() <= path.size() && std::equal(argument.begin(), argument.end(), path.begin());
}

// How many components an argument must spell out before it names this path on purpose: up to the last one that hides (a
// dot-file) or that makes git run something (hooks, config). Compared without case, as some file systems do. 0: none.
size_t SensitiveDepth(const Components& path) {
  size_t depth = 0;
  bool in_git = false;
  for (size_t i = 0; i < path.size(); ++i) {
    const std::string name = Lower(path[i]);
    const bool runs = in_git && (name == "hooks" || name.starts_with("config") || name == "info");
    if (name.starts_with('.') || runs) depth = i + 1;
    in_git = in_git || name == ".git" || name.ends_with(".git");
  }
  return depth;
}

ApplyAction ActionFor(const Change& change, std::string& why) {
  switch (change.now) {
    case EntryKind::kFile: return change.kind == ChangeKind::kModeChanged ? ApplyAction::kSetMode : ApplyAction::kWrite;
    case EntryKind::kDirectory: return change.kind == ChangeKind::kModeChanged ? ApplyAction::kSetMode : ApplyAction::kMakeDir;
    case EntryKind::kWhiteout: return ApplyAction::kDelete;
    case EntryKind::kSymlink:
      if (StaysInTree(change.path, change.link_target)) return ApplyAction::kLink;
      why = "is a link that may lead out of the project, to " + Quoted(change.link_target);
      return ApplyAction::kLeave;
    case EntryKind::kSpecial: break;
  }
  why = "is a FIFO, socket or device";
  return ApplyAction::kLeave;
}

ApplyStep PlanStep(const Change& change, const std::vector<Components>& arguments, std::vector<bool>& used) {
  ApplyStep step{change, ApplyAction::kLeave, false, change.changed_meanwhile, ""};
  const Components path = Split(change.path, '/');
  const size_t sensitive = SensitiveDepth(path);
  step.must_be_named = sensitive > 0;
  bool asked = arguments.empty();
  bool named = sensitive == 0;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!Covers(arguments[i], path)) continue;
    used[i] = true;
    asked = true;
    named = named || arguments[i].size() >= sensitive;
  }
  if (!asked) {
    step.why = "was not asked for";
  } else if (!named) {
    step.why = "is hidden, or something that git would run: it is brought over only when named, as " +
               Quoted(Join({path.begin(), path.begin() + static_cast<std::ptrdiff_t>(sensitive)}, "/"));
  } else {
    step.action = ActionFor(change, step.why);
  }
  return step;
}

}  // namespace

Result<ApplyPlan> PlanApply(const Difference& difference, const std::vector<std::string>& paths) {
  std::vector<Components> arguments;
  for (const std::string& path : paths) {
    FH_ASSIGN_OR_RETURN(Components components, ParseArgument(path));
    arguments.push_back(std::move(components));
  }
  std::vector<bool> used(arguments.size(), false);
  ApplyPlan plan;
  for (const Change& change : difference.changes) plan.steps.push_back(PlanStep(change, arguments, used));
  std::vector<std::string> unused;
  for (size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) unused.push_back(Quoted(paths[i]));
  }
  if (unused.empty()) return plan;
  return Error(ErrorCode::kInvalidArgument, Join(unused, ", ") + ": the run changed nothing there, or it is applied already");
}

}  // namespace fumehood
