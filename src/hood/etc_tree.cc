#include "src/hood/etc_tree.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/sys/errno_error.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// Loader, certificates, fonts, languages: no accounts, no keys, no addresses, and no time zone, which is UTC for every run.
constexpr std::array kNames = {"alternatives",  "ca-certificates", "debian_version", "fonts",       "ld.so.cache", "ld.so.conf",
                               "ld.so.conf.d",  "locale.alias",    "lsb-release",    "magic",       "magic.mime",
                               "mime.types",    "matplotlibrc",    "mecabrc",        "nsswitch.conf", "openmpi",   "OpenCL",
                               "os-release",    "papersize",       "perl",           "protocols",   "python3",     "python3.11",
                               "python3.12",    "python3.13",      "R",              "services",    "ssl/certs",   "ssl/openssl.cnf",
                               "ImageMagick-6",   "java-17-openjdk", "julia"};
constexpr int kMaxDepth = 8;
constexpr size_t kMaxFileBytes = size_t{4} << 20;
// Of an image's /etc: written by the hood, or nobody's business.
constexpr std::array kNotTheImages = {"passwd",  "passwd-",  "group",   "group-",   "shadow",  "shadow-",       "gshadow", "gshadow-",
                                      "subuid",  "subuid-",  "subgid",  "subgid-",  "hosts",   "hostname",      "mtab",
                                      "resolv.conf", "nsswitch.conf", "sudoers", "sudoers.d"};
constexpr size_t kMaxImageEntries = 20000;  // Debian's full desktop has some 3000

class Fold {
 public:
  void Mix(uint64_t value) {
    hash_ ^= value;
    hash_ *= 1099511628211ULL;
  }
  void MixText(const std::string& text) {
    for (const char c : text) Mix(static_cast<unsigned char>(c));
    Mix(text.size());
  }
  void MixInfo(const struct stat& info) {
    Mix(info.st_ino);
    Mix(static_cast<uint64_t>(info.st_mtim.tv_sec));
    Mix(static_cast<uint64_t>(info.st_mtim.tv_nsec));
    Mix(static_cast<uint64_t>(info.st_size));
  }
  void MixFile(const std::string& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return Mix(0);
    MixInfo(info);
  }
  uint64_t hash() const { return hash_; }

 private:
  uint64_t hash_ = 1469598103934665603ULL;
};

void MixTree(int dir, int depth, Fold& fold) {
  const auto entries = ListDir(dir);
  if (!entries || depth > kMaxDepth) return;
  for (const DirEntry& entry : *entries) {
    const auto info = FindStat(dir, entry.name, false);
    if (!info || !*info) continue;
    fold.MixText(entry.name);
    fold.MixInfo(**info);
    if (!S_ISDIR((*info)->st_mode)) continue;
    if (const auto inside = OpenBeneath(dir, entry.name, O_RDONLY | O_DIRECTORY)) MixTree(inside->get(), depth + 1, fold);
  }
}

// An image's /etc. Empty: it has none, or a link in its place.
std::optional<Fd> OpenImageEtc(const EtcRequest& request) {
  const auto tree = OpenDir(kHere, request.tree);
  if (!tree) return std::nullopt;
  auto etc = OpenBeneath(tree->get(), "etc", O_RDONLY | O_DIRECTORY);
  if (!etc) return std::nullopt;
  return std::move(etc).value();
}

void MixImage(const EtcRequest& request, Fold& fold) {
  fold.MixText(request.tree);
  fold.MixText(request.tree_identity);
  const auto etc = OpenImageEtc(request);
  if (!etc) return;
  if (const auto info = StatFd(*etc)) fold.MixInfo(*info);
  if (request.tree_identity.empty()) MixTree(etc->get(), 0, fold);
}

