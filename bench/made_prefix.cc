#include "bench/made_prefix.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "src/base/json_writer.h"
#include "src/record/sha256.h"
#include "src/sys/file.h"
#include "src/sys/positioned_io.h"

namespace fumehood {
namespace {

constexpr int64_t kFilesOfPackage = 400;
constexpr int64_t kFilesOfFolder = 40;

// Bytes that no file system and no disk can make smaller.
class Noise {
 public:
  explicit Noise(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 1) {}
  void Fill(std::string& buffer) {
    for (size_t i = 0; i + 8 <= buffer.size(); i += 8) {
      state_ ^= state_ << 13U;
      state_ ^= state_ >> 7U;
      state_ ^= state_ << 17U;
      std::memcpy(&buffer[i], &state_, 8);
    }
  }

 private:
  uint64_t state_;
};

// The n-th largest file has an n-th of the largest one's bytes.
std::vector<int64_t> Sizes(int64_t files, int64_t bytes) {
  double harmonic = 0;
  for (int64_t i = 1; i <= files; ++i) harmonic += 1.0 / static_cast<double>(i);
  std::vector<int64_t> sizes;
  for (int64_t i = 1; i <= files; ++i) sizes.push_back(std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(bytes) / harmonic / static_cast<double>(i))));
  // Spread over the packages, by steps of a prime that divides no usual number of files.
  constexpr size_t kStep = 7919;
  std::vector<int64_t> spread(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) spread[i] = sizes[i * kStep % sizes.size()];
  return spread;
}

Result<std::string> WriteNoise(int prefix, const std::string& name, int64_t size, uint64_t seed) {
  FH_ASSIGN_OR_RETURN(const Fd file, OpenAt(prefix, name, O_WRONLY | O_CREAT | O_EXCL, 0644));
  Noise noise(seed);
  Sha256 digest;
  std::string buffer(size_t{1} << 20, '\0');
  for (int64_t left = size; left > 0; left -= static_cast<int64_t>(buffer.size())) {
    buffer.resize(static_cast<size_t>(std::min<int64_t>(left, static_cast<int64_t>(buffer.size()))));
    noise.Fill(buffer);
    digest.Update(buffer);
    FH_TRY(WriteAll(file.get(), buffer));
  }
  StartWriteback(file.get());
  return digest.FinishHex();
}

}  // namespace

Result<MadePrefix> MakePrefix(const std::string& path, int64_t files, int64_t bytes) {
  FH_TRY(MakeDirs(path + "/conda-meta", 0755));
  FH_ASSIGN_OR_RETURN(const Fd prefix, OpenDir(kHere, path));
  FH_ASSIGN_OR_RETURN(const Fd records, OpenDir(prefix.get(), "conda-meta"));
  FH_TRY(WriteFileAtomically(records.get(), "history", "==> made for measurements <==\n", 0644, Durability::kLater));
  MadePrefix made{.path = path};
  const std::vector<int64_t> sizes = Sizes(files, bytes);
  for (int64_t first = 0; first < files; first += kFilesOfPackage) {
    const std::string package = fmt::format("package-{:03}", first / kFilesOfPackage);
    JsonWriter json;
    json.BeginObject().Key("name").String(package).Key("version").String("1.0").Key("build").String("0").Key("build_number").Int(0);
    json.Key("depends").BeginArray().EndArray().Key("paths_data").BeginObject().Key("paths_version").Int(1).Key("paths").BeginArray();
    for (int64_t i = first; i < std::min(files, first + kFilesOfPackage); ++i) {
      const std::string folder = fmt::format("lib/{}/part-{}", package, (i - first) / kFilesOfFolder);
      if ((i - first) % kFilesOfFolder == 0) FH_TRY(MakeDirs(path + "/" + folder, 0755));
      const std::string name = fmt::format("{}/file-{:06}", folder, i);
      const int64_t size = sizes[static_cast<size_t>(i)];
      FH_ASSIGN_OR_RETURN(const std::string digest, WriteNoise(prefix.get(), name, size, static_cast<uint64_t>(i)));
      json.BeginObject().Key("_path").String(name).Key("path_type").String("hardlink");
      json.Key("sha256").String(digest).Key("sha256_in_prefix").String(digest).Key("size_in_bytes").Int(size).EndObject();
      made.files.push_back(name);
      made.bytes += size;
    }
    const std::string text = json.EndArray().EndObject().EndObject().Take();
    FH_TRY(WriteFileAtomically(records.get(), fmt::format("{}-1.0-0.json", package), text, 0644, Durability::kLater));
  }
  std::sort(made.files.begin(), made.files.end());
  FH_TRY(SyncFileSystem(prefix.get()));
  return made;
}

}  // namespace fumehood
