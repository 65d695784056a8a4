#include "src/engine/pipeline_graph.h"

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {
namespace {

// Colours that people who see red and green alike can tell apart (Okabe and Ito 2008), lightened for black text.
struct StateColour {
  std::string_view state, fill;
};
constexpr StateColour kColours[] = {
    {"up to date", "#99d8c9"}, {"running", "#9ecae1"}, {"failed", "#f4a582"}, {"to run", "#fee391"}, {"waits", "#f0f0f0"}};

std::string_view ColourOf(std::string_view state) {
  for (const auto& [name, fill] : kColours) {
    if (state == name) return fill;
  }
  return "#ffffff";
}

// Both languages take the text in double quotes. An item holds no quote, but may be any other letter.
std::string DotText(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string MermaidText(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '#' || c == '<' || c == '>' || c == '&') {
      out += fmt::format("#{};", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string Dot(const PipelinePlan& plan, const std::vector<std::string>& states) {
  std::string text =
      fmt::format("digraph {} {{\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n", DotText(plan.name));
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    text += fmt::format("  {} [fillcolor=\"{}\", tooltip={}];\n", DotText(plan.steps[i].id), ColourOf(states[i]), DotText(states[i]));
  }
  for (const PipelineStep& step : plan.steps) {
    for (const size_t need : step.needs) text += fmt::format("  {} -> {};\n", DotText(plan.steps[need].id), DotText(step.id));
  }
  return text + "}\n";
}

std::string Mermaid(const PipelinePlan& plan, const std::vector<std::string>& states) {
  std::string text = "flowchart LR\n";
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    text += fmt::format("  s{}[{}]\n  style s{} fill:{},color:#000\n", i, MermaidText(plan.steps[i].id), i, ColourOf(states[i]));
  }
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    for (const size_t need : plan.steps[i].needs) text += fmt::format("  s{} --> s{}\n", need, i);
  }
  return text;
}

std::string Text(const PipelinePlan& plan, const std::vector<std::string>& states) {
  std::string text;
  for (const size_t index : plan.order) {
    const PipelineStep& step = plan.steps[index];
    std::vector<std::string> needs;
    for (const size_t need : step.needs) needs.push_back(plan.steps[need].id);
    text += fmt::format("{} ({}){}\n", step.id, states[index], needs.empty() ? "" : " <- " + Join(needs, ", "));
  }
  return text;
}

}  // namespace

std::optional<GraphFormat> ParseGraphFormat(std::string_view text) {
  if (text == "dot") return GraphFormat::kDot;
  if (text == "mermaid") return GraphFormat::kMermaid;
  if (text == "text") return GraphFormat::kText;
  return std::nullopt;
}

std::string PrintGraph(const PipelinePlan& plan, const std::vector<std::string>& states, GraphFormat format) {
  switch (format) {
    case GraphFormat::kDot: return Dot(plan, states);
    case GraphFormat::kMermaid: return Mermaid(plan, states);
    case GraphFormat::kText: return Text(plan, states);
  }
  return "";
}

}  // namespace fumehood