// Changes when a source does: names, times and sizes, folded by FNV-1a (no adversary: the sources are the administrator's).
uint64_t Fingerprint(const EtcRequest& request) {
  Fold fold;
  if (request.tree.empty()) {
    for (const char* name : kNames) fold.MixFile(fmt::format("/etc/{}", name));
  } else {
    MixImage(request, fold);
  }
  if (request.network_host) {
    fold.MixFile("/etc/resolv.conf");
    fold.MixFile("/etc/hosts");
  }
  fold.Mix(static_cast<uint64_t>(request.uid));
  fold.Mix(static_cast<uint64_t>(request.gid));
  fold.Mix(request.network_host ? 2 : 1);
  return fold.hash();
}

// Whose /etc, and how deep in it.
struct From {
  bool image = false;  // made by anybody: no link in it is followed, and what only its root may read stays its root's
  int depth = 0;
};

Result<void> CopyFile(int from_dir, const std::string& name, int to_dir, const std::string& as, const From& from) {
  const auto in = OpenAt(from_dir, name, O_RDONLY | O_NONBLOCK | (from.image ? O_NOFOLLOW : 0));
  if (!in) return {};
  FH_ASSIGN_OR_RETURN(const auto info, StatFd(*in));
  if (!S_ISREG(info.st_mode) || (from.image && (info.st_mode & S_IROTH) == 0)) return {};
  const auto text = ReadFd(in->get(), kMaxFileBytes);
  if (!text) return {};  // unreadable for the submitter, or huge: then not for the run either
  FH_ASSIGN_OR_RETURN(const Fd out, OpenAt(to_dir, as, O_WRONLY | O_CREAT | O_EXCL, 0644));
  if (fchmod(out.get(), 0644) != 0) return ErrnoError(errno, "chmod " + Quoted(as));
  return WriteAll(out.get(), *text);
}

Result<void> CopyEntry(int from_dir, const std::string& name, int to_dir, const std::string& as, const From& from);

Result<void> CopyDir(int from_dir, const std::string& name, int to_dir, const std::string& as, const From& from) {
  const auto source = OpenAt(from_dir, name, O_RDONLY | O_DIRECTORY | (from.image ? O_NOFOLLOW : 0));
  if (!source || from.depth >= kMaxDepth) return {};
  FH_TRY(MakeDir(to_dir, as, 0755));
  FH_ASSIGN_OR_RETURN(const Fd to, OpenDir(to_dir, as));
  if (fchmod(to.get(), 0755) != 0) return ErrnoError(errno, "chmod " + Quoted(as));
  FH_ASSIGN_OR_RETURN(const auto entries, ListDir(source->get()));
  const From deeper{from.image, from.depth + 1};
  for (const DirEntry& entry : entries) FH_TRY(CopyEntry(source->get(), entry.name, to.get(), entry.name, deeper));
  return {};
}

Result<void> CopyEntry(int from_dir, const std::string& name, int to_dir, const std::string& as, const From& from) {
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(from_dir, name, false));
  if (!info) return {};
  if (S_ISDIR(info->st_mode)) return CopyDir(from_dir, name, to_dir, as, from);
  if (S_ISREG(info->st_mode)) return CopyFile(from_dir, name, to_dir, as, from);
  if (!S_ISLNK(info->st_mode)) return {};
  char target[PATH_MAX];
  const ssize_t length = readlinkat(from_dir, name.c_str(), target, sizeof target - 1);
  if (length <= 0) return {};
  target[length] = 0;
  if (symlinkat(target, to_dir, as.c_str()) != 0) return ErrnoError(errno, "link " + Quoted(as));
  return {};
}

Result<void> WriteOwn(int dir, const std::string& name, const std::string& text) {
  FH_ASSIGN_OR_RETURN(const Fd out, OpenAt(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0644));
  if (fchmod(out.get(), 0644) != 0) return ErrnoError(errno, "chmod " + Quoted(name));
  return WriteAll(out.get(), text);
}

