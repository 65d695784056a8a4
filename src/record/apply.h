// Brings what a run changed over into the project, as the caller and with no more rights than the caller's.
//
// The run's files are hostile. Contents come over, and nothing else: no setuid, setgid or sticky bit, no capability, no
// extended attribute, no special file, no link that leaves the tree. Every path is opened beneath the project without
// following links. Each file appears whole, by a rename, or not at all.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/record/diff.h"

namespace fumehood {

enum class ApplyAction { kWrite, kMakeDir, kLink, kSetMode, kDelete, kLeave };

struct ApplyStep {
  Change change;
  ApplyAction action = ApplyAction::kLeave;
  bool must_be_named = false;  // a dot-file, or something that git or a shell would run: only when asked for by its name
  bool conflict = false;       // the project's entry was changed meanwhile
  std::string why;             // of kLeave: "is a FIFO, socket or device"
};

struct ApplyPlan {
  std::vector<ApplyStep> steps;  // in the order of Difference; a step that is not to be done is there with kLeave and why
};

// `paths`: relative to the work directory; a directory stands for all in it; empty: all. A path that names no change is
// kNotFound; one that is absolute or has `..` is kInvalidArgument.
Result<ApplyPlan> PlanApply(const Difference& difference, const std::vector<std::string>& paths);

struct ApplyOptions {
  bool force = false;                                   // conflicts are overwritten
  std::function<bool(const ApplyStep&)> confirm;        // asked for each conflict unless force; empty: nobody can be asked
};

enum class ApplyState { kDone, kLeft, kFailed };  // kLeft: on purpose, and `message` says why
struct ApplyOutcome {
  std::string path;
  ApplyState state = ApplyState::kDone;
  std::string message;
};
// One outcome for each step. A failure at one path leaves that path as it was and does not stop the others.
std::vector<ApplyOutcome> Apply(const ApplyPlan& plan, int upper_dir, int project_dir, const ApplyOptions& options);

}  // namespace fumehood
