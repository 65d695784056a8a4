// How long a check takes to find one damaged byte in a conda prefix of some gigabytes, against what bounds it: reading the same
// files, and the SHA-256 of so many bytes on all processors. Cold: nothing of the prefix is in the page cache, and, where root
// runs this, nothing of its folders either.
//
//   runtime_bench [--mib N] [--files N] [--rounds N] [DIRECTORY]     default: 3072 MiB, 40000 files, 3 rounds, in /var/tmp
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "bench/made_prefix.h"
#include "src/base/text.h"
#include "src/record/sha256.h"
#include "src/runtime/conda_check.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

struct Wanted {
  int64_t mib = 3072;
  int64_t files = 40000;
  int64_t rounds = 3;
  std::string directory = "/var/tmp";
};

double SecondsOf(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

unsigned Processors() { return std::max(1U, std::thread::hardware_concurrency()); }

void OnThreads(unsigned count, const std::function<void()>& work) {
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < count; ++i) threads.emplace_back(work);
  work();
}

std::string scratch;  // with the prefix in it; removed at the end, however it comes

Result<void> RemoveScratch() {
  if (scratch.empty()) return {};
  const size_t slash = scratch.rfind('/');
  FH_ASSIGN_OR_RETURN(const Fd parent, OpenDir(kHere, scratch.substr(0, slash + 1)));
  const auto removed = RemoveTree(parent.get(), scratch.substr(slash + 1));
  return removed ? Result<void>() : Result<void>(removed.error());
}

[[noreturn]] void Give(const std::string& why) {
  fmt::print(stderr, "runtime_bench: {}\n", why);
  (void)RemoveScratch();  // the reason is told already
  std::exit(1);
}

class Bench {
 public:
  Bench(Wanted wanted, MadePrefix prefix) : wanted_(std::move(wanted)), prefix_(std::move(prefix)) {
    auto opened = OpenDir(kHere, prefix_.path);
    if (!opened) Give(opened.error().message());
    dir_ = std::move(*opened);
  }

  void Run() {
    const PrefixCheck sound = Check(false);
    if (!sound.faults.empty() || sound.files != static_cast<int64_t>(prefix_.files.size())) Give("the prefix is not what was made");
    damaged_ = prefix_.files[prefix_.files.size() * 2 / 3];
    Damage(false);
    const bool told = Check(false).fingerprint != sound.fingerprint;
    Damage(true);  // back as it was
    Damage(true);
    const bool hidden = Check(false).fingerprint == sound.fingerprint;
    fmt::print("One byte of {} is damaged: by metadata it is {}; with the file's time put back, {}.\n\n", damaged_,
               told ? "found" : "NOT found", hidden ? "only by its bytes" : "found, too");
    Measures quick{"quick check: metadata", [this] { (void)Check(false); }};
    Measures deep{"deep check: every byte; finds it", [this] { MustFind(); }};
    Measures cat{"reading the files, one after the other, as cat does", [this] { ReadAll(1); }};
    Measures readers{"reading them, a reader a processor", [this] { ReadAll(Processors()); }};
    Measures hash{"SHA-256 of as many bytes of memory, on all processors", [this] { HashAll(); }};
    const std::vector<Measures*> all = {&quick, &deep, &cat, &readers, &hash};
    // In turn, so that a drift of the machine's speed meets each alike.
    for (int64_t round = 0; round < wanted_.rounds; ++round) {
      for (Measures* each : all) Take(*each);
    }
    fmt::print("| {} in {} files, {} processors | cold, s | cold, MB/s | warm, s | warm, MB/s |\n|---|--:|--:|--:|--:|\n", HumanBytes(prefix_.bytes),
               prefix_.files.size(), Processors());
    for (const Measures* each : all) Say(*each, each != &quick);
    fmt::print("\n");
    Compare("cold", deep.cold, std::min(cat.cold, readers.cold), hash.cold);
    Compare("warm", deep.warm, std::min(cat.warm, readers.warm), hash.warm);
  }

 private:
  // The shortest of all rounds, in seconds: what else the machine does only adds to it.
  struct Measures {
    const char* name;
    std::function<void()> work;
    double cold = 1e9, warm = 1e9;
  };

  void Take(Measures& measures) {
    Forget();
    measures.cold = std::min(measures.cold, SecondsOf(measures.work));
    measures.warm = std::min(measures.warm, SecondsOf(measures.work));
  }

  double Rate(double seconds) const { return static_cast<double>(prefix_.bytes) / seconds / 1e6; }

  void Say(const Measures& measures, bool in_bytes) const {
    const auto rate = [&](double seconds) { return in_bytes ? fmt::format("{:.0f}", Rate(seconds)) : std::string(); };
    fmt::print("| {} | {:.2f} | {} | {:.2f} | {} |\n", measures.name, measures.cold, rate(measures.cold), measures.warm, rate(measures.warm));
  }

