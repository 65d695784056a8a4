// `fumehood runtimes add NAME --file FILE`, where the file is no image.
#pragma once

#include "src/cli/command.h"
#include "src/runtime/build_file.h"
#include "src/runtime/catalog.h"

namespace fumehood {

// The file that --file names; archives among them, which are for another.
Result<BuildFile> FileGiven(const Arguments& arguments, const Submitter& submitter);

Result<int> AddFromFile(const Catalog& catalog, const Arguments& arguments, BuildFile file, Context& context);

}  // namespace fumehood
