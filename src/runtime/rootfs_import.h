// ImportRootfs: makes an unpacked root file system from an archive: what `docker save` writes, an OCI image layout, or a plain tar
// archive of a root file system; each plain or compressed by gzip, xz or zstd. No container engine is asked.
//
//   <target>/root/        the tree; nothing of the archive is ever written anywhere else (rootfs_tree_writer.h)
//           /files.txt    RootfsManifest of the tree; its SHA-256 is the identity
//           /image.json   RootfsImage, the identity, and what was left out
//
// It is made in a directory beside the target, synced, and renamed into place: the target is complete or not there. A process that
// is killed leaves a directory whose name begins with kImportPrefix; SweepImports removes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fumehood/result.h"
#include "src/runtime/rootfs_image.h"

namespace fumehood {

inline constexpr const char* kRootfsTree = "root";
inline constexpr const char* kRootfsFiles = "files.txt";
inline constexpr const char* kRootfsImage = "image.json";
inline constexpr const char* kImportPrefix = ".importing-";

struct RootfsImportRequest {
  std::string archive;
  std::string target;        // absolute; its parent is there, itself is not
  std::string image;         // which one, where the archive has several: name or digest
  std::string architecture;  // empty: this machine's
  // Twice what the largest public images of research software have.
  int64_t max_bytes = int64_t{64} << 30;
  int64_t max_entries = 4'000'000;
};

struct RootfsRecord {
  RootfsImage image;
  std::string identity;              // SHA-256 of files.txt
  int64_t files = 0;
  int64_t bytes = 0;                 // of all files together
  std::vector<std::string> skipped;  // the first of what was left out
  int64_t skipped_count = 0;
};

Result<RootfsRecord> ImportRootfs(const RootfsImportRequest& request);

Result<RootfsRecord> ReadRootfsRecord(const std::string& target);

// Removes what imports that were killed left in `directory`; one that is going on is left alone. Gives the names.
Result<std::vector<std::string>> SweepImports(const std::string& directory);

}  // namespace fumehood
