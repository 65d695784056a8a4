#include "src/engine/pipeline_links.h"

#include <algorithm>
#include <queue>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/glob.h"
#include "src/spec/problem_list.h"

namespace fumehood {
namespace {

// The steps that are not reached when each goes after those it needs. `settled`: taken as gone already.
std::vector<size_t> OrderOf(const PipelinePlan& plan, const std::vector<std::vector<size_t>>& needed_by, std::vector<bool>& settled) {
  std::vector<size_t> waits(plan.steps.size());
  // The first in the file goes first among those that may.
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  std::vector<size_t> order;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (settled[i]) continue;
    const auto& needs = plan.steps[i].needs;
    waits[i] = static_cast<size_t>(std::count_if(needs.begin(), needs.end(), [&](size_t need) { return !settled[need]; }));
    if (waits[i] == 0) ready.push(i);
  }
  while (!ready.empty()) {
    const size_t step = ready.top();
    ready.pop();
    order.push_back(step);
    for (const size_t next : needed_by[step]) {
      if (!settled[next] && --waits[next] == 0) ready.push(next);
    }
  }
  for (const size_t step : order) settled[step] = true;
  return order;
}

// From a step in or behind a circle along needs that are not settled, until one comes again.
std::vector<size_t> CircleFrom(const PipelinePlan& plan, const std::vector<bool>& settled, size_t step) {
  std::vector<size_t> path;
  for (;;) {
    const auto again = std::find(path.begin(), path.end(), step);
    if (again != path.end()) return {again, path.end()};
    path.push_back(step);
    const auto& needs = plan.steps[step].needs;
    step = *std::find_if(needs.begin(), needs.end(), [&](size_t need) { return !settled[need]; });
  }
}

Problem CircleProblem(const PipelinePlan& plan, const std::vector<size_t>& circle) {
  // Told from the one that stands first in the file.
  const auto first = std::min_element(circle.begin(), circle.end());
  std::vector<size_t> turned(first, circle.end());
  turned.insert(turned.end(), circle.begin(), first);
  std::vector<std::string> names;
  for (const size_t step : turned) names.push_back(plan.steps[step].id);
  names.push_back(names.front());
  const PipelineStep& step = plan.steps[turned.front()];
  const std::string message =
      circle.size() == 1 ? "needs itself" : fmt::format("is in a circle of steps that need each other: {}", Join(names, " needs "));
  return {step.field, message, step.reading.source, step.reading.document ? step.reading.document->line : 0,
          step.reading.document ? step.reading.document->column : 0};
}

}  // namespace

std::vector<size_t> StepLinks::Find(std::string_view name) const {
  if (const auto group = groups.find(name); group != groups.end()) return group->second;
  if (const auto id = ids.find(name); id != ids.end()) return {id->second};
  return {};
}

std::string StepLinks::NearestTo(std::string_view name) const {
  std::vector<std::string> names;
  const std::string_view group = name.substr(0, name.find('['));
  if (name != group && groups.contains(group)) {
    for (const size_t step : groups.find(group)->second) {
      for (const auto& [id, index] : ids) {
        if (index == step) names.push_back(id);
      }
      constexpr size_t kEnough = 1000;  // each is compared letter by letter
      if (names.size() == kEnough) break;
    }
  }
  if (names.empty()) {
    for (const auto& [id, steps] : groups) names.push_back(id);
  }
  const std::string hint = NearestHint(name, names);
  if (!hint.empty()) return hint;
  constexpr size_t kShown = 10;
  const bool more = names.size() > kShown;
  names.resize(std::min(names.size(), kShown));
  return "; there are: " + Join(names, ", ") + (more ? ", ..." : "");
}

std::string OutputPath(const std::string& path) {
  if (path.empty() || path.starts_with('/')) return "";
  std::vector<std::string> steps;
  for (std::string& step : Split(path, '/')) {
    if (step == "..") return "";
    if (!step.empty() && step != ".") steps.push_back(std::move(step));
  }
  return steps.empty() ? "." : Join(steps, "/");
}

bool CanGive(const std::vector<std::string>& globs, const std::string& path) {
  if (globs.empty() || path == ".") return true;  // all that is new
  const auto depth = [](std::string_view text) { return std::count(text.begin(), text.end(), '/'); };
  return std::any_of(globs.begin(), globs.end(), [&](std::string glob) {
    while (glob.starts_with("./")) glob.erase(0, 2);
    if (Glob(glob).Matches(path)) return true;
    // A directory around what the glob names: a beginning of the glob that fits, of as many steps.
    for (size_t slash = glob.find('/'); slash != std::string::npos; slash = glob.find('/', slash + 1)) {
      const std::string above = glob.substr(0, slash);
      const bool any_depth = above.find("**") != std::string::npos;
      if ((any_depth || depth(above) == depth(path)) && Glob(above).Matches(path)) return true;
    }
    return false;
  });
}

void OrderSteps(PipelinePlan& plan, std::vector<Problem>& problems) {
  const std::vector<std::vector<size_t>> needed_by = NeededBy(plan);
  std::vector<bool> settled(plan.steps.size(), false);
  plan.order = OrderOf(plan, needed_by, settled);
  constexpr size_t kMostCircles = 20;  // a reader breaks these first
  for (size_t circles = 0; circles < kMostCircles; ++circles) {
    const auto stuck = std::find(settled.begin(), settled.end(), false);
    if (stuck == settled.end()) return;
    const std::vector<size_t> circle = CircleFrom(plan, settled, static_cast<size_t>(stuck - settled.begin()));
    problems.push_back(CircleProblem(plan, circle));
    for (const size_t step : circle) settled[step] = true;
    (void)OrderOf(plan, needed_by, settled);  // those that only waited for the circle
  }
}

}  // namespace fumehood
