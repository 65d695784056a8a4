// The JSON Schema (2020-12) of a spec, from the table of fields: for editors that complete and check as one writes.
#pragma once

#include <string>

namespace fumehood {

std::string SpecJsonSchema();

}  // namespace fumehood
