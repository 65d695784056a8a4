#include "src/engine/pipeline_parse.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/engine/pipeline_links.h"
#include "src/engine/pipeline_steps.h"
#include "src/spec/codec.h"
#include "src/spec/field_path.h"
#include "src/spec/import.h"
#include "src/spec/node_reader.h"
#include "src/spec/validate.h"

namespace fumehood {
namespace {

// Labels by which the runs of a pipeline are found again.
constexpr const char* kOwnLabels[] = {"pipeline", "step", "key", "intent"};

// Of `env` and `labels` each entry is said for itself; of all else a step's field replaces the whole default.
bool IsMergedByEntry(std::string_view key) { return key == "env" || key == "labels"; }

bool IsOfPipeline(std::string_view key) { return key == "id" || key == "needs" || key == "foreach"; }

void PutOver(Node& base, const Node& over) {
  for (const Node& entry : over.items) {
    const auto there = std::find_if(base.items.begin(), base.items.end(), [&](const Node& item) { return item.key == entry.key; });
    if (there == base.items.end()) {
      base.items.push_back(entry);
    } else if (IsMergedByEntry(entry.key) && entry.kind == Node::Kind::kMap && there->kind == Node::Kind::kMap) {
      PutOver(*there, entry);
    } else if (entry.kind != Node::Kind::kNull) {  // empty in YAML: not said
      *there = entry;
    }
  }
}

// What a node takes of memory, about.
size_t WeightOf(const Node& node) {
  size_t weight = sizeof(Node) + node.text.size() + node.key.size();
  for (const Node& item : node.items) weight += WeightOf(item);
  return weight;
}
constexpr size_t kMaxWeight = size_t{512} << 20;

void SubstituteItem(Node& node, const std::string& item) {
  if (node.kind == Node::Kind::kString) node.text = Substituted(node.text, kItemMark, item);
  for (Node& each : node.items) SubstituteItem(each, item);
}

class Parser {
 public:
  Parser(const std::string& source, const Config& config, const ListNames& list) : source_(source), config_(config), list_(list), problems_(source) {}

  PipelineReading Parse(std::string_view text, Format format) {
    const auto document = ImportDocument(text, format, problems_);
    if (document) {
      const WrittenPipeline written = ReadWrittenPipeline(*document, list_, problems_);
      NamePipeline(written);
      Collect(problems_.Take());
      if (MakeSteps(written)) {
        for (size_t i = 0; i < out_.plan.steps.size(); ++i) Read(i);
        CheckOutputs();
        OrderSteps(out_.plan, found_);
      }
    }
    Collect(problems_.Take());
    out_.problems = WithoutRepeats(std::move(found_));
    return std::move(out_);
  }

 private:
  void Collect(std::vector<Problem> problems) {
    found_.insert(found_.end(), std::make_move_iterator(problems.begin()), std::make_move_iterator(problems.end()));
  }

  void NamePipeline(const WrittenPipeline& written) {
    out_.plan.source = source_;
    out_.plan.name = written.name;
    if (!out_.plan.name.empty()) return;
    const std::string file = source_.substr(source_.rfind('/') + 1);
    out_.plan.name = file.substr(0, file.rfind('.'));
  }

  // The steps with their ids, so that each can be looked up by the others.
  bool MakeSteps(const WrittenPipeline& written) {
    for (const WrittenStep& step : written.steps) {
      std::vector<size_t>& group = links_.groups[step.id];
      const std::vector<std::string> items = step.items.value_or(std::vector<std::string>{""});
      if (step.items) links_.foreach_groups.insert(step.id);
      const Node whole = DocumentOf(step, written.defaults);
      weight_ += WeightOf(whole) * items.size();
      if (weight_ > kMaxWeight) {
        problems_.Add(step.field, "with it the steps written out are too long to be held: put long commands and lists into files", step.node->line,
                      step.node->column);
        return false;
      }
      for (const std::string& item : items) {
        if (out_.plan.steps.size() == kMaxPipelineSteps) {
          problems_.Add(step.field, fmt::format("with it the pipeline has more than {} steps, the most that are read", kMaxPipelineSteps),
                        step.node->line, step.node->column);
          return false;
        }
        PipelineStep made;
        made.group = step.id;
        made.item = item;
        made.id = step.items ? fmt::format("{}[{}]", step.id, item) : step.id;
        made.field = step.field;
        made.reading.source = source_;
        made.reading.document = whole;
        if (step.items) SubstituteItem(*made.reading.document, item);
        group.push_back(out_.plan.steps.size());
        links_.ids[made.id] = out_.plan.steps.size();
        own_.push_back(step.node);
        out_.plan.steps.push_back(std::move(made));
      }
    }
    return true;
  }

  // The step with the defaults behind it.
  static Node DocumentOf(const WrittenStep& step, const Node* defaults) {
    Node document = MapNode();
    if (defaults != nullptr) PutOver(document, *defaults);
    std::erase_if(document.items, [](const Node& entry) { return IsOfPipeline(entry.key); });  // told already
    PutOver(document, *step.node);
    std::erase_if(document.items, [](const Node& entry) { return entry.key == "foreach"; });  // may be long, and is written out now
    document.line = step.node->line;
    document.column = step.node->column;
    return document;
  }

