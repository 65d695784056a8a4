#include "src/engine/pipeline_graph.h"

#include <gtest/gtest.h>

namespace fumehood {
namespace {

PipelinePlan Plan() {
  PipelinePlan plan;
  plan.name = "a \"small\" one";
  plan.steps.resize(2);
  plan.steps[0].id = "align[a#1]";
  plan.steps[1].id = "call";
  plan.steps[1].needs = {0};
  plan.order = {0, 1};
  return plan;
}

TEST(PipelineGraph, IsDrawnInThreeWays) {
  const std::vector<std::string> states = {"up to date", "to run"};
  EXPECT_EQ(PrintGraph(Plan(), states, GraphFormat::kDot), R"(digraph "a \"small\" one" {
  rankdir=LR;
  node [shape=box, style="rounded,filled", fontname="sans-serif"];
  "align[a#1]" [fillcolor="#99d8c9", tooltip="up to date"];
  "call" [fillcolor="#fee391", tooltip="to run"];
  "align[a#1]" -> "call";
}
)");
  EXPECT_EQ(
      PrintGraph(Plan(), states, GraphFormat::kMermaid),
      "flowchart LR\n  s0[\"align[a#35;1]\"]\n  style s0 fill:#99d8c9,color:#000\n  s1[\"call\"]\n  style s1 fill:#fee391,color:#000\n  s0 --> s1\n");
  EXPECT_EQ(PrintGraph(Plan(), states, GraphFormat::kText), "align[a#1] (up to date)\ncall (to run) <- align[a#1]\n");
}

TEST(PipelineGraph, HasNoOtherFormat) { EXPECT_FALSE(ParseGraphFormat("svg")); }

}  // namespace
}  // namespace fumehood
