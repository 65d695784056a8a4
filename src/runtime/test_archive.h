// For tests: archives of every kind, hostile ones too, made by libarchive's writing half.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/record/sha256.h"

namespace fumehood {

class TestArchive {
 public:
  enum class Filter { kNone, kGzip, kXz, kZstd };
  explicit TestArchive(Filter filter = Filter::kNone) : archive_(archive_write_new()), entry_(archive_entry_new()) {
    Must(archive_write_set_format_pax_restricted(archive_));
    if (filter == Filter::kGzip) Must(archive_write_add_filter_gzip(archive_));
    if (filter == Filter::kXz) Must(archive_write_add_filter_xz(archive_));
    if (filter == Filter::kZstd) Must(archive_write_add_filter_zstd(archive_));
    Must(archive_write_set_bytes_in_last_block(archive_, 1));
    Must(archive_write_open(archive_, this, nullptr, Write, nullptr));
  }
  TestArchive(const TestArchive&) = delete;
  TestArchive& operator=(const TestArchive&) = delete;
  ~TestArchive() {
    archive_entry_free(entry_);
    (void)archive_write_free(archive_);
  }

  TestArchive& File(const std::string& path, std::string_view text, unsigned mode = 0644) {
    Begin(path, AE_IFREG, mode, static_cast<int64_t>(text.size()));
    if (archive_write_data(archive_, text.data(), text.size()) != static_cast<la_ssize_t>(text.size())) std::abort();
    return *this;
  }
  TestArchive& Dir(const std::string& path, unsigned mode = 0755) { return Begin(path, AE_IFDIR, mode, 0); }
  TestArchive& Link(const std::string& path, const std::string& target) {
    link_ = target;
    return Begin(path, AE_IFLNK, 0777, 0);
  }
  TestArchive& HardLink(const std::string& path, const std::string& target) {
    hard_link_ = target;
    return Begin(path, AE_IFREG, 0644, 0);
  }
  TestArchive& Device(const std::string& path) { return Begin(path, AE_IFCHR, 0666, 0); }
  TestArchive& Fifo(const std::string& path) { return Begin(path, AE_IFIFO, 0666, 0); }
  // A file of `size` bytes of which only the last is written.
  TestArchive& Sparse(const std::string& path, int64_t size) {
    archive_entry_clear(entry_);
    archive_entry_set_size(entry_, size);  // first: what lies beyond is not taken
    archive_entry_sparse_add_entry(entry_, size - 1, 1);
    sparse_ = true;
    Begin(path, AE_IFREG, 0644, size);
    // Of a sparse file libarchive takes the holes as well, and drops them.
    const std::string zeros(1 << 20, '\0');
    for (int64_t left = size; left > 0;) {
      const la_ssize_t put = archive_write_data(archive_, zeros.data(), static_cast<size_t>(left < 1 << 20 ? left : 1 << 20));
      if (put <= 0) std::abort();
      left -= put;
    }
    return *this;
  }
  TestArchive& At(int64_t mtime) {
    mtime_ = mtime;
    return *this;
  }
  std::string Bytes() {
    Must(archive_write_close(archive_));
    return bytes_;
  }

 private:
  static la_ssize_t Write(struct archive*, void* self, const void* data, size_t size) {
    static_cast<TestArchive*>(self)->bytes_.append(static_cast<const char*>(data), size);
    return static_cast<la_ssize_t>(size);
  }
  static void Must(int status) {
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) std::abort();
  }
  TestArchive& Begin(const std::string& path, unsigned type, unsigned mode, int64_t size) {
    if (!std::exchange(sparse_, false)) archive_entry_clear(entry_);
    archive_entry_set_pathname(entry_, path.c_str());
    archive_entry_set_filetype(entry_, type);
    archive_entry_set_perm(entry_, static_cast<mode_t>(mode));
    archive_entry_set_size(entry_, size);
    archive_entry_set_mtime(entry_, mtime_, 0);
    if (type == AE_IFLNK) archive_entry_set_symlink(entry_, link_.c_str());
    if (!hard_link_.empty()) archive_entry_set_hardlink(entry_, std::exchange(hard_link_, "").c_str());
    Must(archive_write_header(archive_, entry_));
    return *this;
  }

