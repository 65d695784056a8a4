#include "src/spec/print.h"

#include <fmt/format.h>

#include "src/spec/codec.h"

namespace fumehood {
namespace {

// Characters that YAML calls not printable or takes for line breaks, and the byte order mark: raw, a reader could change
// them. `text` begins with a byte of 0xC2 or more; 0 for any other character.
unsigned SpecialCodePoint(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned>(static_cast<uint8_t>(text[i])) : 0U; };
  if (byte(0) == 0xC2 && byte(1) < 0xA0) return byte(1);  // U+0080..U+009F
  if ((byte(0) & 0xF0) != 0xE0) return 0;
  const unsigned point = (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  const bool special = point == 0x2028 || point == 0x2029 || point == 0xFEFF || point >= 0xFFF0;
  return special ? point : 0;
}

void PrintJsonValue(const Node& node, size_t indent, std::string& out) {
  const bool map = node.kind == Node::Kind::kMap;
  if (node.kind == Node::Kind::kString) {
    out += DoubleQuoted(node.text);
  } else if (!map && node.kind != Node::Kind::kList) {
    out += node.kind == Node::Kind::kNull ? "null" : node.text;
  } else if (node.items.empty()) {
    out += map ? "{}" : "[]";
  } else {
    out += map ? "{" : "[";
    for (size_t i = 0; i < node.items.size(); ++i) {
      out += i == 0 ? "\n" : ",\n";
      out.append(indent + 2, ' ');
      if (map) out += DoubleQuoted(node.items[i].key) + ": ";
      PrintJsonValue(node.items[i], indent + 2, out);
    }
    out += '\n';
    out.append(indent, ' ');
    out += map ? "}" : "]";
  }
}

}  // namespace

std::string DoubleQuoted(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
    } else if (const unsigned point = byte >= 0xC2 ? SpecialCodePoint(text.substr(i)) : 0; point != 0) {
      out += fmt::format("\\u{:04x}", point);
      i += byte == 0xC2 ? 1 : 2;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string PrintJson(const Node& document) {
  std::string out;
  PrintJsonValue(document, 0, out);
  return out + "\n";
}

std::string PrintSpec(const AnalysisSpec& spec, Format format) {
  const Node document = EncodeSpec(spec);
  switch (format) {
    case Format::kJson: return PrintJson(document);
    case Format::kYaml: return PrintYaml(document);
    case Format::kToml: return PrintToml(document);
  }
  return "";
}

}  // namespace fumehood
