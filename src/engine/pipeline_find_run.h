// Finds the run that an intent of a journal has become, by its label, where the program died before it could write down the run's id.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "fumehood/result.h"
#include "fumehood/run_result.h"

namespace fumehood {

// Empty: there is none, and there never will be: whoever would have submitted it is dead.
using FindRunOfIntent = std::function<Result<std::optional<RunId>>(const std::string& intent)>;

// Looks through the queue, and through the run directories that are no older than the intent.
Result<std::optional<RunId>> WalkForRunOfIntent(const std::string& state_dir, const std::string& intent);

}  // namespace fumehood
