#include "src/hood/systemd_scope.h"

#include <dlfcn.h>
#include <poll.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "src/base/text.h"
#include "src/sys/errno_error.h"

namespace fumehood {
namespace {

constexpr char kManager[] = "org.freedesktop.systemd1";
constexpr char kManagerPath[] = "/org/freedesktop/systemd1";
constexpr char kManagerInterface[] = "org.freedesktop.systemd1.Manager";
constexpr char kScopeInterface[] = "org.freedesktop.systemd1.Scope";
constexpr std::chrono::seconds kPatience{10};

// The calls we need of libsystemd, found by name.
struct BusLibrary {
  decltype(&sd_bus_new) bus_new = nullptr;
  decltype(&sd_bus_set_address) set_address = nullptr;
  decltype(&sd_bus_set_bus_client) set_bus_client = nullptr;
  decltype(&sd_bus_start) start = nullptr;
  decltype(&sd_bus_flush_close_unref) close = nullptr;
  decltype(&sd_bus_match_signal) match_signal = nullptr;
  decltype(&sd_bus_process) process = nullptr;
  decltype(&sd_bus_wait) wait = nullptr;
  decltype(&sd_bus_call_method) call_method = nullptr;
  decltype(&sd_bus_get_property_string) get_property_string = nullptr;
  decltype(&sd_bus_message_read) message_read = nullptr;
  decltype(&sd_bus_message_unref) message_unref = nullptr;
  decltype(&sd_bus_error_free) error_free = nullptr;
};

template <typename Function>
bool Bind(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

Result<BusLibrary> LoadBusLibrary() {
  // Never closed: it has thread-local state, and a launching program needs it until its end.
  void* library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return Error(ErrorCode::kUnsupported, "load libsystemd.so.0: not there: `sudo apt-get install libsystemd0`");
  }
  BusLibrary bus;
  const bool whole = Bind(library, "sd_bus_new", bus.bus_new) && Bind(library, "sd_bus_set_address", bus.set_address) &&
                     Bind(library, "sd_bus_set_bus_client", bus.set_bus_client) && Bind(library, "sd_bus_start", bus.start) &&
                     Bind(library, "sd_bus_flush_close_unref", bus.close) &&
                     Bind(library, "sd_bus_match_signal", bus.match_signal) && Bind(library, "sd_bus_process", bus.process) &&
                     Bind(library, "sd_bus_wait", bus.wait) && Bind(library, "sd_bus_call_method", bus.call_method) &&
                     Bind(library, "sd_bus_get_property_string", bus.get_property_string) &&
                     Bind(library, "sd_bus_message_read", bus.message_read) &&
                     Bind(library, "sd_bus_message_unref", bus.message_unref) && Bind(library, "sd_bus_error_free", bus.error_free);
  if (!whole) return Error(ErrorCode::kUnsupported, "libsystemd.so.0 is too old: it lacks a call of sd-bus");
  return bus;
}

// A job of systemd's that we wait for, as its end is announced.
struct AwaitedJob {
  const BusLibrary* library;
  std::string path;
  struct Ended {
    std::string path;
    std::string result;
  };
  std::vector<Ended> ended;  // signals may come before the answer that names our job
};

int OnJobRemoved(sd_bus_message* message, void* data, sd_bus_error*) {
  auto* job = static_cast<AwaitedJob*>(data);
  uint32_t id = 0;
  const char* path = nullptr;
  const char* unit = nullptr;
  const char* result = nullptr;
  if (job->library->message_read(message, "uoss", &id, &path, &unit, &result) >= 0) job->ended.push_back({path, result});
  return 0;
}

class ManagerBus {
 public:
  explicit ManagerBus(const BusLibrary& library) : library_(library) {}
  ManagerBus(const ManagerBus&) = delete;
  ManagerBus& operator=(const ManagerBus&) = delete;
  ~ManagerBus() {
    library_.error_free(&error_);
    if (bus_ != nullptr) library_.close(bus_);
  }

  Result<void> Connect();
  Result<void> StartScopeUnit(pid_t pid, const std::string& unit, const std::string& description, AwaitedJob& job);
  Result<void> WaitFor(AwaitedJob& job, const std::string& unit);
  Result<std::string> ControlGroup(const std::string& unit);

 private:
  Error Failed(int code, const std::string& doing) const {
    return Error(CodeOfErrno(-code), doing + ": " + (error_.message != nullptr ? error_.message : ErrnoText(-code)), -code);
  }

