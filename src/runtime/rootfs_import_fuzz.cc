// Any archive, imported beside a file that must stay as it is: no crash, nothing outside of the target, and what was imported is
// what its own list of files says.
//
// Input that begins with "T" is taken as an archive, byte for byte. Other input is lines, each an entry of a tar archive that is
// made of them, since no fuzzer finds the check sums: a letter for its type, its name, and after a blank where a link leads. An empty
// line begins another layer.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "src/base/text.h"
#include "src/hood/landlock.h"
#include "src/runtime/archive_reader.h"
#include "src/runtime/rootfs_check.h"
#include "src/runtime/rootfs_import.h"
#include "src/runtime/rootfs_manifest.h"
#include "src/runtime/rootfs_tree_writer.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

constexpr size_t kMaxInput = 64 << 10;
constexpr UnpackLimits kLimits = {.bytes = 4 << 20, .entries = 300};

void Must(bool good) {
  if (!good) std::abort();
}

// All yards, in memory: an import ends with a sync of the file system.
std::string& YardsDirectory() {
  static std::string path;
  return path;
}

// A directory of its own for one input.
class Yard {
 public:
  Yard() {
    path_ = YardsDirectory() + "/XXXXXX";
    Must(mkdtemp(path_.data()) != nullptr);
    dir_ = OpenDir(kHere, path_).value();
    Must(MakeDir(dir_.get(), "in", 0700).has_value());
    Must(WriteFileAtomically(dir_.get(), "outside", "untouched", 0600, Durability::kLater).has_value());
  }
  Yard(const Yard&) = delete;
  Yard& operator=(const Yard&) = delete;
  ~Yard() {
    Must(ReadFile(dir_.get(), "outside").value() == "untouched");
    const auto entries = ListDir(dir_.get()).value();
    Must(entries.size() == 2);
    const Fd above = OpenDir(dir_.get(), "..").value();
    Must(RemoveTree(above.get(), path_.substr(path_.rfind('/') + 1)).has_value());
  }
  std::string At(const std::string& name) const { return path_ + "/in/" + name; }

 private:
  std::string path_;
  Fd dir_;
};

Fd InMemory(std::string_view bytes) {
  Fd fd(memfd_create("archive", MFD_CLOEXEC));
  Must(fd.valid() && WriteAll(fd.get(), bytes).has_value());
  return fd;
}

std::string Header(char type, const std::string& name, const std::string& link, size_t size) {
  std::string block(512, '\0');
  const auto put = [&](size_t at, size_t room, const std::string& text) { block.replace(at, std::min(room, text.size()), text, 0, room); };
  char number[16];
  put(0, 100, name);
  put(100, 8, "0004755");
  put(108, 8, "0000000");
  put(116, 8, "0000000");
  (void)std::snprintf(number, sizeof number, "%011zo", size);
  put(124, 12, number);
  put(136, 12, "00000000000");
  block[156] = type;
  put(157, 100, link);
  put(257, 8, std::string("ustar\00000", 8));
  unsigned sum = 8 * ' ';
  for (const char c : block) sum += static_cast<unsigned char>(c);
  (void)std::snprintf(number, sizeof number, "%06o", sum);
  put(148, 8, std::string(number) + std::string("\0 ", 2));
  return block;
}

std::string Entry(const std::string& line) {
  const size_t blank = line.find(' ');
  const std::string name = line.substr(1, blank == std::string::npos ? blank : blank - 1);
  const std::string link = blank == std::string::npos ? "" : line.substr(blank + 1);
  switch (line[0]) {
    case 'd': return Header('5', name, "", 0);
    case 'l': return Header('2', name, link, 0);
    case 'h': return Header('1', name, link, 0);
    case 'c': return Header('3', name, "", 0);
    default: return Header('0', name, "", 3) + "abc" + std::string(509, '\0');
  }
}

// Layers into one tree, and the tree against a list of it.
void UnpackLines(std::string_view text) {
  const Yard yard;
  Must(MakeDirs(yard.At("root"), 0700).has_value());
  TreeWriter writer(OpenDir(kHere, yard.At("root")).value(), kLimits);
  std::string layer;
  const auto unpack = [&] {
    const Fd archive = InMemory(layer + std::string(1024, '\0'));
    auto reader = ArchiveReader::Open(archive.get(), ArchiveReader::Contents::kTar, kLimits.bytes);
    layer.clear();
    return reader && writer.Unpack(*reader, TreeWriter::Layer::kWhiteouts).has_value();
  };
  for (const std::string& line : Split(text, '\n')) {
    if (!line.empty()) {
      layer += Entry(line);
    } else if (!unpack()) {
      return;
    }
  }
  if (!unpack()) return;
  const Fd root = OpenDir(kHere, yard.At("root")).value();
  const auto files = ListRootfs(root.get());
  Must(files.has_value());
  for (const RootfsFile& file : *files) Must(file.type != 's' && (file.mode & 06000U) == 0);
  std::vector<RootfsFile> listed = *files;
  for (RootfsFile& file : listed) {
    if (file.type == 'f') file.sha256.assign(64, '0');
  }
  const auto again = ParseRootfsManifest(PrintRootfsManifest(listed));
  Must(again.has_value() && *again == listed);
}

void ImportBytes(std::string_view bytes) {
  const Yard yard;
  const Fd archive = InMemory(bytes);
  const RootfsImportRequest request{.archive = ProcFdPath(archive.get()), .target = yard.At("r"), .architecture = "amd64",
                                    .max_bytes = kLimits.bytes, .max_entries = kLimits.entries};
  if (ImportRootfs(request)) {
    const auto faults = CheckRootfs(request.target, CheckDepth::kDeep);
    Must(faults.has_value() && faults->empty());
  } else {
    Must(access(request.target.c_str(), F_OK) != 0);
  }
}

}  // namespace
}  // namespace fumehood

// What the code under test would do wrong, it would do to the machine: it may write to its yards, and to where it is started.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  using namespace fumehood;
  std::string path = (access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + std::string("/fumehood-fuzz-XXXXXX");
  Must(mkdtemp(path.data()) != nullptr);
  YardsDirectory() = path;
  char here[4096];
  Must(getcwd(here, sizeof here) != nullptr && LandlockAbi() >= kLowestLandlockAbi);
  Must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  Must(ApplyLandlockLines((path + "\n" + here + "\n/proc\n/dev").c_str()) == 0);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fumehood;
  if (size == 0 || size > kMaxInput) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text[0] == 'T') {
    ImportBytes(text.substr(1));
  } else {
    UnpackLines(text);
  }
  (void)ParseRootfsManifest(text);  // only that it returns
  return 0;
}
