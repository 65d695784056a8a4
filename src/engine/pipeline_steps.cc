#include "src/engine/pipeline_steps.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/spec/node_reader.h"

namespace fumehood {
namespace {

constexpr size_t kMaxId = 128;
constexpr size_t kMaxItem = 200;

bool IsLetterOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool IsStepId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxId && IsLetterOrDigit(id[0]) &&
         std::all_of(id.begin(), id.end(), [](char c) { return IsLetterOrDigit(c) || c == '_' || c == '-' || c == '.'; });
}

// An item is put into commands as it is, so it holds nothing that a shell would read as more than a word, and no path that climbs.
std::string WhyNoItem(std::string_view item) {
  if (item.empty()) return "is empty";
  if (item.size() > kMaxItem) return fmt::format("is {} bytes long; at most {}", item.size(), kMaxItem);
  const bool plain = std::all_of(item.begin(), item.end(), [](char c) {
    return IsLetterOrDigit(c) || static_cast<uint8_t>(c) >= 0x80 || std::string_view("._+-=@,:/%").find(c) != std::string_view::npos;
  });
  // Quoted escapes what could move a terminal's cursor.
  if (!plain || item[0] == '-' || Quoted(item).size() != item.size() + 2) {
    return fmt::format("is {}; an item is put into commands as it is: letters, digits and ._+-=@,:/% only, and no - at its beginning",
                       ShortQuoted(item));
  }
  const std::vector<std::string> steps = Split(item, '/');
  if (std::find(steps.begin(), steps.end(), "..") != steps.end()) return fmt::format("is {}; `..` is not allowed", ShortQuoted(item));
  return "";
}

class Reader {
 public:
  Reader(const ListNames& list, ProblemList& problems) : list_(list), reader_(problems) {}

  WrittenPipeline Read(const Node& document) {
    if (document.kind != Node::Kind::kMap) {
      reader_.Report(document, FieldPath(), fmt::format("is {}; a pipeline is a map with `steps`", Describe(document)));
      return std::move(out_);
    }
    const auto names = [] { return std::vector<std::string>{"name", "defaults", "steps"}; };
    const FieldPath top;
    const bool known = reader_.Record(document, top, names, [&](const Node& entry, const FieldPath& path) {
      if (entry.key == "name") return ReadName(entry, path), true;
      if (entry.key == "defaults") return ReadDefaults(entry, path), true;
      if (entry.key == "steps") return ReadSteps(entry, path), true;
      return false;
    });
    if (known && FindEntry(document, "steps") == nullptr) {
      reader_.Report(document, top, "has no `steps`; a pipeline is a map with a list or map of steps, each a spec");
    }
    return std::move(out_);
  }

 private:
  void ReadName(const Node& node, const FieldPath& path) {
    if (!reader_.Text(node, path, out_.name)) return;
    const bool plain = std::all_of(out_.name.begin(), out_.name.end(), [](char c) { return static_cast<uint8_t>(c) >= 0x20 && c != 0x7F; });
    if (out_.name.empty() || out_.name.size() > kMaxItem || !plain) {
      reader_.Report(node, path, fmt::format("is {}; allowed: 1 to {} bytes, no control characters", ShortQuoted(out_.name), kMaxItem));
    }
  }

  void ReadDefaults(const Node& node, const FieldPath& path) {
    if (node.kind != Node::Kind::kMap) return reader_.Report(node, path, fmt::format("is {}; a map of a spec's fields is needed", Describe(node)));
    out_.defaults = &node;
    for (const Node& entry : node.items) {
      const bool of_a_step = entry.key == "id" || entry.key == "needs" || entry.key == "foreach";
      if (of_a_step) reader_.problems().AddAtKey(path.Key(entry.key), entry, "belongs to one step, and has no default");
    }
  }

  void ReadSteps(const Node& node, const FieldPath& path) {
    const bool map = node.kind == Node::Kind::kMap;
    if (!map && node.kind != Node::Kind::kList) {
      return reader_.Report(node, path, fmt::format("is {}; a list or a map of steps is needed", Describe(node)));
    }
    if (node.items.empty()) reader_.Report(node, path, "is empty; a pipeline has at least one step");
    for (size_t i = 0; i < node.items.size(); ++i) {
      const Node& step = node.items[i];
      if (map) {
        ReadStep(step, path.Key(step.key), true);
      } else {
        ReadStep(step, path.Item(i), false);
      }
    }
    // TOML has no order within a map but that of the lines.
    if (map)
      std::stable_sort(out_.steps.begin(), out_.steps.end(), [](const WrittenStep& a, const WrittenStep& b) { return a.node->line < b.node->line; });
  }

  void ReadStep(const Node& node, const FieldPath& path, bool named_by_key) {
    if (node.kind != Node::Kind::kMap) return reader_.Report(node, path, fmt::format("is {}; a step is a map of a spec's fields", Describe(node)));
    WrittenStep step{.id = "", .field = path.ToString(), .node = &node, .items = {}};
    if (!ReadId(node, path, named_by_key, step.id)) return;
    if (const Node* foreach = FindEntry(node, "foreach"); foreach != nullptr && foreach->kind != Node::Kind::kNull) {
      step.items.emplace();
      ReadForeach(*foreach, path.Key("foreach"), *step.items);
    }
    out_.steps.push_back(std::move(step));
  }

