// Files of a prefix, a home or a root that somebody else may have made: bounded, never a FIFO or device that blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/sys/file.h"

namespace fumehood {

// Whole contents of a regular file beneath `dir`, links followed as long as they stay beneath it. Empty where there is no such
// file, or something else has its name.
Result<std::optional<std::string>> FindFileBeneath(int dir, const std::string& path, size_t limit);
// The same where links may lead anywhere: for the files of a home, which its user arranges as they like.
Result<std::optional<std::string>> FindRegularFile(int dir, const std::string& path, size_t limit);

// Names in a directory beneath `dir`, in byte order; none where it is not there.
Result<std::vector<std::string>> NamesBeneath(int dir, const std::string& path);

// Lines without their ends; a last line without one counts.
std::vector<std::string_view> Lines(std::string_view text);
std::string_view Trimmed(std::string_view text);

// "a//b/./c/" -> "a/b/c"; `..` is taken back by the text alone. A path that leads above its start is empty.
std::string NormalPath(std::string_view path);

}  // namespace fumehood
