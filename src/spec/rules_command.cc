#include <fmt/format.h>

#include "src/spec/rules.h"

namespace fumehood {
namespace {

// The kernel's bounds, execve(2): one argument or variable is at most 32 pages, its closing NUL included, and all of them
// with their pointers at most three quarters of 8 MiB. A hood raises the stack limit before exec, since the kernel also
// takes at most a quarter of that.
constexpr size_t kMaxArgumentBytes = 128 * 1024;
constexpr size_t kMaxExecBytes = size_t{6} << 20;
constexpr size_t kPointerBytes = sizeof(char*);
// What the hood adds: the runtime's variables, those of databases, and the kernel's own vectors.
constexpr size_t kReservedBytes = 128 * 1024;

size_t ExecBytes(size_t length) { return length + 1 + kPointerBytes; }

size_t ExecBytes(const AnalysisSpec& spec) {
  size_t sum = kReservedBytes;
  for (const std::string& argument : spec.command) sum += ExecBytes(argument.size());
  for (const auto& [name, value] : spec.env) {
    const auto* text = std::get_if<std::string>(&value);
    sum += ExecBytes(name.size() + 1 + (text != nullptr ? text->size() : 0));
  }
  return sum;
}

}  // namespace

bool IsVariableName(std::string_view name) {
  constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  constexpr std::string_view kLater = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  return !name.empty() && name.size() <= 255 && kFirst.find(name[0]) != std::string_view::npos &&
         name.find_first_not_of(kLater) == std::string_view::npos;
}

void CommandIsGiven(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  if (spec.command.empty()) {
    problems.Add("command", "is missing; give a list of arguments, or one text for bash");
  } else if (spec.command_is_script && spec.command.size() != 1) {
    problems.Add("command", fmt::format("is a script of {} texts; a script is one", spec.command.size()));
  } else if (spec.command[0].find_first_not_of(" \t\r\n") == std::string::npos) {
    problems.Add(spec.command_is_script ? "command" : "command[0]",
                 spec.command_is_script ? "is an empty script; there is nothing to run" : "is empty; the program to run is needed");
  }
}

void CommandFitsExec(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  const FieldPath command = FieldPath::Top("command");
  for (size_t i = 0; i < spec.command.size(); ++i) {
    const size_t size = spec.command[i].size();
    if (size < kMaxArgumentBytes) continue;
    problems.Add(spec.command_is_script ? command.ToString() : command.Item(i).ToString(),
                 fmt::format("is {} bytes long; the system takes fewer than {} in one argument: put it into a file and name that",
                             size, kMaxArgumentBytes));
  }
  const FieldPath env = FieldPath::Top("env");
  for (const auto& [name, value] : spec.env) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr || name.size() + 1 + text->size() < kMaxArgumentBytes) continue;
    problems.Add(env.Key(name).ToString(),
                 fmt::format("is {} bytes long; the system takes fewer than {} in one variable: put it into a file and name that",
                             text->size(), kMaxArgumentBytes));
  }
  if (const size_t total = ExecBytes(spec); total > kMaxExecBytes) {
    problems.Add("command", fmt::format("with env takes {} bytes ({} arguments); the system takes {} in all: put the list into a file "
                                        "and name that",
                                        total, spec.command.size(), kMaxExecBytes));
  }
}

void EnvNamesAreVariables(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  const FieldPath env = FieldPath::Top("env");
  for (const auto& [name, value] : spec.env) {
    const std::string field = env.Key(name).ToString();
    if (!IsVariableName(name)) {
      problems.Add(field, "is no name of a variable; allowed: letters, digits and _, not a digit first, at most 255");
    } else if (name.starts_with("FUMEHOOD_")) {
      problems.Add(field, "begins with FUMEHOOD_, which is kept for what the hood itself sets");
    }
  }
}

void SecretsAreNamed(const AnalysisSpec& spec, const Config&, ProblemList& problems) {
  const FieldPath env = FieldPath::Top("env");
  for (const auto& [name, value] : spec.env) {
    const auto* secret = std::get_if<SecretRef>(&value);
    if (secret == nullptr) continue;
    const bool file = secret->from == SecretRef::From::kFile;
    const FieldPath variable = env.Key(name);
    const FieldPath reference = variable.Key("secret");
    const std::string field = reference.Key(file ? "file" : "env").ToString();
    // The text is not shown: somebody may have put the secret itself there.
    if (secret->name.empty()) problems.Add(field, file ? "is empty; the path of a file is needed" : "is empty; the name of a variable is needed");
    if (!file && !secret->name.empty() && !IsVariableName(secret->name)) {
      problems.Add(field, "is no name of a variable; allowed: letters, digits and _, not a digit first, at most 255");
    }
  }
}

}  // namespace fumehood
