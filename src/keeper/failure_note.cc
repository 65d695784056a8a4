#include "src/keeper/failure_note.h"

#include <fcntl.h>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/run_dir.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr size_t kMostRead = 4096;
constexpr size_t kMostShown = 300;  // a line or two of a terminal

std::string NotePath() { return std::string(layout::kRunTmp) + "/failure_note"; }

// Characters that turn the direction of what stands behind them, and line breaks that are not '\n': a quotation could be made to
// look like the text around it (Unicode TR 36, section 2.7). As their first and last bytes in UTF-8: U+200E to U+200F, U+2028 to
// U+202E, U+2066 to U+2069.
constexpr std::string_view kTurning[][2] = {{"\xE2\x80\x8E", "\xE2\x80\x8F"}, {"\xE2\x80\xA8", "\xE2\x80\xAE"}, {"\xE2\x81\xA6", "\xE2\x81\xA9"}};

std::string WithoutTurning(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view three = text.substr(0, 3);
    bool turns = false;
    for (const auto& [first, last] : kTurning) turns = turns || (three.size() == 3 && three >= first && three <= last);
    if (!turns) out += text.front();
    text.remove_prefix(turns ? 3 : 1);
  }
  return out;
}

}  // namespace

std::string QuoteFailureNote(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return "";
  text.remove_prefix(begin);
  text = text.substr(0, text.find('\n'));
  text = text.substr(0, text.find_last_not_of(kBlank) + 1);
  const bool longer = text.size() > kMostShown;
  text = text.substr(0, kMostShown);
  // Never cut inside a character: continuation bytes of UTF-8 are 10xxxxxx.
  if (longer) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.remove_suffix(1);
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.remove_suffix(1);
  }
  return Quoted(WithoutTurning(text) + (longer ? "..." : ""));
}

std::string ReadFailureNote(int attempt_dir) {
  // O_PATH, and what it gave opened anew: nothing but a regular file is ever opened.
  const auto path = OpenBeneath(attempt_dir, NotePath(), O_PATH);
  const auto info = path ? StatFd(*path) : Result<struct stat>(path.error());
  if (!info || !S_ISREG(info->st_mode)) return "";
  const auto file = OpenAt(kHere, ProcFdPath(path->get()), O_RDONLY);
  if (!file) return "";
  std::string text(kMostRead, '\0');
  const auto got = ReadAt(file->get(), text.data(), text.size(), 0);
  if (!got) return "";
  text.resize(*got);
  return QuoteFailureNote(text);
}

}  // namespace fumehood
