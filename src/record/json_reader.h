// JsonReader: strict reading of the records that we wrote ourselves. What is not exactly as written is kCorrupt.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"

namespace fumehood {

// One object of a record. The first trouble is kept, and the calls after it return nothing useful: check Finish once.
class JsonReader {
 public:
  static Result<JsonReader> Parse(std::string_view text);

  std::string String(std::string_view key);
  std::string Text(std::string_view key);  // as WriteText wrote it
  int64_t Int(std::string_view key);
  double Double(std::string_view key);
  bool Bool(std::string_view key);
  std::optional<int64_t> OptionalInt(std::string_view key);        // null: empty
  std::string StringOrNull(std::string_view key);                  // null: ""
  std::vector<std::string> Strings(std::string_view key);
  JsonReader Object(std::string_view key);                         // its Finish must be called too
  std::vector<JsonReader> Objects(std::string_view key);
  std::map<std::string, std::string> Texts();                      // all members, which are WriteText's
  std::map<std::string, std::string> Members();                    // all members, which are plain strings

  bool Has(std::string_view key) const;
  void Fail(std::string_view key, std::string_view problem);
  // Also refuses members that nobody asked for.
  Result<void> Finish();

 private:
  struct Node;
  explicit JsonReader(std::shared_ptr<Node> node) : node_(std::move(node)) {}
  std::shared_ptr<Node> node_;
};

}  // namespace fumehood
