#include "src/cli/doctor_watch.h"

#include <poll.h>

#include <chrono>
#include <csignal>
#include <map>

#include <fmt/format.h>

#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/cli/terminal.h"
#include "src/health/health_check.h"
#include "src/sys/signals.h"

namespace fumehood {
namespace {

std::vector<HealthCheck> LookAtAll(const Context& context) {
  std::vector<HealthCheck> checks = {IsolationCheck(ExamineHost(context.config, context.submitter))};
  for (HealthCheck& check : CheckHealth(context.config)) checks.push_back(std::move(check));
  return checks;
}

CheckState StateOfAll(const std::vector<HealthCheck>& checks) {
  CheckState worst = CheckState::kOk;
  for (const HealthCheck& check : checks) worst = WorstOf(worst, check.state);
  return worst;
}

std::string Capitals(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

// A bar begins the performance data.
std::string WithoutBars(std::string text) {
  for (char& c : text) c = c == '|' ? '/' : c;
  return text;
}

std::string StatusLine(const std::vector<HealthCheck>& checks) {
  const CheckState state = StateOfAll(checks);
  std::vector<std::string> troubles;
  std::vector<std::string> measures;
  for (const HealthCheck& check : checks) {
    if (check.state != CheckState::kOk) troubles.push_back(check.name + ": " + check.found);
    if (!check.measure.empty()) measures.push_back(check.measure);
  }
  const std::string said = troubles.empty() ? fmt::format("{} checks are well", checks.size()) : Join(troubles, "; ");
  return fmt::format("FUMEHOOD {} - {} | {}\n", Capitals(Name(state)), WithoutBars(said), Join(measures, " "));
}

std::string LineOf(const HealthCheck& check, const std::string& change) {
  const std::string mend = check.mend.empty() ? "" : "; to mend: " + check.mend;
  return fmt::format("{}  {}  {}  {}{}\n", Rfc3339(Now()).substr(0, 19) + "Z", check.name, change, check.found, mend);
}

// What is printed after a look: all that is not well at first, later what is another state than it was.
class Changes {
 public:
  std::string Of(const std::vector<HealthCheck>& checks) {
    std::string lines;
    for (const HealthCheck& check : checks) {
      const auto before = known_.find(check.name);
      if (before == known_.end() && check.state != CheckState::kOk) lines += LineOf(check, Name(check.state));
      if (before != known_.end() && before->second != check.state) lines += LineOf(check, fmt::format("{} -> {}", Name(before->second), Name(check.state)));
      known_[check.name] = check.state;
    }
    return lines;
  }

 private:
  std::map<std::string, CheckState> known_;
};

}  // namespace

Result<int> DoctorForMonitoring(const Context& context) {
  const std::vector<HealthCheck> checks = LookAtAll(context);
  PrintOut(StatusLine(checks));
  return static_cast<int>(StateOfAll(checks));
}

Result<int> DoctorOnWatch(const Context& context, int64_t seconds) {
  FH_ASSIGN_OR_RETURN(const Fd signals, CatchSignals({SIGINT, SIGTERM, SIGHUP}));
  (void)::signal(SIGPIPE, SIG_IGN);
  Changes changes;
  std::vector<HealthCheck> checks = LookAtAll(context);
  if (!PrintOut(fmt::format("{}Z  watching {} things every {} s\n", Rfc3339(Now()).substr(0, 19), checks.size(), seconds))) return 0;
  for (;;) {
    if (!PrintOut(changes.Of(checks))) break;
    struct pollfd wait {signals.get(), POLLIN, 0};
    if (poll(&wait, 1, static_cast<int>(seconds * 1000)) > 0) break;
    checks = LookAtAll(context);
  }
  return static_cast<int>(StateOfAll(checks));
}

}  // namespace fumehood
