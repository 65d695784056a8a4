// The key of a step: all that its result depends on, by name and value. Two runs of one step with the same key are taken to be the same,
// so the second is not made.
//
//   member        of                                  value
//   format        the form of the key itself          "1"
//   command       the command                         JSON array of its words; of a text, as bash is given it
//   runtime       the runtime                         its name and the digest of its lock
//   env.NAME      each variable of the spec           "=VALUE"; of a secret where it comes from, never what it is
//   input.TO      each input, by where it is shown    mode, file or directory, SHA-256 of what it holds
//   file.PATH     each file of the work directory     SHA-256
//                 that the command names
//   database.NAME each database                       mode, SHA-256
//   stdin         the file for standard input         SHA-256
//   outputs       the globs of the outputs            JSON array
//   network       the network                         none, host, or what is allowed
//   threads       cpu_quota, in whole cores           OMP_NUM_THREADS and its like are set by it
//   gpus, deterministic                               as in the spec
//
// Not in it: what a step may use (memory, time, disk, processes), its name, labels, priority, retries, executor, profile, and where the
// project lies.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/engine/pipeline_plan.h"

namespace fumehood {

using KeyMembers = std::map<std::string, std::string>;

// The members that the spec alone says. `workdir`: absolute; `threads`: of the resolved limits.
KeyMembers MembersOfSpec(const AnalysisSpec& spec, int64_t threads);
// The name of an input's member: where the run sees it, within the work directory where it lies there.
std::string InputMember(const InputSpec& input, const std::string& workdir);

// One line of JSON, the members in the order of their bytes: what the key is the SHA-256 of.
std::string CanonicalKey(const KeyMembers& members);
std::string KeyOf(const KeyMembers& members);

// What differs, a clause for each: "command changed: -k 21 became -k 31". `run`: that of `before`.
std::vector<std::string> Differences(const KeyMembers& before, const KeyMembers& now, const std::string& run);

}  // namespace fumehood
