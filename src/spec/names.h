// The names that the spec's enumerations have in files, on the command line and in records.
#pragma once

#include <optional>
#include <string_view>

#include "fumehood/analysis_spec.h"

namespace fumehood {

const char* Name(InputMode mode);     // "ro"
const char* Name(DatabaseMode mode);  // "snapshot"
const char* Name(NetworkMode mode);   // "none"; "allow" is written {allow: [...]} in files
std::optional<InputMode> ParseInputMode(std::string_view name);
std::optional<DatabaseMode> ParseDatabaseMode(std::string_view name);

inline constexpr const char* kExecutorNames[] = {"local", "container", "cloud", "kubernetes", "slurm"};

bool IsHoodLayer(std::string_view name);
bool IsExecutorName(std::string_view name);

}  // namespace fumehood
