#include <iterator>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/spec/codec.h"
#include "src/spec/names.h"
#include "src/spec/rules.h"

namespace fumehood {
namespace {

constexpr size_t kMaxNameBytes = 255;
constexpr size_t kMaxLabelKeyBytes = 128;
constexpr size_t kMaxLabelValueBytes = 1024;

bool HasControlCharacter(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7F) return true;
  }
  return false;
}

void CheckText(std::string_view text, const FieldPath& path, ProblemList& problems) {
  if (text.find('\0') != std::string_view::npos) {
    problems.Add(path.ToString(), "holds a NUL character, which is not allowed");
  } else if (!IsValidUtf8(text)) {
    problems.Add(path.ToString(), "is not valid UTF-8, so no record could hold it");
  }
}

void CheckTexts(const Node& node, const FieldPath& path, ProblemList& problems) {
  if (node.kind == Node::Kind::kString) CheckText(node.text, path, problems);
  for (size_t i = 0; i < node.items.size(); ++i) {
    const bool map = node.kind == Node::Kind::kMap;
    const FieldPath below = map ? path.Key(node.items[i].key) : path.Item(i);
    if (map) CheckText(node.items[i].key, below, problems);
    CheckTexts(node.items[i], below, problems);
  }
}

template <typename Names>
std::string ListedHint(std::string_view word, const Names& names) {
  const std::vector<std::string> list(std::begin(names), std::end(names));
  return Join(list, ", ") + NearestHint(word, list);
}

}  // namespace

// A spec from a file has passed this already; one made by a program may hold anything.
void TextsAreText(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  CheckTexts(EncodeSpec(spec), FieldPath(), problems);
}

void NameIsPrintable(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  if (spec.name.size() > kMaxNameBytes) {
    problems.Add("name", fmt::format("is {} bytes long; allowed: at most {}", spec.name.size(), kMaxNameBytes));
  }
  if (HasControlCharacter(spec.name)) {
    problems.Add("name", fmt::format("is {}; control characters are not allowed, line breaks neither", ShortQuoted(spec.name)));
  }
}

void RuntimeIsNamed(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  if (spec.runtime.empty()) problems.Add("runtime", "is empty; a name of the catalog is needed, such as python3");
  if (spec.runtime.size() > kMaxNameBytes || HasControlCharacter(spec.runtime)) {
    problems.Add("runtime", fmt::format("is {}; allowed: at most {} bytes, no control characters", ShortQuoted(spec.runtime), kMaxNameBytes));
  }
}

void ProfileIsKnown(const AnalysisSpec& spec, const Config& config, ProblemList& problems) {
  if (config.profiles.count(spec.profile) > 0) return;
  std::vector<std::string> names;
  for (const auto& [name, limits] : config.profiles) names.push_back(name);
  problems.Add("profile", fmt::format("is {}; allowed: {}", ShortQuoted(spec.profile), ListedHint(spec.profile, names)));
}

void ExecutorIsKnown(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  if (spec.executor.empty() || IsExecutorName(spec.executor)) return;
  problems.Add("executor", fmt::format("is {}; allowed: {}", ShortQuoted(spec.executor), ListedHint(spec.executor, kExecutorNames)));
}

void LayersAreKnown(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  const FieldPath list = FieldPath::Top("allow_weaker");
  for (size_t i = 0; i < spec.allow_weaker.size(); ++i) {
    const std::string& layer = spec.allow_weaker[i];
    if (IsHoodLayer(layer)) continue;
    problems.Add(list.Item(i).ToString(), fmt::format("is {}; allowed: {}", ShortQuoted(layer), ListedHint(layer, kHoodLayers)));
  }
}

void LabelsAreSimple(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
  const FieldPath labels = FieldPath::Top("labels");
  for (const auto& [key, value] : spec.labels) {
    const bool simple = !key.empty() && key.size() <= kMaxLabelKeyBytes && key.find_first_not_of(kLetters) == std::string::npos;
    if (!simple) {
      problems.Add(labels.Key(key).ToString(),
                   fmt::format("is no key of a label; allowed: letters, digits and . _ - /, at most {}", kMaxLabelKeyBytes));
    }
    if (value.size() > kMaxLabelValueBytes) {
      problems.Add(labels.Key(key).ToString(), fmt::format("is {} bytes long; allowed: at most {}", value.size(), kMaxLabelValueBytes));
    }
  }
}

}  // namespace fumehood
