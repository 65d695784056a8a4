// The steps of a pipeline file as they are written, before their `foreach` is written out and their needs are looked up.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/engine/pipeline_parse.h"
#include "src/spec/problem_list.h"

namespace fumehood {

// What a pipeline adds to the fields of a spec.
inline constexpr std::string_view kItemMark = "{item}";  // in a foreach: the item
inline constexpr std::string_view kEachMark = "{each}";  // in an input from a foreach: the item of that one

struct WrittenStep {
  std::string id;
  std::string field;                              // "steps.align" or "steps[2]"
  const Node* node = nullptr;                     // its map, in the document
  std::optional<std::vector<std::string>> items;  // of a foreach
};

struct WrittenPipeline {
  std::string name;
  const Node* defaults = nullptr;  // null: none
  std::vector<WrittenStep> steps;
};

// `document` outlives what is returned.
WrittenPipeline ReadWrittenPipeline(const Node& document, const ListNames& list, ProblemList& problems);

// `text` with each `mark` replaced.
std::string Substituted(std::string_view text, std::string_view mark, std::string_view by);

}  // namespace fumehood
