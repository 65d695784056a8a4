// The profiles and the maximum: maps of limits in a file, single limits in variables.
#pragma once

#include <map>
#include <string>

#include "fumehood/config.h"
#include "src/spec/limits.h"
#include "src/spec/node_reader.h"

namespace fumehood {

// What the profiles are until a configuration says otherwise.
std::map<std::string, Limits> BuiltInProfiles();

enum class Power {
  kSet,
  kTighten,  // a project's file: may lower what is there, and nothing else
};

void ReadLimit(NodeReader& reader, const Node& node, const FieldPath& path, const LimitField& field, Power power, Limits& limits);
void ReadLimits(NodeReader& reader, const Node& node, const FieldPath& path, Power power, Limits& limits);
// A new profile starts from `default` as it is by then.
void ReadProfiles(NodeReader& reader, const Node& node, const FieldPath& path, Power power, std::map<std::string, Limits>& profiles);

}  // namespace fumehood
