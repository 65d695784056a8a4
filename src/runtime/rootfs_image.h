// RootfsImage: which image an archive holds, and which of its blobs are that image's layers. Two forms: an OCI image layout
// (index.json, blobs/sha256), and what `docker save` writes (manifest.json). Pure: the texts come in as values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fumehood/result.h"

namespace fumehood {

// What a first look at an archive found.
struct ArchiveSurvey {
  std::map<std::string, std::string> texts;   // of the small files that describe images, by path
  std::map<std::string, int64_t> files;       // all files and their sizes
  std::map<std::string, std::string> links;   // path -> target, as an older `docker save` shares layers
};

struct RootfsLayer {
  std::string path;     // in the archive
  std::string digest;   // 64 hexadecimal digits, of the blob; empty: only the digest of what is in it is known
  int64_t size = -1;    // of the blob; -1: not said
  std::string diff_id;  // 64 hexadecimal digits, of the tar archive in it
};

struct RootfsImage {
  std::string form;          // "docker-archive", "oci-archive"; "tar": a root file system without an image around it
  std::string name;          // "debian:12"; may be empty
  std::string digest;        // "sha256:...": of its manifest, or, where it has none, of its configuration
  std::string architecture;  // as Go names it: "amd64"
  std::string os;
  std::vector<std::string> env;  // "K=V"
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::string workdir;
  std::vector<RootfsLayer> layers;
};

bool IsImageArchive(const ArchiveSurvey& survey);

// The image for `architecture`. `wanted`: its name or digest, where there are several; empty: there is one. The error names the
// choices. Every text that is used has the digest and the size that its name and whoever refers to it say.
Result<RootfsImage> ChooseImage(const ArchiveSurvey& survey, const std::string& wanted, const std::string& architecture);

std::string MachineArchitecture();  // of this machine

}  // namespace fumehood
