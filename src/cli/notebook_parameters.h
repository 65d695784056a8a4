// The parameters of a notebook as its command line gives them: NAME=VALUE with the types of YAML, and files of them.
#pragma once

#include <string>
#include <vector>

#include "fumehood/result.h"

namespace fumehood {

struct NotebookParameters {
  std::string json = "{}";  // one object; a number that is not finite is NaN, Infinity or -Infinity, as Python's json reads it
  std::vector<Problem> problems;
};

// `file`: JSON, YAML or TOML by its ending; empty: none. `given` goes before what it says.
NotebookParameters ReadNotebookParameters(const std::string& file, const std::vector<std::string>& given);

}  // namespace fumehood
