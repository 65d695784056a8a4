#include "src/spec/parse.h"

#include <fcntl.h>

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/spec/codec.h"
#include "src/spec/field_path.h"
#include "src/spec/import.h"
#include "src/spec/validate.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

Error SpecError(const std::string& source, std::vector<Problem> problems) {
  return ProblemsError(source.empty() ? "the spec" : Quoted(source), std::move(problems));
}

// "inputs[2]" of "inputs[2].mode"; "" of a field at the top.
std::string_view Around(std::string_view path) {
  const size_t end = path.find_last_of(".[");
  return end == std::string_view::npos ? std::string_view() : path.substr(0, end);
}

}  // namespace

SpecReading ReadSpec(std::string_view text, Format format, std::string source) {
  SpecReading reading;
  ProblemList problems(source);
  reading.document = ImportDocument(text, format, problems);
  if (reading.document) reading.spec = DecodeSpec(*reading.document, problems);
  reading.problems = problems.Take();
  reading.source = std::move(source);
  return reading;
}

bool SpecReading::Explains(const Problem& problem) const {
  if (!document || document->kind != Node::Kind::kMap) return !problems.empty();
  const std::string_view around = Around(problem.field);
  const bool missing = FindByPath(*document, problem.field) == FindByPath(*document, around);
  return std::any_of(problems.begin(), problems.end(), [&](const Problem& known) {
    // A value that is not there, beside a name that is not known, is most likely that one.
    return IsWithinField(problem.field, known.field) || (missing && !around.empty() && Around(known.field) == around);
  });
}

void SpecReading::Place(Problem& problem) const {
  problem.source = source;
  if (!document) return;
  const Node* node = FindByPath(*document, problem.field);
  if (node == &*document) return;
  problem.line = node->line;
  problem.column = node->column;
}

Result<AnalysisSpec> ParseSpec(std::string_view text, Format format, std::string source_name) {
  SpecReading reading = ReadSpec(text, format, std::move(source_name));
  if (!reading.problems.empty()) return SpecError(reading.source, std::move(reading.problems));
  return std::move(reading.spec);
}

Result<AnalysisSpec> CheckSpec(std::string_view text, Format format, std::string source_name, const Config& config) {
  SpecReading reading = ReadSpec(text, format, std::move(source_name));
  std::vector<Problem> problems = reading.problems;
  for (Problem& problem : ValidateAll(reading.spec, config)) {
    if (reading.Explains(problem)) continue;
    reading.Place(problem);
    problems.push_back(std::move(problem));
  }
  SortByPlace(problems);
  if (!problems.empty()) return SpecError(reading.source, std::move(problems));
  return std::move(reading.spec);
}

Result<Format> FormatOfPath(const std::string& path) {
  const size_t dot = path.rfind('.');
  const std::string ending = dot == std::string::npos ? "" : path.substr(dot);
  if (ending == ".json") return Format::kJson;
  if (ending == ".yaml" || ending == ".yml") return Format::kYaml;
  if (ending == ".toml") return Format::kToml;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{} is no spec by its name: a spec ends in .json, .yaml, .yml or .toml", Quoted(path)));
}

Result<std::string> ReadSpecText(const std::string& path) {
  if (path.find('\0') != std::string::npos) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("the path {} holds a NUL character", Quoted(path)));
  }
  // O_NONBLOCK: a FIFO under that name must not hold us up.
  const auto file = OpenAt(kHere, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file && file.error().code() == ErrorCode::kNotFound) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("there is no file {}", Quoted(path)));
  }
  if (!file && file.error().code() == ErrorCode::kPermissionDenied) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} cannot be read by you", Quoted(path)));
  }
  if (!file) return file.error();
  FH_ASSIGN_OR_RETURN(const struct stat info, StatFd(*file));
  if (!S_ISREG(info.st_mode)) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} is not a regular file", Quoted(path)));
  }
  if (info.st_size > static_cast<off_t>(kMaxDocumentBytes)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} is {} long; at most {} are read: put long scripts and lists into files of their own", Quoted(path),
                             HumanBytes(info.st_size), HumanBytes(static_cast<long long>(kMaxDocumentBytes))));
  }
  // The bound holds for a file that grows meanwhile as well.
  auto text = ReadFd(file->get(), kMaxDocumentBytes);
  if (!text) return std::move(text).error().Within(Quoted(path));
  return text;
}

Result<AnalysisSpec> ReadSpecFile(const std::string& path) {
  FH_ASSIGN_OR_RETURN(const Format format, FormatOfPath(path));
  FH_ASSIGN_OR_RETURN(const std::string text, ReadSpecText(path));
  return ParseSpec(text, format, path);
}

}  // namespace fumehood
