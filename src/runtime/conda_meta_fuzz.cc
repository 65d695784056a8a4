// The readers of what other tools keep in a prefix, over any text: no crash, and no file that is accepted lies outside of the
// prefix. The first byte chooses the reader.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "src/runtime/build_file.h"
#include "src/runtime/conda_activation.h"
#include "src/runtime/conda_check.h"
#include "src/runtime/conda_record.h"
#include "src/runtime/condarc.h"
#include "src/runtime/lock.h"
#include "src/runtime/python_dists.h"
#include "src/runtime/r_packages.h"

namespace {

void CheckRecord(std::string_view text) {
  const auto record = fumehood::ParseCondaRecord(text);
  if (!record) return;
  for (const auto& file : record->files) {
    const std::string within = "/" + file.path + "/";
    if (file.path.empty() || file.path.front() == '/' || within.find("/../") != std::string::npos) std::abort();
  }
}

void CheckDump(std::string_view text) {
  const fumehood::Environment before{{"A", "1"}, {"B", "2"}};
  const auto difference = fumehood::ParseActivationDump(text, before);
  if (difference && fumehood::ParseActivationDump(text, fumehood::Apply(*difference, before)).value() != fumehood::EnvironmentDifference()) {
    std::abort();  // applied once, there is nothing left to do
  }
}

void CheckLock(std::string_view text) {
  const auto lock = fumehood::ParseLock(text);
  if (!lock) return;
  const auto again = fumehood::ParseLock(fumehood::PrintLock(*lock));
  if (!again || fumehood::PrintLock(*again) != fumehood::PrintLock(*lock)) std::abort();
}

// Nothing of a lock or list reaches a tool as more than a word.
void CheckBuildFile(std::string_view name, std::string_view text) {
  const auto file = fumehood::ParseBuildFile("/lab/" + std::string(name), text);
  if (!file) return;
  const auto check = [](std::string_view word) {
    if (word.find_first_of(" \t\r\n\"'\\") != std::string_view::npos) std::abort();
  };
  for (const auto& package : file->locked) check(package.name + package.version + package.build + package.source);
  for (const auto& package : file->explicit_packages) check(package.address + package.name + package.version + package.build);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 10) {
    case 0: CheckRecord(text); break;
    case 1: (void)fumehood::ParseDistRecord(text); break;
    case 2: CheckDump(text); break;
    case 3: CheckLock(text); break;
    case 4: (void)fumehood::ParseCondarc(text, {{"HOME", "/h"}}, "/h"); break;
    case 5: (void)fumehood::PrefixOfShebang(text); break;
    case 6: (void)fumehood::ParseDescription(text); break;
    case 7: CheckBuildFile("environment.yml", text); break;
    case 8: CheckBuildFile("explicit.txt", text); break;
    default: CheckBuildFile("cells.lock", text); break;
  }
  return 0;
}
