#include "src/runtime/foreign_json.h"

#include <boost/json.hpp>

namespace json = boost::json;

namespace fumehood {

struct ForeignJson::Document {
  // A record of a large package has some 100,000 small strings: they are laid side by side and freed at once.
  json::monotonic_resource memory;
  json::value value;
};

namespace {

const json::value* Of(const void* value) { return static_cast<const json::value*>(value); }

std::string_view View(json::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Result<ForeignJson> ForeignJson::Parse(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 32;  // conda's records are 4 deep
  auto document = std::make_shared<Document>();
  document->value = json::parse(json::string_view(text.data(), text.size()), error, json::storage_ptr(&document->memory), options);
  if (error) return Error(ErrorCode::kCorrupt, "not JSON: " + error.message());
  ForeignJson top;
  top.value_ = &document->value;
  top.document_ = std::move(document);
  return top;
}

bool ForeignJson::is_object() const { return value_ != nullptr && Of(value_)->is_object(); }
bool ForeignJson::is_array() const { return value_ != nullptr && Of(value_)->is_array(); }
bool ForeignJson::is_text() const { return value_ != nullptr && Of(value_)->is_string(); }

std::string_view ForeignJson::text() const {
  if (!is_text()) return {};
  const json::string& found = Of(value_)->get_string();
  return {found.data(), found.size()};
}

std::optional<int64_t> ForeignJson::integer() const {
  if (value_ == nullptr || !Of(value_)->is_int64()) return std::nullopt;
  return Of(value_)->get_int64();
}

bool ForeignJson::is_true() const { return value_ != nullptr && Of(value_)->is_bool() && Of(value_)->get_bool(); }

ForeignJson ForeignJson::Member(std::string_view key) const {
  if (!is_object()) return {};
  const json::value* found = Of(value_)->get_object().if_contains(json::string_view(key.data(), key.size()));
  ForeignJson member;
  if (found == nullptr) return member;
  member.document_ = document_;
  member.value_ = found;
  return member;
}

void ForeignJson::ForEachItem(const std::function<void(const ForeignJson&)>& visit) const {
  if (!is_array()) return;
  ForeignJson item;
  item.document_ = document_;
  for (const json::value& element : Of(value_)->get_array()) {
    item.value_ = &element;
    visit(item);
  }
}

void ForeignJson::ForEachMember(const std::function<void(std::string_view, const ForeignJson&)>& visit) const {
  if (!is_object()) return;
  ForeignJson member;
  member.document_ = document_;
  for (const auto& entry : Of(value_)->get_object()) {
    member.value_ = &entry.value();
    visit(View(entry.key()), member);
  }
}

}  // namespace fumehood