  void Compare(const char* word, double check, double disk, double hash) const {
    fmt::print("The deep check, {}, has {:.2f} of the speed of the {}, the slower of disk and hash.\n", word, std::max(disk, hash) / check,
               disk > hash ? "disk" : "hash");
  }

  PrefixCheck Check(bool deep) {
    auto check = CheckPrefix(prefix_.path, RuntimeKind::kConda, {.deep = deep});
    if (!check) Give(check.error().message());
    return std::move(*check);
  }

  void MustFind() {
    const PrefixCheck check = Check(true);
    if (check.bytes != prefix_.bytes || check.faults.size() != 1 || check.faults[0].path != damaged_) Give("the deep check did not find the damaged byte");
  }

  // Turns one bit of a byte in the middle: the size stays, and the time too where `hide`.
  void Damage(bool hide) {
    const auto file = OpenAt(dir_.get(), damaged_, O_RDWR);
    if (!file) Give(file.error().message());
    struct stat was {};
    fstat(file->get(), &was);
    if (!touched_) original_ = was;
    touched_ = true;
    char byte = 0;
    if (pread(file->get(), &byte, 1, was.st_size / 2) != 1) Give("cannot read " + damaged_);
    byte = static_cast<char>(byte ^ 1);
    if (pwrite(file->get(), &byte, 1, was.st_size / 2) != 1) Give("cannot write " + damaged_);
    const timespec times[2] = {original_.st_atim, original_.st_mtim};
    if (hide) futimens(file->get(), times);
    fsync(file->get());
  }

  // Empties the caches of the prefix, and of folders where we may: that takes root, and meets the whole machine.
  void Forget() {
    for (const std::string& name : prefix_.files) {
      const auto file = OpenAt(dir_.get(), name, O_RDONLY);
      if (file) posix_fadvise(file->get(), 0, 0, POSIX_FADV_DONTNEED);
    }
    if (geteuid() == 0) (void)WriteKernelFile(kHere, "/proc/sys/vm/drop_caches", "3");  // a container may not; the files are out already
  }

  void ReadAll(unsigned readers) {
    std::atomic<size_t> next{0};
    std::atomic<int64_t> bytes{0};
    OnThreads(readers, [&] {
      std::string buffer(size_t{128} << 10, '\0');  // what cat reads at once
      for (size_t i = next++; i < prefix_.files.size(); i = next++) {
        const auto file = OpenAt(dir_.get(), prefix_.files[i], O_RDONLY);
        int64_t at = 0;
        while (file) {
          const auto got = ReadAt(file->get(), buffer.data(), buffer.size(), at);
          if (!got || *got == 0) break;
          at += static_cast<int64_t>(*got);
        }
        bytes += at;
      }
    });
    if (bytes != prefix_.bytes) Give("not all of the files could be read");
  }

  void HashAll() {
    std::atomic<int64_t> left{prefix_.bytes};
    OnThreads(Processors(), [&] {
      const std::string block(size_t{32} << 10, 'x');
      Sha256 digest;
      while (left.fetch_sub(static_cast<int64_t>(block.size())) > 0) digest.Update(block);
      (void)digest.FinishHex();
    });
  }

  Wanted wanted_;
  MadePrefix prefix_;
  Fd dir_;
  std::string damaged_;
  struct stat original_ {};
  bool touched_ = false;
};

Wanted ParseWanted(int count, char** words) {
  Wanted wanted;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    int64_t* number = word == "--mib" ? &wanted.mib : word == "--files" ? &wanted.files : word == "--rounds" ? &wanted.rounds : nullptr;
    if (number == nullptr && !word.starts_with("-")) {
      wanted.directory = word;
      continue;
    }
    if (number == nullptr || ++i == count || (*number = std::atoll(words[i])) < 1) Give("usage: runtime_bench [--mib N] [--files N] [--rounds N] [DIRECTORY]");
  }
  return wanted;
}

int Main(int count, char** words) {
  const Wanted wanted = ParseWanted(count, words);
  std::string made = wanted.directory + "/fumehood-bench-XXXXXX";
  if (mkdtemp(made.data()) == nullptr) Give("cannot make a directory in " + Quoted(wanted.directory));
  scratch = made;
  if (HasNoRoom(scratch, static_cast<uint64_t>(wanted.mib) << 20U)) {
    Give(fmt::format("{} has no room for {} MiB; name another directory", Quoted(wanted.directory), wanted.mib));
  }
  auto prefix = MakePrefix(scratch + "/prefix", wanted.files, wanted.mib << 20U);
  if (!prefix) Give(prefix.error().message());
  Bench(wanted, std::move(*prefix)).Run();
  const auto removed = RemoveScratch();
  if (!removed) {
    fmt::print(stderr, "runtime_bench: {}\n", removed.error().message());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace fumehood

int main(int count, char** words) { return fumehood::Main(count, words); }
