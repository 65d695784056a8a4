// The table of fields as text for a terminal and as Markdown for the manual.
#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/spec/fields.h"

namespace fumehood {
namespace {

constexpr size_t kTextWidth = 92;  // with the indent of four below 100 columns

std::string Wrapped(const std::string& text, std::string_view indent) {
  std::string out;
  size_t column = kTextWidth;  // as if the line were full: the first word starts one
  for (const std::string& word : SplitWords(text)) {
    if (column + 1 + word.size() > kTextWidth) {
      if (!out.empty()) out += '\n';
      out += indent;
      column = 0;
    } else {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out + "\n";
}

// A | would end the cell, and <NAME> would be taken for HTML.
std::string Cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    if (c == '<') {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Code(std::string_view text) { return text.empty() ? "" : fmt::format("`{}`", Cell(text)); }

}  // namespace

std::string FieldsAsText() {
  std::string out;
  for (const FieldInfo& field : SpecFields()) {
    out += fmt::format("{}  ({})\n", field.name, TypeText(field));
    out += Wrapped(std::string(field.meaning), "    ");
    out += Wrapped("default: " + DefaultText(field), "    ");
    if (const std::string allowed = AllowedText(field); !allowed.empty()) out += Wrapped("allowed: " + allowed, "    ");
    if (!field.flag.empty()) out += fmt::format("    flag: {}\n", field.flag);
    out += '\n';
  }
  out.pop_back();
  return out;
}

std::string FieldsAsMarkdown() {
  std::string out = "| field | type, unit | default | allowed | flag | meaning |\n|---|---|---|---|---|---|\n";
  for (const FieldInfo& field : SpecFields()) {
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", Code(field.name), Cell(TypeText(field)), Cell(DefaultText(field)),
                       Cell(AllowedText(field)), Code(field.flag), Cell(field.meaning));
  }
  return out;
}

}  // namespace fumehood
