#include "src/engine/turn.h"

#include <poll.h>

#include <cerrno>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/ulid.h"
#include "src/engine/ensure_dispatcher.h"
#include "src/record/json_reader.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"
#include "src/sys/local_socket.h"
#include "src/sys/message.h"

namespace fumehood {
namespace {

constexpr const char* kSocket = "turns";
constexpr size_t kLongestAsk = 4096;

Result<Fd> OpenEngineDir(const std::string& state_dir) { return OpenDir(kHere, state_dir + "/" + layout::kEngine); }

// Empty: nobody listens.
Result<Fd> Connect(const std::string& state_dir) {
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenEngineDir(state_dir));
  return ConnectAt(dir, kSocket);
}

std::string PrintAsk(const Waiting& waiting) {
  const auto demand = [](const Demand& d) {
    return fmt::format("[{{\"memory_mb\":{},\"cpu_milli\":{},\"pids\":{},\"disk_mb\":{}}}]", d.memory_mb, d.cpu_milli, d.pids, d.disk_mb);
  };
  JsonWriter json;
  json.BeginObject().Key("run_id").String(waiting.id).Key("priority").Int(waiting.priority).Key("share").String(waiting.share);
  json.Key("lasts_us").Int(waiting.lasts_us).Key("demand").Raw(demand(waiting.ask.demand)).Key("firm").Raw(demand(waiting.ask.firm));
  return json.EndObject().Take();
}

Result<Demand> ReadDemand(JsonReader& json, std::string_view key) {
  std::vector<JsonReader> parts = json.Objects(key);
  if (parts.size() != 1) return Error(ErrorCode::kCorrupt, "a turn was asked for in words that are not understood");
  Demand demand{parts[0].Int("memory_mb"), parts[0].Int("cpu_milli"), parts[0].Int("pids"), parts[0].Int("disk_mb")};
  FH_TRY(parts[0].Finish());
  return demand;
}

// True: something came from the dispatcher, or it has gone. False: `cancelled`.
Result<bool> AwaitEither(const Fd& connection, int cancelled) {
  struct pollfd waits[2] = {{connection.get(), POLLIN, 0}, {cancelled, POLLIN, 0}};
  while (poll(waits, 2, -1) < 0) {
    const int error = errno;
    if (error != EINTR) return ErrnoError(error, "wait for a turn");
  }
  return waits[1].revents == 0;
}

// Empty: cancelled. A slot without a descriptor: the dispatcher went before it gave one.
Result<std::optional<HeldSlot>> AskDispatcher(const Config& config, const Waiting& waiting, int cancelled) {
  FH_ASSIGN_OR_RETURN(const Fd connection, Connect(config.state_dir));
  if (!connection.valid()) return std::optional(HeldSlot());
  if (!SendMessage(connection, PrintAsk(waiting))) return std::optional(HeldSlot());
  FH_ASSIGN_OR_RETURN(const bool answered, AwaitEither(connection, cancelled));
  if (!answered) return std::optional<HeldSlot>();
  auto message = ReceiveMessage(connection, kLongestAsk);
  if (!message || !*message || (*message)->fds.size() != 1) return std::optional(HeldSlot());
  FH_ASSIGN_OR_RETURN(JsonReader json, JsonReader::Parse((*message)->bytes));
  HeldSlot slot{std::move((*message)->fds[0]), json.Int("slot")};
  FH_TRY(json.Finish());
  return std::optional(std::move(slot));
}

}  // namespace

Result<std::optional<HeldSlot>> AwaitTurn(const Config& config, const Waiting& waiting, int cancelled, const std::function<void(const std::string&)>& on_wait) {
  constexpr int kBrieflyMs = 20;
  constexpr int kMostFailures = 500;  // of a dispatcher that goes each time before it answers: 10 s
  std::string told;
  for (int failures = 0;; ++failures) {
    FH_ASSIGN_OR_RETURN(Admitted admitted, AdmitNow(config, waiting));
    if (admitted.slot.fd.valid()) return std::optional(std::move(admitted.slot));
    if (admitted.why_not != told) on_wait(told = admitted.why_not);
    FH_TRY(EnsureDispatcher(config, true));
    FH_ASSIGN_OR_RETURN(auto slot, AskDispatcher(config, waiting, cancelled));
    if (!slot || slot->fd.valid()) return slot;
    if (failures >= kMostFailures) {
      return Error(ErrorCode::kUnavailable, fmt::format("what gives turns to waiting runs does not answer; {}/{}/dispatcher.log may say why", config.state_dir,
                                                        layout::kEngine));
    }
    struct pollfd wait {cancelled, POLLIN, 0};
    if (poll(&wait, 1, kBrieflyMs) > 0) return std::optional<HeldSlot>();
  }
}

Result<Fd> ListenForTurns(const std::string& state_dir) {
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenEngineDir(state_dir));
  return ListenAt(dir, kSocket);  // in place of that of a dispatcher that was killed; we hold the lock
}

Result<Waiting> ReceiveAsk(const Fd& connection) {
  // A peer that says nothing is not to keep the others waiting.
  constexpr int kSeconds = 5;
  LimitSilence(connection, kSeconds);
  FH_ASSIGN_OR_RETURN(const auto message, ReceiveMessage(connection, kLongestAsk));
  if (!message) return Error(ErrorCode::kUnavailable, "the asker of a turn has gone");
  FH_ASSIGN_OR_RETURN(JsonReader json, JsonReader::Parse(message->bytes));
  Waiting waiting;
  waiting.id = json.String("run_id");
  waiting.priority = json.Int("priority");
  waiting.share = json.String("share");
  waiting.lasts_us = json.Int("lasts_us");
  FH_ASSIGN_OR_RETURN(waiting.ask.demand, ReadDemand(json, "demand"));
  FH_ASSIGN_OR_RETURN(waiting.ask.firm, ReadDemand(json, "firm"));
  FH_TRY(json.Finish());
  if (!IsRunId(waiting.id)) return Error(ErrorCode::kCorrupt, "a turn was asked for without a run id");
  waiting.since_us = TimeOfRunId(waiting.id).time_since_epoch().count();
  return waiting;
}

Result<void> GiveTurn(const Fd& connection, const HeldSlot& slot) {
  JsonWriter json;
  json.BeginObject().Key("slot").Int(slot.slot).EndObject();
  return SendMessage(connection, json.text(), {slot.fd.get()});
}

}  // namespace fumehood