Result<void> CopyHosts(int dir) {
  FH_TRY(MakeDir(dir, "ssl", 0755));
  FH_ASSIGN_OR_RETURN(const Fd ssl, OpenDir(dir, "ssl"));
  if (fchmod(ssl.get(), 0755) != 0) return ErrnoError(errno, "chmod ssl");
  for (const char* name : kNames) FH_TRY(CopyEntry(kHere, fmt::format("/etc/{}", name), dir, name, {}));
  return {};
}

// What could be seen by whoever may see the tree. Its links are copied as they are: they lead where they lead in the run.
Result<void> CopyImages(int dir, const EtcRequest& request) {
  const auto etc = OpenImageEtc(request);
  if (etc) {
    FH_ASSIGN_OR_RETURN(const auto entries, ListDir(etc->get()));
    if (entries.size() > kMaxImageEntries) {
      return Error(ErrorCode::kUnsupported, fmt::format("{}/etc has more than {} entries", request.tree, kMaxImageEntries));
    }
    for (const DirEntry& entry : entries) {
      const bool own = std::find(kNotTheImages.begin(), kNotTheImages.end(), std::string_view(entry.name)) != kNotTheImages.end();
      if (!own) FH_TRY(CopyEntry(etc->get(), entry.name, dir, entry.name, {.image = true}));
    }
  }
  return WriteOwn(dir, "nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"
                                        "protocols: files\nservices: files\nethers: files\nrpc: files\n");
}

Result<void> Fill(int dir, const EtcRequest& request) {
  FH_TRY(request.tree.empty() ? CopyHosts(dir) : CopyImages(dir, request));
  FH_TRY(WriteOwn(dir, "passwd",
                  fmt::format("root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
                              "analysis:x:{}:{}:analysis:/home/analysis:/bin/bash\n"
                              "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n", request.uid, request.gid)));
  FH_TRY(WriteOwn(dir, "group", fmt::format("root:x:0:\nanalysis:x:{}:\nnogroup:x:65534:\n", request.gid)));
  FH_TRY(WriteOwn(dir, "hostname", "fumehood\n"));
  if (request.network_host) {
    FH_TRY(CopyFile(kHere, "/etc/resolv.conf", dir, "resolv.conf", {}));
    return CopyFile(kHere, "/etc/hosts", dir, "hosts", {});
  }
  return WriteOwn(dir, "hosts", "127.0.0.1 localhost fumehood\n::1 localhost\n");
}

Result<void> Build(int dir, const std::string& name, const EtcRequest& request) {
  FH_TRY(MakeDir(dir, name, 0755));
  FH_ASSIGN_OR_RETURN(const Fd tree, OpenDir(dir, name));
  if (fchmod(tree.get(), 0755) != 0) return ErrnoError(errno, "chmod " + Quoted(name));
  return Fill(tree.get(), request);
}

}  // namespace

Result<std::string> EnsureEtcTree(const EtcRequest& request) {
  const std::string cache = request.state_dir + "/cache";
  const std::string name = fmt::format("etc-{:016x}", Fingerprint(request));
  std::string path = cache + "/" + name;
  FH_ASSIGN_OR_RETURN(const auto there, FindStat(kHere, path, false));
  if (there) return path;
  FH_TRY(MakeDirs(cache, 0700));
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, cache));
  // Under a name of this thread's own, then renamed: a half-made tree is never used, and of two makers one wins.
  const std::string building = fmt::format("{}.building-{}", name, gettid());
  FH_TRY(RemoveTree(dir.get(), building));
  Result<void> built = Build(dir.get(), building, request);
  if (built && renameat2(dir.get(), building.c_str(), dir.get(), name.c_str(), RENAME_NOREPLACE) != 0) {
    const int error = errno;
    if (error != EEXIST) built = ErrnoError(error, "rename " + Quoted(building));
  }
  // Left where another was first, or where it failed.
  (void)RemoveTree(dir.get(), building);
  if (!built) return std::move(built).error().Within("make " + Quoted(path));
  return path;
}

}  // namespace fumehood
