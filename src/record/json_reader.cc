#include "src/record/json_reader.h"

#include <charconv>
#include <set>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "src/base/text.h"

namespace json = boost::json;

namespace fumehood {

struct JsonReader::Node {
  std::shared_ptr<json::value> document;  // keeps `object` alive
  const json::object* object = nullptr;   // null: this is no object, and `failure` says so
  std::set<std::string, std::less<>> asked;
  std::string failure;

  const json::value* Find(std::string_view key) {
    asked.emplace(key);
    const json::value* found = object == nullptr ? nullptr : object->if_contains(json::string_view(key.data(), key.size()));
    if (found == nullptr) Fail(key, "is missing");
    return found;
  }
  void Fail(std::string_view key, std::string_view problem) {
    if (failure.empty()) failure = fmt::format("member {} {}", Quoted(key), problem);
  }
};

namespace {

std::string ToStd(const json::string& text) { return std::string(text.data(), text.size()); }

// Boost 1.81 can read a decimal number one unit in the last place off. Our numbers have at most 15 digits, so the nearest
// such decimal is the one that was written, and from_chars reads it exactly.
double Exact(double value) {
  const std::string text = fmt::format("{:.15g}", value);
  double exact = value;
  (void)std::from_chars(text.data(), text.data() + text.size(), exact);  // its own print: it parses
  return exact;
}

std::optional<std::string> FromHex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    unsigned value = 0;
    const auto parsed = std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    if (parsed.ec != std::errc() || parsed.ptr != hex.data() + i + 2) return std::nullopt;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

}  // namespace

Result<JsonReader> JsonReader::Parse(std::string_view text) {
  json::error_code error;
  // Our records are four levels deep; a deeper one is not ours.
  json::parse_options options;
  options.max_depth = 8;
  auto document = std::make_shared<json::value>(json::parse(json::string_view(text.data(), text.size()), error, {}, options));
  if (error) return Error(ErrorCode::kCorrupt, "not JSON: " + error.message());
  if (!document->is_object()) return Error(ErrorCode::kCorrupt, "not a JSON object");
  auto node = std::make_shared<Node>();
  node->object = &document->get_object();
  node->document = std::move(document);
  return JsonReader(std::move(node));
}

std::string JsonReader::String(std::string_view key) {
  const json::value* value = node_->Find(key);
  if (value != nullptr && value->is_string()) return ToStd(value->get_string());
  node_->Fail(key, "is not a string");
  return {};
}

std::string JsonReader::StringOrNull(std::string_view key) {
  const json::value* value = node_->Find(key);
  return value != nullptr && value->is_null() ? std::string() : String(key);
}

std::string JsonReader::Text(std::string_view key) {
  std::string text = String(key);
  const std::string hex_key = std::string(key) + "_hex";
  if (!Has(hex_key)) return text;
  auto bytes = FromHex(String(hex_key));
  if (bytes && !IsValidUtf8(*bytes)) return std::move(*bytes);
  node_->Fail(hex_key, "is not what was written");
  return {};
}

int64_t JsonReader::Int(std::string_view key) {
  const json::value* value = node_->Find(key);
  if (value != nullptr && value->is_int64()) return value->get_int64();
  node_->Fail(key, "is not an integer");
  return 0;
}

double JsonReader::Double(std::string_view key) {
  const json::value* value = node_->Find(key);
  if (value != nullptr && value->is_double()) return Exact(value->get_double());
  if (value != nullptr && value->is_int64()) return static_cast<double>(value->get_int64());
  if (value != nullptr && value->is_uint64()) return static_cast<double>(value->get_uint64());
  node_->Fail(key, "is not a number");
  return 0;
}

bool JsonReader::Bool(std::string_view key) {
  const json::value* value = node_->Find(key);
  if (value != nullptr && value->is_bool()) return value->get_bool();
  node_->Fail(key, "is not true or false");
  return false;
}

std::optional<int64_t> JsonReader::OptionalInt(std::string_view key) {
  const json::value* value = node_->Find(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  return Int(key);
}

std::vector<std::string> JsonReader::Strings(std::string_view key) {
  std::vector<std::string> strings;
  const json::value* value = node_->Find(key);
  if (value == nullptr || !value->is_array()) {
    node_->Fail(key, "is not a list");
    return strings;
  }
  for (const json::value& element : value->get_array()) {
    if (!element.is_string()) {
      node_->Fail(key, "has an element that is not a string");
      break;
    }
    strings.push_back(ToStd(element.get_string()));
  }
  return strings;
}

JsonReader JsonReader::Object(std::string_view key) {
  auto child = std::make_shared<Node>();
  child->document = node_->document;
  const json::value* value = node_->Find(key);
  if (value != nullptr && value->is_object()) {
    child->object = &value->get_object();
  } else {
    node_->Fail(key, "is not an object");
  }
  return JsonReader(std::move(child));
}

std::vector<JsonReader> JsonReader::Objects(std::string_view key) {
  std::vector<JsonReader> objects;
  const json::value* value = node_->Find(key);
  if (value == nullptr || !value->is_array()) {
    node_->Fail(key, "is not a list");
    return objects;
  }
  for (const json::value& element : value->get_array()) {
    if (!element.is_object()) {
      node_->Fail(key, "has an element that is not an object");
      break;
    }
    auto child = std::make_shared<Node>();
    child->document = node_->document;
    child->object = &element.get_object();
    objects.push_back(JsonReader(std::move(child)));
  }
  return objects;
}

std::map<std::string, std::string> JsonReader::Texts() {
  std::map<std::string, std::string> texts;
  if (node_->object == nullptr) return texts;
  for (const auto& member : *node_->object) {
    const std::string key(member.key().data(), member.key().size());
    if (key.ends_with("_hex") && Has(key.substr(0, key.size() - 4))) continue;
    texts[key] = Text(key);
  }
  return texts;
}

std::map<std::string, std::string> JsonReader::Members() {
  std::map<std::string, std::string> members;
  if (node_->object == nullptr) return members;
  for (const auto& member : *node_->object) {
    const std::string key(member.key().data(), member.key().size());
    members[key] = String(key);
  }
  return members;
}

bool JsonReader::Has(std::string_view key) const {
  return node_->object != nullptr && node_->object->if_contains(json::string_view(key.data(), key.size())) != nullptr;
}

void JsonReader::Fail(std::string_view key, std::string_view problem) { node_->Fail(key, problem); }

Result<void> JsonReader::Finish() {
  if (node_->failure.empty() && node_->object != nullptr) {
    for (const auto& member : *node_->object) {
      const std::string_view key(member.key().data(), member.key().size());
      if (!node_->asked.contains(key)) node_->Fail(key, "is not known");
    }
  }
  if (node_->failure.empty()) return {};
  return Error(ErrorCode::kCorrupt, node_->failure);
}

}  // namespace fumehood
