#include "src/keeper/isolation_probe.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/hood/landlock.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// The value of "Key:\tvalue" in /proc/PID/status.
std::string StatusValue(const std::string& status, const std::string& key) {
  for (const std::string& line : Split(status, '\n')) {
    if (!line.starts_with(key + ":")) continue;
    const std::vector<std::string> words = SplitWords(std::string_view(line).substr(key.size() + 1));
    return words.empty() ? "" : words[0];
  }
  return "";
}

std::vector<std::string> OwnNamespaces(const uint64_t (&run)[8]) {
  constexpr const char* kFiles[] = {"user", "mnt", "pid", "ipc", "uts", "net", "cgroup", "time"};
  std::vector<std::string> own;
  for (size_t i = 0; i < std::size(kFiles); ++i) {
    const auto keepers = FindStat(kHere, fmt::format("/proc/self/ns/{}", kFiles[i]), true);
    if (run[i] != 0 && keepers && *keepers && (*keepers)->st_ino != run[i]) own.emplace_back(kNamespaceNames[i]);
  }
  return own;
}

bool AllZero(const std::string& hex) { return !hex.empty() && hex.find_first_not_of('0') == std::string::npos; }

bool HasCapabilities(const std::string& status) {
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    if (!AllZero(StatusValue(status, set))) return true;
  }
  return false;
}

// Spaces and the like stand as \ooo in mountinfo.
std::string Unescaped(const std::string& field) {
  std::string out;
  for (size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size()) {
      out += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0'));
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

// mountinfo: the fifth field is where, the first after " - " is what (proc_pid_mountinfo(5)).
std::string FileSystemAt(const std::string& mountinfo, const std::string& path) {
  std::string type;
  for (const std::string& line : Split(mountinfo, '\n')) {
    const std::vector<std::string> fields = SplitWords(line);
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() > 5 && Unescaped(fields[4]) == path && dash != fields.end() && dash + 1 != fields.end()) type = *(dash + 1);
  }
  return type;
}

bool Plans(const HoodPlan& plan, Op op) {
  return std::any_of(plan.steps.begin(), plan.steps.end(), [op](const HoodStep& step) { return step.op == op; });
}

}  // namespace

Isolation ProbeIsolation(pid_t pid, const uint64_t (&namespaces)[8], const RunCgroup* cgroup, const HoodPlan& box, const HoodPlan& plan) {
  Isolation isolation;
  constexpr const char* kVersions[] = {"none", "v1", "v2"};
  isolation.cgroup = cgroup == nullptr ? "none" : kVersions[static_cast<size_t>(cgroup->version())];
  if (cgroup != nullptr) isolation.controllers = cgroup->limited();
  const auto run = OpenDir(kHere, fmt::format("/proc/{}", pid));
  isolation.namespaces = OwnNamespaces(namespaces);
  if (!run) return isolation;  // it has ended already: no more is claimed
  const auto status = ReadFile(run->get(), "status");
  if (status) {
    isolation.seccomp = StatusValue(*status, "Seccomp") == "2";
    isolation.no_new_privs = StatusValue(*status, "NoNewPrivs") == "1";
    isolation.no_capabilities = !HasCapabilities(*status);
    const std::string uid = StatusValue(*status, "Uid");
    std::from_chars(uid.data(), uid.data() + uid.size(), isolation.uid);
  }
  const auto mounts = ReadFile(run->get(), "mountinfo");
  // A process that is ending shows its mounts no more: a limit that ended the run within its first moments.
  isolation.filesystem = !mounts ? "unknown" : FileSystemAt(*mounts, plan.cwd) == "overlay" ? "overlay" : "none";
  const bool own_network = std::find(isolation.namespaces.begin(), isolation.namespaces.end(), "net") != isolation.namespaces.end();
  isolation.network = own_network ? "none" : "host";
  // The kernel shows landlock nowhere. The run would not have started had the step failed, so the step's presence is the proof.
  isolation.landlock_abi = Plans(plan, Op::kLandlock) || Plans(box, Op::kLandlock) ? LandlockAbi() : 0;
  return isolation;
}

}  // namespace fumehood
