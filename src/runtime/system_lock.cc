#include "src/runtime/system_lock.h"

#include <limits.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/sha256.h"
#include "src/runtime/prefix_file.h"
#include "src/runtime/python_dists.h"
#include "src/runtime/r_packages.h"
#include "src/sys/bound_child.h"
#include "src/sys/file.h"
#include "src/sys/process.h"

namespace fumehood {
namespace {

constexpr const char* kDpkgQuery = "/usr/bin/dpkg-query";
constexpr const char* kDpkgStatus = "/var/lib/dpkg/status";
constexpr size_t kMaxText = size_t{16} << 20;

std::string RealPath(const std::string& path) {
  char real[PATH_MAX];
  return realpath(path.c_str(), real) != nullptr ? real : path;
}

std::string LastPart(const std::string& path) { return path.substr(path.rfind('/') + 1); }
bool IsPython(const std::string& interpreter) { return LastPart(interpreter).starts_with("python"); }
bool IsR(const std::string& interpreter) { return LastPart(interpreter) == "Rscript"; }

// Relative to /usr, in the order in which the interpreter looks.
std::vector<std::string> FoldersOf(const std::string& interpreter) {
  if (IsR(interpreter)) return {"local/lib/R/site-library", "lib/R/site-library", "lib/R/library"};
  if (!IsPython(interpreter)) return {};
  const std::string version = LastPart(RealPath(interpreter));  // "python3.11"
  std::vector<std::string> folders;
  for (const char* top : {"local/lib/", "lib/", "lib64/"}) {
    for (const char* kind : {"/dist-packages", "/site-packages"}) folders.push_back(top + version + kind);
  }
  folders.emplace_back("lib/python3/dist-packages");
  return folders;
}

// What a program of the distribution's prints; empty where it fails.
std::string Asked(std::vector<std::string> argv) {
  auto pipe = MakePipe();
  const auto there = FindStat(kHere, argv[0], true);
  if (!pipe || !there || !*there) return {};
  BoundRequest request{.path = argv[0], .argv = std::move(argv), .env = {"PATH=/usr/bin:/bin", "LC_ALL=C"}, .cwd = "/", .output_fd = pipe->write.get()};
  const auto code = RunBound(request);  // a line or two, which a pipe holds
  pipe->write.Reset();
  const auto text = ReadFd(pipe->read.get(), kMaxText);
  return code && *code == 0 && text ? *text : std::string();
}

// dpkg knows a file by the name under which its package brought it, which a link to it is not.
std::string OwnerOf(const std::string& interpreter) {
  for (const std::string& path : {RealPath(interpreter), interpreter}) {
    const std::string line = Asked({kDpkgQuery, "-S", path});  // "python3.11-minimal: /usr/bin/python3.11"
    if (const size_t colon = line.find(": "); colon != std::string::npos) return line.substr(0, colon);
  }
  return {};
}

// What dpkg has of the digests of a package's files: the same for the same files.
std::string DigestOfDeb(const std::string& package) {
  for (const std::string& name : {package, package.substr(0, package.find(':'))}) {
    const auto sums = FindFile(kHere, "/var/lib/dpkg/info/" + name + ".md5sums", kMaxText);
    if (sums && *sums) return "sha256:" + Sha256Hex(**sums);
  }
  return {};
}

void AddOwner(const std::string& interpreter, std::vector<LockedPackage>& packages) {
  const std::string owner = OwnerOf(interpreter);
  if (owner.empty()) return;
  const auto fields = SplitWords(Asked({kDpkgQuery, "-W", "-f", "${Package} ${Version} ${Architecture} ${binary:Package}", owner}));
  if (fields.size() == 4) packages.push_back({.manager = "deb", .name = fields[0], .version = fields[1], .build = fields[2], .digest = DigestOfDeb(fields[3])});
}

// A dist-info folder, or an egg-info folder or file, which the distribution's packages still have.
void AddPython(int usr, const std::string& folder, std::vector<LockedPackage>& packages) {
  const auto names = NamesBeneath(usr, folder);
  if (!names) return;
  for (const std::string& name : *names) {
    const std::string path = folder + "/" + name;
    const bool dist = name.ends_with(".dist-info");
    if (!dist && !name.ends_with(".egg-info")) continue;
    auto text = FindFileBeneath(usr, path + (dist ? "/METADATA" : "/PKG-INFO"), kMaxText);
    if (!dist && (!text || !*text)) text = FindFileBeneath(usr, path, kMaxText);
    if (!text || !*text) continue;
    LockedPackage package{.manager = "pip", .name = MetadataHeader(**text, "Name"), .version = MetadataHeader(**text, "Version")};
    const auto record = FindFileBeneath(usr, path + "/RECORD", kMaxText);
    if (dist && record && *record) package.digest = "sha256:" + Sha256Hex(**record);
    if (!package.name.empty() && !package.version.empty()) packages.push_back(std::move(package));
  }
}

void AddR(int usr, const std::string& folder, std::vector<LockedPackage>& packages) {
  const auto found = FindRPackages(usr, folder);
  if (!found) return;
  for (const RPackage& package : found->packages) {
    packages.push_back({.manager = "cran",
                        .name = package.name,
                        .version = package.version,
                        .build = package.built_with,
                        .digest = package.files_sha256.empty() ? "" : "sha256:" + package.files_sha256,
                        .source = package.remote.empty() ? package.repository : package.remote});
  }
}

}  // namespace

Result<std::vector<LockedPackage>> LockSystem(const std::string& interpreter) {
  std::vector<LockedPackage> packages;
  AddOwner(interpreter, packages);
  FH_ASSIGN_OR_RETURN(const Fd usr, OpenDir(kHere, "/usr"));
  for (const std::string& folder : FoldersOf(interpreter)) {
    IsR(interpreter) ? AddR(usr.get(), folder, packages) : AddPython(usr.get(), folder, packages);
  }
  const auto key = [](const LockedPackage& p) { return std::tie(p.manager, p.name, p.version, p.build, p.digest, p.source); };
  std::sort(packages.begin(), packages.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  packages.erase(std::unique(packages.begin(), packages.end(), [&](const auto& a, const auto& b) { return key(a) == key(b); }), packages.end());
  return packages;
}

std::string SystemFingerprint(const std::string& interpreter) {
  std::vector<std::string> paths = {kDpkgStatus, interpreter};
  for (const std::string& folder : FoldersOf(interpreter)) paths.push_back("/usr/" + folder);
  std::string text;
  for (const std::string& path : paths) {
    const auto info = FindStat(kHere, path, true);
    if (!info || !*info) continue;
    text += fmt::format("{} {} {} {}.{:09}\n", path, (*info)->st_ino, (*info)->st_size, (*info)->st_mtim.tv_sec, (*info)->st_mtim.tv_nsec);
  }
  return Sha256Hex(text);
}

}  // namespace fumehood
