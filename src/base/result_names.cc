// The names of states, reasons and errors, one table each, for include/fumehood/run_result.h and result.h.
#include <array>
#include <string_view>

#include "fumehood/result.h"
#include "fumehood/run_result.h"

namespace fumehood {
namespace {
constexpr std::array kStatusNames = {"PENDING", "RUNNING", "COMPLETED", "FAILED", "KILLED", "UNKNOWN"};
constexpr std::array kReasonNames = {
    "",           "exited",        "signaled",         "memory_limit",  "pids_limit",        "timeout",
    "idle_timeout", "disk_limit",  "output_missing",   "cancelled",     "submit_invalid",    "submit_transient",
    "unschedulable", "runtime_unhealthy", "input_missing", "stage_in",  "stage_out",         "setup_failed",
    "preempted",  "host_lost",     "backend_down",     "engine_error"};
constexpr std::array kErrorNames = {"invalid_argument", "not_found",          "already_exists", "permission_denied", "unsupported",
                                    "resource_exhausted", "unavailable", "corrupt", "internal"};
static_assert(kErrorNames.size() == static_cast<size_t>(ErrorCode::kInternal) + 1);
static_assert(kStatusNames.size() == static_cast<size_t>(RunStatus::kUnknown) + 1);
static_assert(kReasonNames.size() == static_cast<size_t>(Reason::kEngineError) + 1);

template <typename Enum, typename Names>
std::optional<Enum> FindName(const Names& names, std::string_view name) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
  }
  return std::nullopt;
}
}  // namespace

const char* Name(ErrorCode code) { return kErrorNames[static_cast<size_t>(code)]; }
const char* Name(RunStatus status) { return kStatusNames[static_cast<size_t>(status)]; }
const char* Name(Reason reason) { return kReasonNames[static_cast<size_t>(reason)]; }
std::optional<RunStatus> ParseRunStatus(const std::string& name) { return FindName<RunStatus>(kStatusNames, name); }
std::optional<Reason> ParseReason(const std::string& name) { return FindName<Reason>(kReasonNames, name); }
bool IsFinal(RunStatus status) {
  return status == RunStatus::kCompleted || status == RunStatus::kFailed || status == RunStatus::kKilled;
}

}  // namespace fumehood
