// ParseSpec: text to AnalysisSpec. Reading is separate from judging (validate.h); CheckSpec does both at once, so that a
// user sees the problems of both in one go, each with its line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/analysis_spec.h"
#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/spec/document.h"

namespace fumehood {

// Error::problems() has all of them.
Result<AnalysisSpec> ParseSpec(std::string_view text, Format format, std::string source_name);

// The format goes by the name: .json, .yaml, .yml or .toml. Only a regular file is read, and at most kMaxDocumentBytes.
Result<AnalysisSpec> ReadSpecFile(const std::string& path);
Result<Format> FormatOfPath(const std::string& path);
// The text alone, for who wants to judge it with CheckSpec.
Result<std::string> ReadSpecText(const std::string& path);

// Parse and ValidateAll.
Result<AnalysisSpec> CheckSpec(std::string_view text, Format format, std::string source_name, const Config& config);

// A spec as far as the text holds one, for callers that have more to find wrong with it before they tell.
struct SpecReading {
  AnalysisSpec spec;
  std::vector<Problem> problems;  // of reading: names and types. Placed
  std::string source;
  std::optional<Node> document;   // empty: the text is not of its format

  // Has `problem`, found in the spec, its cause in one of `problems`? A field that could not be read is its default now.
  bool Explains(const Problem& problem) const;
  // Gives it the source, and the line and column where its field stands: those of the nearest value around one that is not there.
  void Place(Problem& problem) const;
};
SpecReading ReadSpec(std::string_view text, Format format, std::string source);

}  // namespace fumehood
