// YAML by yaml-cpp's event parser. The events carry places, tell a quoted scalar from a plain one, and leave aliases to
// us, so that they can be written out within a budget.
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/spec/import.h"
#include "src/spec/tree_builder.h"
#include "src/spec/yaml_scalar.h"

namespace fumehood {
namespace {

constexpr YAML::anchor_t kNoAnchor = 0;

struct Weight {
  size_t nodes = 1;
  size_t bytes = 0;
  size_t depth = 0;  // of containers
};

Weight WeightOf(const Node& node) {
  const bool container = node.kind == Node::Kind::kList || node.kind == Node::Kind::kMap;
  Weight sum{.nodes = 1, .bytes = node.text.size() + node.key.size(), .depth = container ? size_t{1} : size_t{0}};
  for (const Node& item : node.items) {
    const Weight part = WeightOf(item);
    sum.nodes += part.nodes;
    sum.bytes += part.bytes;
    sum.depth = std::max(sum.depth, part.depth + 1);
  }
  return sum;
}

class YamlEvents : public YAML::EventHandler {
 public:
  explicit YamlEvents(std::istream& input) : input_(input) {}

  void OnDocumentStart(const YAML::Mark& mark) override { begin_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (builder_.expects_key()) return Refuse("a name is missing before ':'", mark);
    Add(Node(), mark, anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Open(ListNode(), "tag:yaml.org,2002:seq", mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Open(MapNode(), "tag:yaml.org,2002:map", mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

  std::optional<Node> Take() { return builder_.Take(); }
  const std::string& refusal() const { return builder_.refusal(); }
  const YAML::Mark& refused_at() const { return mark_; }
  const YAML::Mark& begin() const { return begin_; }
  void Refuse(std::string why, const YAML::Mark& mark) {
    if (builder_.refusal().empty()) mark_ = mark;
    builder_.Refuse(std::move(why));
  }

 private:
  static Node At(Node node, const YAML::Mark& mark) {
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }
  void Watch(const YAML::Mark& mark) {
    if (builder_.refusal().empty()) {
      mark_ = mark;
    } else {
      input_.seekg(0, std::ios::end);  // the rest need not be read; what the parser makes of the sudden end does not matter
    }
  }
  void Add(Node node, const YAML::Mark& mark, YAML::anchor_t anchor) {
    Watch(mark);
    if (builder_.Add(At(std::move(node), mark))) Remember(anchor);
  }
  void Open(Node container, const char* expected_tag, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor);
  void Close() {
    if (open_anchors_.empty() || !builder_.Close()) return;
    Remember(open_anchors_.back());
    open_anchors_.pop_back();
  }
  // Keeps a copy of the value that was just finished, for its aliases; the copy counts like any other value.
  void Remember(YAML::anchor_t anchor);

  std::istream& input_;  // not owned
  TreeBuilder builder_;
  std::vector<YAML::anchor_t> open_anchors_;  // one for each open container
  std::vector<std::optional<Node>> anchored_;  // by anchor number, which yaml-cpp counts from 1
  YAML::Mark mark_;
  YAML::Mark begin_;
};

void YamlEvents::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) {
  Watch(mark);
  if (builder_.expects_key()) {
    if (anchor != kNoAnchor) return Refuse("a name cannot have an anchor here", mark);
    return builder_.Key(At(TextNode(value), mark));
  }
  std::optional<Node> node = TypeYamlScalar(tag, value);
  if (!node) return Refuse(fmt::format("the value {} does not fit the tag {}", ShortQuoted(value), ShortQuoted(tag)), mark);
  Add(std::move(*node), mark, anchor);
}

void YamlEvents::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  Watch(mark);
  if (builder_.expects_key()) return Refuse("an alias cannot stand for a name", mark);
  const bool known = anchor < anchored_.size() && anchored_[anchor].has_value();
  if (!known) return Refuse("an alias stands inside the value that it means", mark);
  const Weight weight = WeightOf(*anchored_[anchor]);
  if (builder_.depth() + weight.depth > kMaxDocumentDepth) {
    return Refuse(fmt::format("is nested deeper than {} levels", kMaxDocumentDepth), mark);
  }
  if (!builder_.Spend(weight.nodes, weight.bytes)) return;
  Node copy = *anchored_[anchor];
  copy.key.clear();
  builder_.Add(At(std::move(copy), mark));
}

void YamlEvents::Open(Node container, const char* expected_tag, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
  Watch(mark);
  if (builder_.expects_key()) return Refuse("a list or map cannot be a name", mark);
  const bool plain = tag.empty() || tag == "?" || tag == "!" || tag == expected_tag;
  if (!plain) return Refuse("the tag " + ShortQuoted(tag) + " is not known here", mark);
  if (builder_.Open(At(std::move(container), mark))) open_anchors_.push_back(anchor);
}

void YamlEvents::Remember(YAML::anchor_t anchor) {
  const Node* value = builder_.last();
  if (anchor == kNoAnchor || value == nullptr) return;
  const Weight weight = WeightOf(*value);
  if (!builder_.Spend(weight.nodes, weight.bytes)) return;
  if (anchored_.size() <= anchor) anchored_.resize(anchor + 1);
  anchored_[anchor] = *value;
}

// YAML allows no control characters in the text; yaml-cpp would even take U+0004 for the end of the file and drop what
// follows in silence.
bool HasControlCharacter(std::string_view text, ProblemList& problems) {
  int line = 1;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '\n') ++line;
    if ((byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7F) {
      problems.Add("", fmt::format("holds the control character U+{:04X}: write it as \"\\x{:02x}\" in double quotes", byte, byte), line);
      return true;
    }
  }
  return false;
}

// yaml-cpp keeps some 200 bytes for each sign of a line that began with a bracket, and reads the line to its end before it
// tells us of any.
bool HasTooManySigns(std::string_view text, ProblemList& problems) {
  const auto sign = [](char c) { return c == '[' || c == '{' || c == ','; };
  if (static_cast<size_t>(std::count_if(text.begin(), text.end(), sign)) <= kMaxDocumentNodes) return false;
  problems.Add("", fmt::format("holds more than {} brackets and commas", kMaxDocumentNodes));
  return true;
}

// yaml-cpp's own message for a tab in front of a line speaks of map values.
bool IsIndentedByTab(std::string_view text, int line) {
  for (size_t begin = 0; line > 0; --line) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (line == 1) {
      const std::string_view wanted = text.substr(begin, end - begin);
      return wanted.substr(0, wanted.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
    }
    if (end == text.size()) return false;
    begin = end + 1;
  }
  return false;
}

std::string SyntaxMessage(std::string_view text, const YAML::Exception& error) {
  if (IsIndentedByTab(text, error.mark.line + 1)) return "the line begins with a tab; YAML is indented by spaces";
  // The message can quote the text: made safe for a terminal, without the quotes around it.
  const std::string message = Quoted(error.msg);
  return "is not valid YAML here: " + message.substr(1, message.size() - 2);
}

// Runs the parser over the one document; the problem, if it found one itself.
std::optional<Problem> ParseYaml(std::string_view text, std::istringstream& stream, YamlEvents& events) {
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(events) || !events.refusal().empty()) return std::nullopt;
    YamlEvents second(stream);
    if (parser.HandleNextDocument(second)) events.Refuse("more than one document: only one is allowed", second.begin());
  } catch (const YAML::DeepRecursion& error) {
    return Problem{"", fmt::format("is nested deeper than {} levels", kMaxDocumentDepth), "", error.mark.line + 1, error.mark.column + 1};
  } catch (const YAML::Exception& error) {
    return Problem{"", SyntaxMessage(text, error), "", error.mark.line + 1, error.mark.column + 1};
  } catch (const std::exception& error) {
    return Problem{"", std::string("cannot be read as YAML: ") + error.what(), "", 0, 0};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Node> ImportYaml(std::string_view text, ProblemList& problems) {
  if (HasControlCharacter(text, problems) || HasTooManySigns(text, problems)) return std::nullopt;
  std::istringstream stream{std::string(text)};
  YamlEvents events(stream);
  const std::optional<Problem> problem = ParseYaml(text, stream, events);
  // Ours comes first: it was found before, and may have led to the other.
  if (!events.refusal().empty()) {
    problems.Add("", events.refusal(), events.refused_at().line + 1, events.refused_at().column + 1);
    return std::nullopt;
  }
  if (problem) {
    problems.Add("", problem->message, problem->line, problem->column);
    return std::nullopt;
  }
  std::optional<Node> root = events.Take();
  return root ? std::move(root) : Node();  // nothing but comments
}

}  // namespace fumehood