  bool ReadId(const Node& node, const FieldPath& path, bool named_by_key, std::string& id) {
    const Node* given = FindEntry(node, "id");
    const FieldPath field = path.Key("id");
    if (named_by_key) {
      if (given != nullptr) reader_.problems().AddAtKey(field, *given, "is said already: in a map of steps the name is the id");
      id = node.key;
      if (IsStepId(id)) return true;
      reader_.problems().AddAtKey(path, node, NotAnId(id));
      return false;
    }
    if (given == nullptr) {
      reader_.Report(node, field, "is missing: a step of a list has an id, by which others need it");
      return false;
    }
    if (!reader_.Text(*given, field, id)) return false;
    if (!IsStepId(id)) {
      reader_.Report(*given, field, NotAnId(id));
      return false;
    }
    const auto [first, added] = ids_.emplace(id, given->line);
    if (added) return true;
    reader_.Report(*given, field,
                   fmt::format("is {}, as that of the step in line {}; each step has an id of its own", ShortQuoted(id), first->second));
    return false;
  }

  static std::string NotAnId(const std::string& id) {
    return fmt::format("is {}; an id is letters, digits and . _ -, begins with a letter or digit, and has at most {}", ShortQuoted(id), kMaxId);
  }

  void ReadForeach(const Node& node, const FieldPath& path, std::vector<std::string>& items) {
    if (node.kind == Node::Kind::kMap) {
      const auto names = [] { return std::vector<std::string>{"glob"}; };
      reader_.Record(node, path, names, [&](const Node& entry, const FieldPath& below) {
        if (entry.key != "glob") return false;
        return ReadGlob(entry, below, items), true;
      });
      if (node.items.empty()) reader_.Report(node, path, "is empty; a list of values or {glob: PATTERN} is needed");
      return;
    }
    if (node.kind != Node::Kind::kList) {
      return reader_.Report(node, path, fmt::format("is {}; a list of values or {{glob: PATTERN}} is needed", Describe(node)));
    }
    if (node.items.empty()) reader_.Report(node, path, "is empty; it makes one step of each value, so at least one is needed");
    std::map<std::string, int> seen;
    for (size_t i = 0; i < node.items.size(); ++i) {
      std::string item;
      const FieldPath field = path.Item(i);
      if (!reader_.Text(node.items[i], field, item)) continue;
      const std::string why = WhyNoItem(item);
      if (!why.empty()) reader_.Report(node.items[i], field, why);
      const bool added = seen.emplace(item, 0).second;
      if (!added) reader_.Report(node.items[i], field, fmt::format("is {}, as one before it", ShortQuoted(item)));
      if (why.empty() && added) items.push_back(std::move(item));
    }
  }

  // One directory and one star: the item is what the star stands for.
  void ReadGlob(const Node& node, const FieldPath& path, std::vector<std::string>& items) {
    std::string glob;
    if (!reader_.Text(node, path, glob)) return;
    const size_t slash = glob.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : glob.substr(0, slash);
    const std::string name = slash == std::string::npos ? glob : glob.substr(slash + 1);
    const bool one_star = std::count(glob.begin(), glob.end(), '*') == 1 && name.find('*') != std::string::npos;
    if (!one_star || glob.find_first_of("?[\\") != std::string::npos) {
      return reader_.Report(
          node, path,
          fmt::format("is {}; one * in the name of a file is needed, such as 'reads/*.fq.gz': each item is what it stands for", ShortQuoted(glob)));
    }
    auto listed = list_(directory);
    if (!listed) return reader_.Report(node, path, fmt::format("{}: {}", ShortQuoted(directory), listed.error().message()));
    const std::string before = name.substr(0, name.find('*'));
    const std::string after = name.substr(name.find('*') + 1);
    std::sort(listed->begin(), listed->end());
    for (const std::string& file : *listed) {
      const bool fits = file.size() > before.size() + after.size() && file.starts_with(before) && file.ends_with(after) && !file.starts_with('.');
      if (!fits) continue;
      std::string item = file.substr(before.size(), file.size() - before.size() - after.size());
      const std::string why = WhyNoItem(item);
      if (!why.empty()) reader_.Report(node, path, fmt::format("finds {}, and the item {}", ShortQuoted(file), why));
      if (why.empty()) items.push_back(std::move(item));
    }
    if (items.empty()) reader_.Report(node, path, fmt::format("is {}, and no file there has such a name", ShortQuoted(glob)));
  }

  const ListNames& list_;
  NodeReader reader_;
  std::map<std::string, int> ids_;
  WrittenPipeline out_;
};

}  // namespace

WrittenPipeline ReadWrittenPipeline(const Node& document, const ListNames& list, ProblemList& problems) {
  return Reader(list, problems).Read(document);
}

std::string Substituted(std::string_view text, std::string_view mark, std::string_view by) {
  std::string out;
  for (size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark)) {
    out += text.substr(0, at);
    out += by;
    text.remove_prefix(at + mark.size());
  }
  return out.append(text);
}

}  // namespace fumehood