  const BusLibrary& library_;  // outlives the connection
  sd_bus* bus_ = nullptr;
  sd_bus_error error_{};
};

// By address, not by environment: a caller under sudo or cron has none of the variables that name the bus.
Result<void> ManagerBus::Connect() {
  const uid_t uid = geteuid();
  const std::string address = uid == 0 ? "unix:path=/run/dbus/system_bus_socket"
                                       : "unix:path=/run/user/" + std::to_string(uid) + "/bus";
  int code = library_.bus_new(&bus_);
  if (code >= 0) code = library_.set_address(bus_, address.c_str());
  if (code >= 0) code = library_.set_bus_client(bus_, 1);
  if (code >= 0) code = library_.start(bus_);
  if (code >= 0) return {};
  const std::string mend = uid == 0 ? "`sudo apt-get install dbus`" : "`sudo apt-get install dbus-user-session`, then log in again";
  return Error(ErrorCode::kUnavailable, "connect to systemd at " + Quoted(address) + ": " + ErrnoText(-code) + ": " + mend, -code);
}

Result<void> ManagerBus::StartScopeUnit(pid_t pid, const std::string& unit, const std::string& description, AwaitedJob& job) {
  int code = library_.match_signal(bus_, nullptr, kManager, kManagerPath, kManagerInterface, "JobRemoved", OnJobRemoved, &job);
  if (code < 0) return Failed(code, "listen to systemd");
  sd_bus_message* answer = nullptr;
  // CollectMode: a scope that ended badly is forgotten too, so that its name does not stay taken.
  code = library_.call_method(bus_, kManager, kManagerPath, kManagerInterface, "StartTransientUnit", &error_, &answer,
                              "ssa(sv)a(sa(sv))", unit.c_str(), "fail", 5, "Description", "s", description.c_str(), "Delegate", "b", 1,
                              "CollectMode", "s", "inactive-or-failed", "TasksMax", "t", UINT64_MAX, "PIDs", "au", 1,
                              static_cast<uint32_t>(pid), 0);
  if (code < 0) return Failed(code, "ask systemd for the scope " + Quoted(unit));
  const char* path = nullptr;
  code = library_.message_read(answer, "o", &path);
  if (code >= 0) job.path = path;
  library_.message_unref(answer);
  if (code < 0) return Failed(code, "read systemd's answer");
  return {};
}

Result<void> ManagerBus::WaitFor(AwaitedJob& job, const std::string& unit) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    for (const AwaitedJob::Ended& ended : job.ended) {
      if (ended.path != job.path) continue;
      if (ended.result == "done") return {};
      return Error(ErrorCode::kUnavailable, "systemd could not start the scope " + Quoted(unit) + ": " + Quoted(ended.result) +
                                                ": see `journalctl -u " + unit + "`");
    }
    int code = library_.process(bus_, nullptr);
    if (code < 0) return Failed(code, "wait for systemd");
    if (code > 0) continue;
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return Error(ErrorCode::kUnavailable, "systemd did not start the scope " + Quoted(unit) + " in 10 s: try again");
    code = library_.wait(bus_, static_cast<uint64_t>(left));
    if (code < 0 && code != -EINTR) return Failed(code, "wait for systemd");
  }
}

Result<std::string> ManagerBus::ControlGroup(const std::string& unit) {
  sd_bus_message* answer = nullptr;
  int code = library_.call_method(bus_, kManager, kManagerPath, kManagerInterface, "GetUnit", &error_, &answer, "s", unit.c_str());
  if (code < 0) return Failed(code, "ask systemd about " + Quoted(unit));
  const char* object = nullptr;
  char* group = nullptr;
  code = library_.message_read(answer, "o", &object);
  if (code >= 0) code = library_.get_property_string(bus_, kManager, object, kScopeInterface, "ControlGroup", &error_, &group);
  library_.message_unref(answer);
  if (code < 0) return Failed(code, "ask systemd for the cgroup of " + Quoted(unit));
  std::string path = group;
  free(group);
  if (path.empty()) return Error(ErrorCode::kUnavailable, "systemd made no cgroup for " + Quoted(unit) + ": the keeper has gone already");
  return path;
}

}  // namespace

Result<std::string> StartScope(pid_t pid, const std::string& name, const std::string& description) {
  if (access("/run/systemd/system", F_OK) != 0) return Error(ErrorCode::kUnsupported, "systemd does not run on this host");
  FH_ASSIGN_OR_RETURN(const BusLibrary library, LoadBusLibrary());
  const std::string unit = name + ".scope";
  ManagerBus manager(library);
  AwaitedJob job{&library, {}, {}};
  FH_TRY(manager.Connect());
  FH_TRY(manager.StartScopeUnit(pid, unit, description, job));
  FH_TRY(manager.WaitFor(job, unit));
  return manager.ControlGroup(unit);
}

}  // namespace fumehood
