#include "src/spec/yaml_scalar.h"

#include <charconv>
#include <limits>

namespace fumehood {
namespace {

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

bool IsNull(std::string_view text) { return IsOneOf(text, {"", "~", "null", "Null", "NULL"}); }

std::optional<Node> AsBool(std::string_view text) {
  if (IsOneOf(text, {"true", "True", "TRUE"})) return BoolNode(true);
  if (IsOneOf(text, {"false", "False", "FALSE"})) return BoolNode(false);
  return std::nullopt;
}

size_t CountDigits(std::string_view text) { return std::min(text.find_first_not_of("0123456789"), text.size()); }

template <typename T>
std::optional<T> Convert(std::string_view text, int base) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A decimal number beyond int64 is left to AsDouble, so that the message shows it as it was written.
std::optional<Node> AsInt(std::string_view text) {
  std::optional<int64_t> value;
  if (text.starts_with("0o") || text.starts_with("0x")) {
    const bool digits_follow = text.size() > 2 && text[2] != '-';
    if (digits_follow) value = Convert<int64_t>(text.substr(2), text[1] == 'o' ? 8 : 16);
  } else {
    std::string_view digits = text;
    if (text.starts_with("-") || text.starts_with("+")) digits.remove_prefix(1);
    if (digits.empty() || CountDigits(digits) != digits.size()) return std::nullopt;
    value = Convert<int64_t>(text.starts_with("+") ? digits : text, 10);
  }
  if (!value) return std::nullopt;
  return IntNode(*value);
}

// [-+]? ( \.[0-9]+ | [0-9]+(\.[0-9]*)? ) ([eE][-+]?[0-9]+)?
bool HasDoubleForm(std::string_view text) {
  if (text.starts_with("-") || text.starts_with("+")) text.remove_prefix(1);
  const size_t whole = CountDigits(text);
  text.remove_prefix(whole);
  if (text.starts_with(".")) {
    text.remove_prefix(1);
    const size_t fraction = CountDigits(text);
    if (whole == 0 && fraction == 0) return false;
    text.remove_prefix(fraction);
  } else if (whole == 0) {
    return false;
  }
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  text.remove_prefix(1);
  if (text.starts_with("-") || text.starts_with("+")) text.remove_prefix(1);
  return !text.empty() && CountDigits(text) == text.size();
}

std::optional<Node> AsDouble(std::string_view text) {
  const bool negative = text.starts_with("-");
  std::string_view magnitude = text;
  if (negative || text.starts_with("+")) magnitude.remove_prefix(1);
  const double sign = negative ? -1 : 1;
  if (IsOneOf(magnitude, {".inf", ".Inf", ".INF"})) return DoubleNode(sign * std::numeric_limits<double>::infinity());
  if (IsOneOf(text, {".nan", ".NaN", ".NAN"})) return DoubleNode(std::numeric_limits<double>::quiet_NaN());
  if (!HasDoubleForm(text)) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(magnitude.data(), magnitude.data() + magnitude.size(), value);
  // Out of range: no field takes it, and every range check refuses an infinity.
  if (error == std::errc::result_out_of_range) value = std::numeric_limits<double>::infinity();
  return DoubleNode(sign * value);
}

std::optional<Node> TypePlain(const std::string& text) {
  if (IsNull(text)) return Node();
  for (const auto type : {AsBool, AsInt, AsDouble}) {
    if (std::optional<Node> node = type(text)) {
      node->text = text;
      return node;
    }
  }
  return TextNode(text);
}

}  // namespace

std::optional<Node> TypeYamlScalar(std::string_view tag, const std::string& text) {
  if (tag == "!" || tag == "tag:yaml.org,2002:str") return TextNode(text);
  Node node = *TypePlain(text);
  if (tag == "?" || tag.empty()) return node;
  const Node::Kind kind = node.kind;
  const bool fits = (tag == "tag:yaml.org,2002:null" && kind == Node::Kind::kNull) ||
                    (tag == "tag:yaml.org,2002:bool" && kind == Node::Kind::kBool) ||
                    (tag == "tag:yaml.org,2002:int" && kind == Node::Kind::kInt) ||
                    (tag == "tag:yaml.org,2002:float" && (kind == Node::Kind::kDouble || kind == Node::Kind::kInt));
  if (!fits) return std::nullopt;
  return node;
}

bool IsTypedYamlScalar(const std::string& text) { return TypePlain(text)->kind != Node::Kind::kString; }

}  // namespace fumehood
