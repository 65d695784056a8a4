// ForeignJson: reading of JSON that other programs wrote. What is not there, or is of another type, reads as empty, and members
// that nobody asks for are passed over; only text that is no JSON, or is too large or too deep, is refused. Our own records are
// read strictly, by record/json_reader.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"

namespace fumehood {

class ForeignJson {
 public:
  // A value that is not there.
  ForeignJson() = default;
  // kCorrupt for what is no JSON.
  static Result<ForeignJson> Parse(std::string_view text);

  bool is_object() const;
  bool is_array() const;
  bool is_text() const;
  // Empty for what is no string. The view lives as long as any value of the same document.
  std::string_view text() const;
  std::optional<int64_t> integer() const;
  bool is_true() const;

  ForeignJson Member(std::string_view key) const;
  std::string String(std::string_view key) const { return std::string(Member(key).text()); }
  // Of an array; none for anything else. The value is only good during the call.
  void ForEachItem(const std::function<void(const ForeignJson&)>& visit) const;
  // Of an object, in the order of the text; none for anything else.
  void ForEachMember(const std::function<void(std::string_view key, const ForeignJson& value)>& visit) const;

 private:
  struct Document;
  std::shared_ptr<const Document> document_;
  const void* value_ = nullptr;  // a boost::json::value of the document; null: not there
};

}  // namespace fumehood
