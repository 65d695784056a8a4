// The settings at the top of fumehood.toml, in one table: key, variable, meaning, and how each is read and judged.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/config.h"
#include "src/spec/node_reader.h"

namespace fumehood {

struct Setting {
  std::string_view key;
  std::string_view variable;
  bool is_list;  // in a variable: separated by commas
  void (*read)(NodeReader& reader, const Node& node, const FieldPath& path, Config& config);
};

std::span<const Setting> Settings();
const Setting* FindSetting(std::string_view key);

// All names at the top of the file, the tables included.
std::vector<std::string> ConfigKeyNames();

void ReadExecutor(NodeReader& reader, const Node& node, const FieldPath& path, Config& config);

}  // namespace fumehood
