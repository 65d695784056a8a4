// BuildRuntime: a runtime made from a file, by whichever tool is here, and in the catalog only when it is whole and works.
//
//   file, tool  ->  plan  ->  a directory of its own  ->  every byte checked, run under the hood  ->  entry.json renamed into place
//
// Until that last step nothing offers it or runs it; whatever is killed before leaves a directory that the next build of the name and
// `fumehood gc` remove.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/health/check_runtime.h"
#include "src/runtime/build_file.h"
#include "src/runtime/catalog.h"

namespace fumehood {

struct BuildRequest {
  std::string name;
  BuildFile file;
  std::string with;      // a tool's name; empty: the first that is there
  std::string python;    // an interpreter, or for uv a version; empty: the system's
  std::string language;  // empty: by what it holds
  std::vector<std::string> channels;
  std::vector<std::string> imports;
  std::function<void(const std::string& line)> say;              // what a person who waits wants to know
  std::function<void(int64_t done, int64_t total)> progress;     // of the check
};

struct BuiltRuntime {
  CatalogEntry entry;
  RuntimeHealth health;
  bool was_there = false;  // made from the very same file before, by this or another program
};

// kInvalidArgument for what the caller can mend: no tool, a file that asks for what cannot be had, a build whose files are not what
// their packages say.
Result<BuiltRuntime> BuildRuntime(const BuildRequest& request, const Catalog& catalog, const Config& config, const Submitter& submitter);

}  // namespace fumehood
