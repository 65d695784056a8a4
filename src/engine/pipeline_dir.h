// A pipeline's own directory: <state>/pipelines/<id>/, where <id> is made of the file's name and real path, so that the same file is the
// same pipeline from wherever it is run.
//
//   lock            held by the program that runs it
//   journal.jsonl   see pipeline_journal.h
//   seen/           what inputs and files held when they were last read: only a memory
//   given/KEY/N/    copies of outputs, for the step with that key; gone when it has ended
#pragma once

#include <string>

#include "fumehood/result.h"
#include "src/sys/fd.h"

namespace fumehood {

struct PipelinePlace {
  std::string id;    // "variants-3f2a90c1d4e5"
  std::string path;  // absolute
  std::string file;  // the pipeline file's real path
  std::string base;  // the directory of the file: relative paths are meant from there
};

// Makes nothing.
Result<PipelinePlace> FindPipelinePlace(const std::string& state_dir, const std::string& file);

// Makes the directory, and is its holder until the descriptor is closed. kUnavailable: another program runs this pipeline now.
Result<Fd> HoldPipeline(const std::string& state_dir, const PipelinePlace& place);

}  // namespace fumehood
