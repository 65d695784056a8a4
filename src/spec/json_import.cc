// JSON by Boost.JSON's event parser, which knows no places: they are filled in by a walk along the text afterwards, which
// is simple because the text is known to be valid by then.
#include <boost/json/basic_parser_impl.hpp>

#include <charconv>

#include <fmt/format.h>

#include "src/spec/import.h"
#include "src/spec/tree_builder.h"

namespace fumehood {
namespace {

namespace json = boost::json;

// The names and signatures of the events are the library's.
struct JsonEvents {
  static constexpr size_t max_object_size = kMaxDocumentNodes;
  static constexpr size_t max_array_size = kMaxDocumentNodes;
  static constexpr size_t max_key_size = kMaxDocumentBytes;
  static constexpr size_t max_string_size = kMaxDocumentBytes;

  using ErrorCodeRef = json::error_code&;
  using Text = json::string_view;

  static bool Ok(bool done, ErrorCodeRef error) {
    if (!done) error = json::error::array_too_large;  // any error stops the parser; ours is in the builder
    return done;
  }
  Node MakeText(Text last) {
    part.append(last.data(), last.size());
    Node node = TextNode(part);
    part.clear();
    return node;
  }
  bool AddNumber(Node node, Text last, ErrorCodeRef error) {
    part.append(last.data(), last.size());
    node.text = std::exchange(part, {});
    return Ok(builder.Add(std::move(node)), error);
  }

  bool on_document_begin(ErrorCodeRef) { return true; }
  bool on_document_end(ErrorCodeRef) { return true; }
  bool on_array_begin(ErrorCodeRef error) { return Ok(builder.Open(ListNode()), error); }
  bool on_array_end(size_t, ErrorCodeRef error) { return Ok(builder.Close(), error); }
  bool on_object_begin(ErrorCodeRef error) { return Ok(builder.Open(MapNode()), error); }
  bool on_object_end(size_t, ErrorCodeRef error) { return Ok(builder.Close(), error); }
  bool on_string_part(Text text, size_t, ErrorCodeRef) { return part.append(text.data(), text.size()), true; }
  bool on_string(Text text, size_t, ErrorCodeRef error) { return Ok(builder.Add(MakeText(text)), error); }
  bool on_key_part(Text text, size_t, ErrorCodeRef) { return part.append(text.data(), text.size()), true; }
  bool on_key(Text text, size_t, ErrorCodeRef) { return builder.Key(MakeText(text)), true; }
  bool on_number_part(Text text, ErrorCodeRef) { return part.append(text.data(), text.size()), true; }
  bool on_int64(int64_t value, Text text, ErrorCodeRef error) { return AddNumber(IntNode(value), text, error); }
  // Beyond the range of int64: kept as it was written, for the message.
  bool on_uint64(uint64_t value, Text text, ErrorCodeRef error) {
    return AddNumber(DoubleNode(static_cast<double>(value)), text, error);
  }
  // The library's own conversion can be off in the last digit: the text is converted again.
  bool on_double(double value, Text text, ErrorCodeRef error) {
    const std::string whole = part + std::string(text.data(), text.size());
    (void)std::from_chars(whole.data(), whole.data() + whole.size(), value);  // out of range: the library's value stands
    return AddNumber(DoubleNode(value), text, error);
  }
  bool on_bool(bool value, ErrorCodeRef error) { return Ok(builder.Add(BoolNode(value)), error); }
  bool on_null(ErrorCodeRef error) { return Ok(builder.Add(Node()), error); }
  bool on_comment_part(Text, ErrorCodeRef) { return true; }
  bool on_comment(Text, ErrorCodeRef) { return true; }

  TreeBuilder builder;
  std::string part;  // of a string or number that the parser hands over in pieces
};

// Walks along JSON that is known to be valid.
class PlaceWalk {
 public:
  explicit PlaceWalk(std::string_view text) : text_(text) {}

  void Fill(Node& node) {
    SkipBetween();
    node.line = line_;
    node.column = column_;
    switch (node.kind) {
      case Node::Kind::kMap: return FillContainer(node, true);
      case Node::Kind::kList: return FillContainer(node, false);
      case Node::Kind::kString: return SkipString();
      default: return SkipWord();
    }
  }

  // Goes on to the place of `offset`.
  void AdvanceTo(size_t offset) {
    while (at_ < offset && at_ < text_.size()) Advance();
  }
  int line() const { return line_; }
  int column() const { return column_; }

 private:
  void FillContainer(Node& node, bool keys) {
    Advance();
    for (Node& item : node.items) {
      SkipBetween();
      if (keys) {
        item.key_line = line_;
        item.key_column = column_;
        SkipString();
      }
      Fill(item);
    }
    SkipBetween();
    Advance();
  }

  void Advance() {
    const char passed = text_[at_++];
    if (passed == '\n') {
      ++line_;
      column_ = 1;
    } else if ((static_cast<uint8_t>(at_ < text_.size() ? text_[at_] : 0) & 0xC0) != 0x80) {
      ++column_;  // counts characters: the next byte begins one
    }
  }

  void SkipBetween() {
    while (at_ < text_.size() && std::string_view(" \t\r\n:,").find(text_[at_]) != std::string_view::npos) Advance();
  }

  void SkipString() {
    for (Advance(); at_ < text_.size() && text_[at_] != '"'; Advance()) {
      if (text_[at_] == '\\') Advance();
    }
    if (at_ < text_.size()) Advance();
  }

  void SkipWord() {
    while (at_ < text_.size() && std::string_view(" \t\r\n,]}").find(text_[at_]) == std::string_view::npos) Advance();
  }

  std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  int column_ = 1;
};

std::string SyntaxMessage(const json::error_code& error) {
  if (error == json::error::incomplete) return "the JSON ends too early: a bracket, brace or quote is not closed";
  if (error == json::error::extra_data) return "more text follows the end of the JSON";
  if (error == json::error::too_deep) return fmt::format("is nested deeper than {} levels", kMaxDocumentDepth);
  return "is not valid JSON here: " + error.message();
}

}  // namespace

std::optional<Node> ImportJson(std::string_view text, ProblemList& problems) {
  json::parse_options options;
  options.max_depth = kMaxDocumentDepth;
  json::basic_parser<JsonEvents> parser(options);
  json::error_code error;
  const size_t used = parser.write_some(false, text.data(), text.size(), error);
  const size_t rest = error ? std::string_view::npos : text.find_first_not_of(" \t\r\n", used);
  if (rest != std::string_view::npos) error = json::error::extra_data;

  PlaceWalk walk(text);
  const std::string& refusal = parser.handler().builder.refusal();
  if (error || !refusal.empty()) {
    walk.AdvanceTo(used);
    problems.Add("", refusal.empty() ? SyntaxMessage(error) : refusal, walk.line(), walk.column());
    return std::nullopt;
  }
  std::optional<Node> root = parser.handler().builder.Take();
  if (root) walk.Fill(*root);
  return root;
}

}  // namespace fumehood