  void Read(size_t index) {
    PipelineStep& step = out_.plan.steps[index];
    Node& document = *step.reading.document;
    ProblemList problems(source_);
    ReadNeeds(index, problems);
    WriteOutInputs(index, problems);
    std::erase_if(document.items, [](const Node& entry) { return IsOfPipeline(entry.key); });
    std::vector<Problem> own = problems.Take();  // with their full names already
    step.spec = DecodeSpec(document, problems);
    step.reading.problems = problems.Take();
    for (const Problem& problem : step.reading.problems) found_.push_back(Named(index, problem));
    Collect(std::move(own));
    if (step.spec.name.empty()) step.spec.name = step.id.size() <= 255 ? step.id : step.group;
    for (const char* label : kOwnLabels) {
      if (step.spec.labels.contains(label))
        found_.push_back(
            Named(index, step.reading, {std::string("labels.") + label, "is set by the pipeline itself; choose another name", "", 0, 0}));
    }
    for (Problem& problem : ValidateAll(step.spec, config_)) {
      if (!step.reading.Explains(problem)) found_.push_back(Named(index, step.reading, std::move(problem)));
    }
  }

  Problem Named(size_t index, const SpecReading& reading, Problem problem) {
    reading.Place(problem);
    if (problem.line == 0 && reading.document) {
      problem.line = reading.document->line;
      problem.column = reading.document->column;
    }
    return Named(index, std::move(problem));
  }

  // What a default says is told of the defaults.
  Problem Named(size_t index, Problem problem) {
    PipelineStep& step = out_.plan.steps[index];
    const int line = problem.line;
    const int column = problem.column;
    const std::string field = problem.field;
    problem = PlacedInPipeline(step, std::move(problem));
    problem.line = line;
    problem.column = column;
    const Node* merged = FindByPath(*step.reading.document, field);
    const Node* own = FindByPath(*own_[index], FieldInFile(step, field));
    const bool is_own = merged == &*step.reading.document || (own != own_[index] && own->line == merged->line && own->column == merged->column);
    if (!is_own) problem.field = "defaults." + field;
    return problem;
  }

  void ReadNeeds(size_t index, ProblemList& problems) {
    PipelineStep& step = out_.plan.steps[index];
    const Node* needs = FindEntry(*step.reading.document, "needs");
    if (needs == nullptr || needs->kind == Node::Kind::kNull) return;
    const std::string field = step.field + ".needs";
    if (needs->kind == Node::Kind::kString) return AddNeeds(index, *needs, field, problems);
    if (needs->kind != Node::Kind::kList)
      return problems.Add(field, fmt::format("is {}; a list of steps is needed", Describe(*needs)), needs->line, needs->column);
    for (size_t i = 0; i < needs->items.size(); ++i) AddNeeds(index, needs->items[i], fmt::format("{}[{}]", field, i), problems);
  }

  void AddNeeds(size_t index, const Node& node, const std::string& field, ProblemList& problems) {
    if (node.kind != Node::Kind::kString && node.kind != Node::Kind::kInt) {
      return problems.Add(field, fmt::format("is {}; the id of a step is needed", Describe(node)), node.line, node.column);
    }
    const std::vector<size_t> found = links_.Find(node.text);
    if (found.empty())
      problems.Add(field, fmt::format("is {}: there is no such step{}", ShortQuoted(node.text), links_.NearestTo(node.text)), node.line, node.column);
    for (const size_t need : found) AddNeed(out_.plan.steps[index], need);
  }

  static void AddNeed(PipelineStep& step, size_t need) {
    const auto at = std::lower_bound(step.needs.begin(), step.needs.end(), need);
    if (at == step.needs.end() || *at != need) step.needs.insert(at, need);
  }

  // Each input from a step becomes one as every spec has them, whose path is only a mark.
  void WriteOutInputs(size_t index, ProblemList& problems) {
    PipelineStep& step = out_.plan.steps[index];
    const auto inputs =
        std::find_if(step.reading.document->items.begin(), step.reading.document->items.end(), [](const Node& item) { return item.key == "inputs"; });
    if (inputs == step.reading.document->items.end() || inputs->kind != Node::Kind::kList) return;
    std::vector<Node> written;
    for (size_t i = 0; i < inputs->items.size(); ++i) {
      Node& input = inputs->items[i];
      const size_t before = written.size();
      if (input.kind == Node::Kind::kMap && FindEntry(input, "from") != nullptr) {
        WriteOutInput(index, input, fmt::format("{}.inputs[{}]", step.field, i), written, problems);
      } else {
        written.push_back(std::move(input));
      }
      step.input_origins.resize(step.input_origins.size() + written.size() - before, i);
    }
    inputs->items = std::move(written);
  }

