// Turns: how a program in the foreground waits. It starts its run itself, with its own streams and secrets; all that it needs of the
// dispatcher is a slot of the ledger when its turn has come. It asks through a socket, and while it waits it is the open connection: when
// it goes, nothing of it stays.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/engine/admission.h"
#include "src/sys/fd.h"

namespace fumehood {

// Blocks until the run may start. `on_wait` is told why not at once, each time that the reason changes. Empty: `cancelled` became readable
// meanwhile (-1: nothing cancels).
Result<std::optional<HeldSlot>> AwaitTurn(const Config& config, const Waiting& waiting, int cancelled, const std::function<void(const std::string&)>& on_wait);

// The dispatcher's side.
Result<Fd> ListenForTurns(const std::string& state_dir);
// Of a new connection: what it asks for.
Result<Waiting> ReceiveAsk(const Fd& connection);
Result<void> GiveTurn(const Fd& connection, const HeldSlot& slot);

}  // namespace fumehood