  struct archive* archive_;
  struct archive_entry* entry_;
  std::string bytes_;
  std::string link_;
  std::string hard_link_;
  bool sparse_ = false;
  int64_t mtime_ = 1'600'000'000;
};

struct TestLayer {
  std::string blob;     // as it is in the image
  std::string plain;    // the tar archive in it; empty: the same
  std::string diff_id() const { return Sha256Hex(plain.empty() ? blob : plain); }
};

struct TestImage {
  std::string name = "lab/tool:1";
  std::string architecture = "amd64";
  std::string env = R"("PATH=/opt/tool/bin:/usr/bin","TOOL_HOME=/opt/tool","HOME=/root")";
  std::vector<TestLayer> layers;

  std::string Config() const {
    std::string ids;
    for (const TestLayer& layer : layers) ids += (ids.empty() ? "" : ",") + ("\"sha256:" + layer.diff_id()) + "\"";
    return R"({"architecture":")" + architecture + R"(","os":"linux","config":{"Env":[)" + env +
           R"(],"Entrypoint":["/opt/tool/bin/tool"],"WorkingDir":"/work"},"rootfs":{"type":"layers","diff_ids":[)" + ids + "]}}";
  }
  static std::string Descriptor(const std::string& blob, const std::string& more = "") {
    return R"({"digest":"sha256:)" + Sha256Hex(blob) + R"(","size":)" + std::to_string(blob.size()) + more + "}";
  }
  std::string Manifest() const {
    std::string list;
    for (const TestLayer& layer : layers) list += (list.empty() ? "" : ",") + Descriptor(layer.blob);
    return R"({"schemaVersion":2,"config":)" + Descriptor(Config()) + R"(,"layers":[)" + list + "]}";
  }
  std::string IndexEntry(bool platform = true) const {
    return Descriptor(Manifest(), (platform ? R"(,"platform":{"os":"linux","architecture":")" + architecture + "\"}" : "") +
                                      R"(,"annotations":{"org.opencontainers.image.ref.name":")" + name + "\"}");
  }
};

inline std::string BlobName(const std::string& blob) { return "blobs/sha256/" + Sha256Hex(blob); }

// An OCI image layout. Images of which only the index tells are those without layers.
inline std::string OciArchive(const std::vector<TestImage>& images, TestArchive::Filter filter = TestArchive::Filter::kNone) {
  TestArchive archive(filter);
  std::string entries;
  std::vector<std::string> written;
  const auto put = [&](const std::string& blob) {
    for (const std::string& other : written) {
      if (other == blob) return;
    }
    written.push_back(blob);
    archive.File(BlobName(blob), blob);
  };
  for (const TestImage& image : images) {
    entries += (entries.empty() ? "" : ",") + image.IndexEntry();
    if (image.layers.empty()) continue;
    put(image.Manifest());
    put(image.Config());
    for (const TestLayer& layer : image.layers) put(layer.blob);
  }
  archive.File("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  archive.File("index.json", R"({"schemaVersion":2,"manifests":[)" + entries + "]}");
  return archive.Bytes();
}

// As `docker save` wrote it until version 25: a directory for each layer, the configuration named by its digest.
inline std::string DockerArchive(const std::vector<TestImage>& images) {
  TestArchive archive;
  std::string entries;
  int number = 0;
  for (const TestImage& image : images) {
    std::string list;
    for (const TestLayer& layer : image.layers) {
      const std::string path = "layer" + std::to_string(number++) + "/layer.tar";
      archive.File(path, layer.blob);
      list += (list.empty() ? "\"" : ",\"") + path + "\"";
    }
    const std::string config = Sha256Hex(image.Config()) + ".json";
    archive.File(config, image.Config());
    entries += (entries.empty() ? "" : ",") + (R"({"Config":")" + config + R"(","RepoTags":[")" + image.name + R"("],"Layers":[)" + list + "]}");
  }
  archive.File("manifest.json", "[" + entries + "]");
  return archive.Bytes();
}

}  // namespace fumehood
