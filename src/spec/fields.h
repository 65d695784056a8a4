// The one table of every field of a spec. The JSON Schema, the hints for misspelt names and the manual are made from it, and
// tests hold the reader, the printer and the flags against it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fumehood {

enum class Shape {
  kText, kPath, kWhole, kNumber, kFlag, kChoice, kTextList, kTextMap,
  kCommand,   // list of text, or one text
  kMemory,    // whole number, "auto", or {start, on_oom, max}
  kEnv,       // map to text or {secret: {file or env}}
  kNetwork,   // "none", "host" or {allow: [...]}
  kRecord,    // its fields follow in the table as NAME.FIELD
  kRecords,   // list of records; the fields follow as NAME[].FIELD
};

struct FieldInfo {
  std::string_view name;      // "inputs[].mode" for a field of a record
  Shape shape;
  std::string_view unit;      // "MiB", "s"; empty: none
  std::string_view default_value;  // as JSON; empty when words say it better
  std::string_view default_words;
  std::string_view allowed;   // in words; empty where the shape, the choices or the limits say it
  std::string_view choices;   // of kChoice, separated by spaces
  std::string_view flag;      // of `fumehood run` and `submit`; empty: only in a file
  std::string_view meaning;
};

std::span<const FieldInfo> SpecFields();  // in the order in which they are printed
const FieldInfo* FindSpecField(std::string_view name);
std::vector<std::string> TopLevelFieldNames();
std::vector<std::string> RecordFieldNames(std::string_view record);  // of "inputs": path, to, mode

std::string TypeText(const FieldInfo& field);     // "integer, MiB"
std::string DefaultText(const FieldInfo& field);
std::string AllowedText(const FieldInfo& field);  // "1 to 4096", "ro, cow or copy", or ""

std::string FieldsAsText();      // for `fumehood explain --fields`
std::string FieldsAsMarkdown();  // for the manual

}  // namespace fumehood
