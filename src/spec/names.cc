#include "src/spec/names.h"

#include <algorithm>
#include <iterator>

namespace fumehood {
namespace {

constexpr const char* kInputModes[] = {"ro", "cow", "copy"};
constexpr const char* kDatabaseModes[] = {"snapshot", "ro"};
constexpr const char* kNetworkModes[] = {"none", "host", "allow"};

template <typename Enum, size_t N>
std::optional<Enum> Find(const char* const (&names)[N], std::string_view name) {
  const auto* found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) return std::nullopt;
  return static_cast<Enum>(found - names);
}

template <size_t N>
bool Has(const char* const (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

const char* Name(InputMode mode) { return kInputModes[static_cast<size_t>(mode)]; }
const char* Name(DatabaseMode mode) { return kDatabaseModes[static_cast<size_t>(mode)]; }
const char* Name(NetworkMode mode) { return kNetworkModes[static_cast<size_t>(mode)]; }
std::optional<InputMode> ParseInputMode(std::string_view name) { return Find<InputMode>(kInputModes, name); }
std::optional<DatabaseMode> ParseDatabaseMode(std::string_view name) { return Find<DatabaseMode>(kDatabaseModes, name); }
bool IsHoodLayer(std::string_view name) { return Has(kHoodLayers, name); }
bool IsExecutorName(std::string_view name) { return Has(kExecutorNames, name); }

}  // namespace fumehood