  void WriteOutInput(size_t index, const Node& input, const std::string& field, std::vector<Node>& written, ProblemList& problems) {
    PipelineStep& step = out_.plan.steps[index];
    const Node& from = *FindEntry(input, "from");
    const std::vector<size_t> found = links_.Find(from.text);
    if (found.empty()) {
      problems.Add(field + ".from", fmt::format("is {}: there is no such step{}", ShortQuoted(from.text), links_.NearestTo(from.text)), from.line,
                   from.column);
      return;
    }
    const Node* path = FindEntry(input, "path");
    const Node* to = FindEntry(input, "to");
    if (path == nullptr)
      return problems.Add(field + ".path", "is missing: name an output of that step, a directory of them, or . for all", input.line, input.column);
    const bool of_all = links_.foreach_groups.contains(from.text);
    const Node& place = to != nullptr ? *to : *path;
    if (of_all && found.size() > 1 && place.text.find(kEachMark) == std::string::npos) {
      problems.Add(field + (to != nullptr ? ".to" : ".path"),
                   fmt::format("is the same place for each of the {} steps of {}; put {} into it, which stands for the item of each", found.size(),
                               ShortQuoted(from.text), kEachMark),
                   place.line, place.column);
      for (const size_t need : found) AddNeed(step, need);
      return;
    }
    for (const size_t need : found) {
      AddNeed(step, need);
      Node made = input;
      std::erase_if(made.items, [](const Node& entry) { return entry.key == "from"; });
      if (of_all) {
        for (Node& entry : made.items)
          entry.text = entry.kind == Node::Kind::kString ? Substituted(entry.text, kEachMark, out_.plan.steps[need].item) : entry.text;
      }
      Node* made_path = const_cast<Node*>(FindEntry(made, "path"));
      const std::string wanted = OutputPath(made_path->text);
      if (wanted.empty()) {
        problems.Add(field + ".path",
                     fmt::format("is {}; an output is named relative to the work directory of its step, without `..`", ShortQuoted(made_path->text)),
                     path->line, path->column);
        return;
      }
      if (FindEntry(made, "to") == nullptr) {
        Node target = TextNode(wanted == "." ? out_.plan.steps[need].group : wanted);
        target.line = made_path->line;
        target.column = made_path->column;
        AddEntry(made, "to", std::move(target));
      }
      made_path->text = fmt::format("{}:{}", out_.plan.steps[need].id, wanted);
      step.from.push_back({written.size(), need, wanted});
      wanted_.push_back({index, step.from.size() - 1, field + ".path", path->line, path->column});
      written.push_back(std::move(made));
    }
  }

  // Every step's globs are known only when all were read.
  void CheckOutputs() {
    for (const Wanted& wanted : wanted_) {
      const StepInput& input = out_.plan.steps[wanted.step].from[wanted.from];
      const PipelineStep& giver = out_.plan.steps[input.step];
      if (CanGive(giver.spec.outputs, input.path)) continue;
      std::vector<std::string> globs;
      for (const std::string& glob : giver.spec.outputs) globs.push_back(ShortQuoted(glob));
      problems_.Add(wanted.field,
                    fmt::format("is {}, which the step {} does not give; its outputs are {}", ShortQuoted(input.path), ShortQuoted(giver.id),
                                Join(globs, ", ")),
                    wanted.line, wanted.column);
    }
  }

  struct Wanted {
    size_t step, from;
    std::string field;
    int line, column;
  };

  const std::string& source_;
  const Config& config_;
  const ListNames& list_;
  ProblemList problems_;
  std::vector<Problem> found_;
  StepLinks links_;
  size_t weight_ = 0;  // of all documents
  std::vector<const Node*> own_;  // of each step, its map in the document, which lives as long as Parse
  std::vector<Wanted> wanted_;
  PipelineReading out_;
};

}  // namespace

std::vector<Problem> WithoutRepeats(std::vector<Problem> problems) {
  constexpr size_t kMost = 100;  // a reader mends these first
  std::set<std::tuple<int, int, std::string>> told;
  std::vector<Problem> kept;
  size_t more = 0;
  for (Problem& problem : problems) {
    if (!told.emplace(problem.line, problem.column, problem.message).second) continue;
    if (kept.size() < kMost) {
      kept.push_back(std::move(problem));
    } else {
      ++more;
    }
  }
  SortByPlace(kept);
  if (more > 0) kept.push_back({"", fmt::format("and {} more problems", more), kept.front().source, 0, 0});
  return kept;
}

PipelineReading ReadPipeline(std::string_view text, Format format, const std::string& source, const Config& config, const ListNames& list) {
  return Parser(source, config, list).Parse(text, format);
}

Result<PipelinePlan> ParsePipeline(std::string_view text, Format format, const std::string& source, const Config& config, const ListNames& list) {
  PipelineReading reading = ReadPipeline(text, format, source, config, list);
  if (!reading.problems.empty()) return ProblemsError(source.empty() ? "the pipeline" : Quoted(source), std::move(reading.problems));
  return std::move(reading.plan);
}

}  // namespace fumehood
