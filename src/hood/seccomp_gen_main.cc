// Runs while Fumehood is built: writes the policy as BPF programs into a header, so that a launch has nothing to compile and
// the finished program needs no libseccomp, from which only the numbers of the calls are taken.
#include <seccomp.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "src/hood/seccomp_assembler.h"
#include "src/hood/seccomp_numbers.h"

namespace fumehood {
namespace {

std::string PrintProgram(const char* name, const std::vector<BpfInstruction>& program) {
  std::string text = fmt::format("inline constexpr BpfInstruction {}[] = {{\n", name);
  for (const BpfInstruction& i : program) {
    text += fmt::format("    {{{:#04x}, {}, {}, {:#x}}},\n", i.code, i.jump_true, i.jump_false, i.operand);
  }
  return text + "};\n";
}

Result<std::string> PrintHeader() {
  const SeccompPolicy policy = RunSeccompPolicy();
  std::string text =
      "// Made from src/hood/seccomp_policy.cc when Fumehood is built.\n#pragma once\n\n#include \"src/hood/bpf_program.h\"\n\n"
      "namespace fumehood {\n\n";
  for (const auto& [architecture, name] : {std::pair(SeccompArchitecture::kX86_64, "kSeccompX86_64"),
                                           std::pair(SeccompArchitecture::kAArch64, "kSeccompAArch64")}) {
    FH_ASSIGN_OR_RETURN(const auto program, AssembleSeccomp(policy, architecture, LibseccompNumbers(architecture)));
    text += PrintProgram(name, program) + "\n";
  }
  return text + "}  // namespace fumehood\n";
}

}  // namespace
}  // namespace fumehood

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: seccomp_gen HEADER\n", stderr);
    return EXIT_FAILURE;
  }
  const auto text = fumehood::PrintHeader();
  if (!text) {
    fmt::print(stderr, "seccomp policy: {}\n", text.error().message());
    return EXIT_FAILURE;
  }
  std::FILE* out = std::fopen(argv[1], "we");
  bool written = out != nullptr && std::fwrite(text->data(), 1, text->size(), out) == text->size();
  if (out != nullptr) written = std::fclose(out) == 0 && written;
  if (!written) std::perror(argv[1]);
  return written ? EXIT_SUCCESS : EXIT_FAILURE;
}
