// [retention.default] and [retention."NAME=VALUE"]: what gc may take.
#pragma once

#include <map>
#include <string>

#include "fumehood/config.h"
#include "src/spec/node_reader.h"

namespace fumehood {

inline constexpr const char* kDefaultRetention = "default";

void ReadRetention(NodeReader& reader, const Node& node, const FieldPath& path, std::map<std::string, RetentionRule>& rules);

}  // namespace fumehood
