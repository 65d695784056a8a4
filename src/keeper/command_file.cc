#include "src/keeper/command_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

constexpr size_t kHeadBytes = 256;  // BINPRM_BUF_SIZE: the kernel itself looks no further

// "#! /usr/bin/env python3" -> "/usr/bin/env", split at blanks as the kernel does. A carriage return is part of the name.
std::string InterpreterIn(std::string_view head) {
  if (!head.starts_with("#!")) return "";
  head = head.substr(2, head.find('\n') - 2);
  const size_t begin = head.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  head.remove_prefix(begin);
  return std::string(head.substr(0, head.find_first_of(" \t")));
}

}  // namespace

CommandFile LookAtCommand(const std::string& workdir, const std::string& command) {
  CommandFile found;
  if (command.find('/') == std::string::npos) return found;
  // O_PATH, and what it gave opened anew: nothing but a regular file is ever opened.
  const auto path = OpenAt(kHere, command.starts_with('/') ? command : workdir + "/" + command, O_PATH);
  const auto info = path ? StatFd(*path) : Result<struct stat>(path.error());
  if (!info) return found;
  found.is_directory = S_ISDIR(info->st_mode);
  found.is_file = S_ISREG(info->st_mode);
  const auto file = found.is_file ? OpenAt(kHere, ProcFdPath(path->get()), O_RDONLY) : Result<Fd>(Fd());
  char head[kHeadBytes];
  const ssize_t got = file && file->valid() ? read(file->get(), head, sizeof head) : 0;
  if (got > 0) found.interpreter = InterpreterIn({head, static_cast<size_t>(got)});
  return found;
}

}  // namespace fumehood
