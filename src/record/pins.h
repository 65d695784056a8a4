// Pins: a run that somebody wants kept. <state>/pins/<run id>, an empty file: nothing may be added to a record that is closed.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"
#include "fumehood/run_result.h"

namespace fumehood {

inline constexpr const char* kPins = "pins";

// Durable when they return; true: it was not so before.
Result<bool> Pin(const std::string& state_dir, const RunId& id);
Result<bool> Unpin(const std::string& state_dir, const RunId& id);

bool IsPinned(const std::string& state_dir, const RunId& id);
Result<std::vector<RunId>> ListPinned(const std::string& state_dir);  // sorted

}  // namespace fumehood
