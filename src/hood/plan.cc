#include "src/hood/plan.h"

#include <sys/resource.h>

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {
namespace {

std::string Flags(uint32_t flags) {
  std::vector<std::string> words;
  if ((flags & kTreeReadOnly) != 0) words.emplace_back("read-only");
  if ((flags & kTreeNoExec) != 0) words.emplace_back("noexec");
  if ((flags & kTreeNoDev) != 0) words.emplace_back("nodev");
  if ((flags & kTreeNoSuid) != 0) words.emplace_back("nosuid");
  if ((flags & kTreeIdMap) != 0) words.emplace_back("own ids");
  return words.empty() ? "" : " (" + Join(words, ", ") + ")";
}

// What setrlimit(2) limits, in its units.
std::string LimitName(int64_t resource) {
  switch (resource) {
    case RLIMIT_CORE: return "bytes of a core dump";
    case RLIMIT_FSIZE: return "bytes of one file";
    case RLIMIT_MSGQUEUE: return "bytes in message queues";
    case RLIMIT_SIGPENDING: return "waiting signals";
    default: return fmt::format("resource limit {}", resource);
  }
}

std::string OneLine(const std::string& text) { return Join(Split(text, '\n'), ", "); }

}  // namespace

std::string Describe(const HoodStep& step) {
  const auto at = [&] { return Quoted("/" + step.path); };
  switch (step.op) {
    case Op::kOpenTree: return fmt::format("take {} from the host{}", Quoted(step.path), Flags(step.flags));
    case Op::kNewRoot: return "make a new root directory in memory";
    case Op::kMakeDir: return "make directory " + at();
    case Op::kMakeFile: return "make file " + at();
    case Op::kWriteFile: return "write " + at();
    case Op::kSymlink: return fmt::format("link {} to {}", at(), Quoted(step.text));
    case Op::kAttach: return fmt::format("show it at {}{}", at(), Flags(step.flags));
    case Op::kAttachFrom: return fmt::format("show {} at {}", Quoted("/" + step.text), at());
    case Op::kOverlay: return fmt::format("overlay at {}: {}", at(), OneLine(step.text));
    case Op::kTmpfs: return fmt::format("file system in memory at {}: {}", at(), OneLine(step.text));
    case Op::kReconfigure: return fmt::format("file system at {}: {}", at(), OneLine(step.text));
    case Op::kProc: return "process information at " + at();
    case Op::kDevPts: return "terminals at " + at();
    case Op::kDetach: return "take away " + at();
    case Op::kRemoveDir: return "remove directory " + at();
    case Op::kEnterRoot: return "enter the new root, let the host's go";
    case Op::kSealRoot: return "make the new root read-only";
    case Op::kLoopbackUp: return "loopback interface of its own";
    case Op::kHostName: return "host name " + Quoted(step.text);
    case Op::kRlimit: return fmt::format("{}: at most {}", LimitName(step.number), SplitWords(step.text)[0]);
    case Op::kJoinKeyring: return "key ring of its own";
    case Op::kNotDumpable: return "PID 1 cannot be traced";
    case Op::kBoundCapabilities: return "no capability can be gained";
    case Op::kDropCapabilities: return "drop all capabilities";
    case Op::kNoNewPrivileges: return "no new privileges";
    case Op::kLandlock: return "landlock: writable are only " + OneLine(step.text);
    case Op::kSeccomp: return "load the system call filter";
  }
  return "unknown step";
}

HoodPlan TakeBoxPlan(HoodPlan& plan) {
  HoodPlan box;
  box.namespaces = plan.namespaces;
  box.uid_inside = plan.uid_inside;
  box.gid_inside = plan.gid_inside;
  const auto rest = std::stable_partition(plan.steps.begin(), plan.steps.end(), [](const HoodStep& step) { return step.ahead; });
  box.steps.assign(std::make_move_iterator(plan.steps.begin()), std::make_move_iterator(rest));
  plan.steps.erase(plan.steps.begin(), rest);
  return box;
}

std::string DescribePlan(const HoodPlan& plan) {
  std::vector<std::string> names;
  for (size_t i = 0; i < kNamespaceNames.size(); ++i) {
    if ((plan.namespaces >> i & 1) != 0) names.emplace_back(kNamespaceNames[i]);
  }
  std::string out = fmt::format("namespaces: {}\nuid {}, gid {} inside\n", Join(names, " "), plan.uid_inside, plan.gid_inside);
  for (const HoodStep& step : plan.steps) {
    out += fmt::format("{:11} {}\n", kLayerNames[static_cast<size_t>(step.layer)], Describe(step));
  }
  std::vector<std::string> words;
  for (const std::string& word : plan.argv) words.push_back(Quoted(word));
  return out + fmt::format("in {}: {}\n", Quoted(plan.cwd), Join(words, " "));
}

}  // namespace fumehood
