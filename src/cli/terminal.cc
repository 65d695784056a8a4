#include "src/cli/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/sys/file.h"

namespace fumehood {

std::string Painted(const std::string& text, Colour colour, bool on_terminal) {
  constexpr const char* kCodes[] = {"", "\033[32m", "\033[31m", "\033[33m", "\033[2m", "\033[1m"};
  if (!on_terminal || colour == Colour::kPlain || text.empty()) return text;
  return kCodes[static_cast<size_t>(colour)] + text + "\033[0m";
}

Colour ColourOf(RunStatus status) {
  switch (status) {
    case RunStatus::kCompleted: return Colour::kGood;
    case RunStatus::kFailed: return Colour::kBad;
    case RunStatus::kKilled:
    case RunStatus::kUnknown: return Colour::kWarning;
    default: return Colour::kStrong;
  }
}

bool PrintOut(const std::string& text) { return WriteAll(STDOUT_FILENO, text).has_value(); }

void PrintErr(const std::string& text) { (void)WriteAll(STDERR_FILENO, text); /* there is nowhere else to say it */ }

std::string ErrorText(const Error& error, bool on_terminal) {
  std::string text = Painted("fumehood: ", Colour::kBad, on_terminal) + error.message() + "\n";
  for (const Problem& problem : error.problems()) {
    std::string where = Shown(problem.source);
    if (problem.line > 0) where += fmt::format(":{}{}", problem.line, problem.column > 0 ? fmt::format(":{}", problem.column) : "");
    // Whoever typed a flag looks for the flag, not for the field that it stands for.
    const bool by_flag = problem.source.starts_with("--");
    text += fmt::format("  {}{}{}\n", where.empty() ? "" : (by_flag ? Painted(where, Colour::kStrong, on_terminal) : where) + ": ",
                        problem.field.empty() || by_flag ? "" : Painted(problem.field, Colour::kStrong, on_terminal) + ": ", problem.message);
  }
  return text;
}

std::string ErrorJson(const Error& error) {
  JsonWriter json;
  json.BeginObject().Key("error").BeginObject().Key("code").String(Name(error.code())).Key("message").String(error.message());
  json.Key("problems").BeginArray();
  for (const Problem& problem : error.problems()) {
    json.BeginObject().Key("field").String(problem.field).Key("message").String(problem.message).Key("source").String(problem.source);
    json.Key("line").Int(problem.line).Key("column").Int(problem.column).EndObject();
  }
  return json.EndArray().EndObject().EndObject().Take() + "\n";
}

void Tell(const Error& error, const Context& context) {
  PrintErr(context.json ? ErrorJson(error) : ErrorText(error, context.err_is_terminal));
}

namespace {

// Columns on a terminal: code points, which is right for all but wide and combining characters. Colours take none.
size_t Width(const std::string& text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {
      i = std::min(text.find('m', i), text.size());
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++width;
    }
  }
  return width;
}

}  // namespace

std::string Table(const std::vector<std::vector<std::string>>& rows, bool on_terminal) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < rows[r].size(); ++i) {
      const bool last = i + 1 == rows[r].size();
      line += rows[r][i] + (last ? "" : std::string(widths[i] - Width(rows[r][i]) + 2, ' '));
    }
    text += (r == 0 ? Painted(line, Colour::kStrong, on_terminal) : line) + "\n";
  }
  return text;
}

std::string Shown(const std::string& text) {
  std::string quoted = Quoted(text);
  return quoted.size() == text.size() + 2 ? text : quoted;
}

std::string HumanSeconds(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long long>(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace fumehood
