// PrintSpec: a spec as text. Reading it back gives the same spec, whatever the strings hold, as long as they are valid UTF-8
// without NUL and the numbers are finite, which Validate demands. Secrets are printed as the references they are.
#pragma once

#include <string>

#include "fumehood/analysis_spec.h"
#include "src/spec/document.h"

namespace fumehood {

std::string PrintSpec(const AnalysisSpec& spec, Format format);

// The same for any document whose top is a map.
std::string PrintJson(const Node& document);
std::string PrintYaml(const Node& document);
std::string PrintToml(const Node& document);

// `text` in double quotes, with the escapes that JSON, YAML and TOML share.
std::string DoubleQuoted(std::string_view text);

}  // namespace fumehood
