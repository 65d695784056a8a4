#include "src/runtime/rootfs_image.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/sha256.h"
#include "src/runtime/foreign_json.h"
#include "src/sys/machine.h"

namespace fumehood {
namespace {

constexpr std::string_view kSha256 = "sha256:";
constexpr size_t kHexDigits = 64;
constexpr int kMaxNesting = 4;        // an index of indexes; nobody makes more than two
constexpr size_t kMaxManifests = 1000;
constexpr size_t kMaxLayers = 1000;   // engines stop at 127

bool IsHexDigest(std::string_view text) {
  return text.size() == kHexDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<std::string> HexOf(const std::string& digest) {
  const std::string hex = digest.starts_with(kSha256) ? digest.substr(kSha256.size()) : "";
  if (!IsHexDigest(hex)) return Error(ErrorCode::kUnsupported, "the digest " + Quoted(digest) + " is not one by SHA-256");
  return hex;
}

std::string BlobPath(const std::string& hex) { return "blobs/sha256/" + hex; }

std::vector<std::string> Texts(const ForeignJson& list) {
  std::vector<std::string> texts;
  list.ForEachItem([&](const ForeignJson& item) { texts.emplace_back(item.text()); });
  return texts;
}

// A path of the archive behind the links that an older `docker save` makes for layers that images share.
std::string Followed(const ArchiveSurvey& survey, std::string path) {
  constexpr int kMaxLinks = 8;
  for (int i = 0; i < kMaxLinks; ++i) {
    const auto link = survey.links.find(path);
    if (link == survey.links.end()) break;
    std::vector<std::string> parts = Split(path, '/');
    parts.pop_back();
    for (const std::string& part : Split(link->second, '/')) {
      if (part == ".." && !parts.empty()) parts.pop_back();
      if (part != ".." && part != "." && !part.empty()) parts.push_back(part);
    }
    path = Join(parts, "/");
  }
  return path;
}

class Chooser {
 public:
  Chooser(const ArchiveSurvey& survey, const std::string& wanted, const std::string& architecture)
      : survey_(survey), wanted_(wanted), architecture_(architecture) {}

  Result<RootfsImage> Choose() {
    const bool oci = survey_.texts.contains("index.json");
    FH_TRY(oci ? CollectIndex(survey_.texts.at("index.json"), "", 0) : CollectDocker());
    FH_TRY(KeepThisMachines());
    FH_TRY(KeepWanted());
    RootfsImage& image = candidates_[0];
    if (image.layers.size() > kMaxLayers) return Error(ErrorCode::kUnsupported, fmt::format("the image has more than {} layers", kMaxLayers));
    return std::move(image);
  }

 private:
  // A text whose digest is known before it is used.
  Result<std::string> Blob(const std::string& path, const std::string& hex, int64_t size) const {
    const auto found = survey_.texts.find(path);
    if (found == survey_.texts.end()) {
      return Error(ErrorCode::kCorrupt, survey_.files.contains(path) ? Quoted(path) + " is too large for what it should be"
                                                                     : Quoted(path) + ", which the archive refers to, is not in it");
    }
    if (size >= 0 && size != static_cast<int64_t>(found->second.size())) {
      return Error(ErrorCode::kCorrupt, fmt::format("{} has {} bytes and should have {}: the archive was changed or is damaged", Quoted(path),
                                                    found->second.size(), size));
    }
    const std::string is = Sha256Hex(found->second);
    if (is != hex) {
      return Error(ErrorCode::kCorrupt, fmt::format("{} has the digest sha256:{}, which is not its own: the archive was changed or is damaged",
                                                    Quoted(path), is));
    }
    return found->second;
  }

  Result<void> CollectIndex(const std::string& text, const std::string& outer_name, int depth) {
    auto index = ForeignJson::Parse(text);
    if (!index) return std::move(index).error().Within("an index of images");
    if (depth > kMaxNesting) return Error(ErrorCode::kCorrupt, "its indexes of images are nested too deeply");
    Result<void> problem;
    index->Member("manifests").ForEachItem([&](const ForeignJson& descriptor) {
      if (problem) problem = CollectDescriptor(descriptor, outer_name, depth);
    });
    return problem;
  }

  Result<void> CollectDescriptor(const ForeignJson& descriptor, const std::string& outer_name, int depth) {
    if (++seen_ > kMaxManifests) return Error(ErrorCode::kCorrupt, fmt::format("it lists more than {} images", kMaxManifests));
    const ForeignJson platform = descriptor.Member("platform");
    const std::string architecture = platform.String("architecture");
    if (architecture == "unknown") return {};  // an attestation, which builders put beside images
    FH_ASSIGN_OR_RETURN(const std::string hex, HexOf(descriptor.String("digest")));
    const ForeignJson notes = descriptor.Member("annotations");
    std::string name = notes.String("io.containerd.image.name");
    if (name.empty()) name = notes.String("org.opencontainers.image.ref.name");
    if (name.empty()) name = outer_name;
    const std::string path = BlobPath(hex);
    const int64_t size = descriptor.Member("size").integer().value_or(-1);
    // Of another platform only the entry in the index may be there.
    if (!architecture.empty() && architecture != architecture_) {
      Add({.name = name, .digest = std::string(kSha256) + hex, .architecture = architecture, .os = platform.String("os")});
      return {};
    }
    FH_ASSIGN_OR_RETURN(const std::string text, Blob(path, hex, size));
    auto parsed = ForeignJson::Parse(text);
    if (!parsed) return std::move(parsed).error().Within(Quoted(path));
    if (parsed->Member("manifests").is_array()) return CollectIndex(text, name, depth + 1);
    RootfsImage image{.form = "oci-archive", .name = name, .digest = std::string(kSha256) + hex};
    FH_TRY(ReadManifest(*parsed, image));
    Add(std::move(image));
    return {};
  }

  void Add(RootfsImage image) {
    const bool there = std::any_of(candidates_.begin(), candidates_.end(), [&](const RootfsImage& other) {
      return other.digest == image.digest && other.name == image.name;
    });
    if (!there) candidates_.push_back(std::move(image));
  }

  Result<void> ReadManifest(const ForeignJson& manifest, RootfsImage& image) const {
    const ForeignJson config = manifest.Member("config");
    FH_ASSIGN_OR_RETURN(const std::string hex, HexOf(config.String("digest")));
    FH_ASSIGN_OR_RETURN(const std::string text, Blob(BlobPath(hex), hex, config.Member("size").integer().value_or(-1)));
    Result<void> problem;
    manifest.Member("layers").ForEachItem([&](const ForeignJson& descriptor) {
      auto digest = HexOf(descriptor.String("digest"));
      if (!digest) {
        if (problem) problem = std::move(digest).error();
        return;
      }
      image.layers.push_back({.path = BlobPath(*digest), .digest = *digest, .size = descriptor.Member("size").integer().value_or(-1)});
    });
    FH_TRY(std::move(problem));
    return ReadConfig(text, image);
  }

  Result<void> CollectDocker() {
    auto list = ForeignJson::Parse(survey_.texts.at("manifest.json"));
    if (!list) return std::move(list).error().Within("'manifest.json'");
    Result<void> problem;
    list->ForEachItem([&](const ForeignJson& entry) {
      if (problem) problem = ReadDockerEntry(entry);
    });
    return problem;
  }

  // The configuration is named by its own digest: by that all else is held, since it has the digests of the layers.
  Result<void> ReadDockerEntry(const ForeignJson& entry) {
    if (++seen_ > kMaxManifests) return Error(ErrorCode::kCorrupt, fmt::format("it lists more than {} images", kMaxManifests));
    const std::string path = entry.String("Config");
    std::string hex = path.substr(path.rfind('/') + 1);
    if (hex.starts_with(kSha256)) hex = hex.substr(kSha256.size());
    if (hex.ends_with(".json")) hex.resize(hex.size() - 5);
    if (!IsHexDigest(hex)) return Error(ErrorCode::kCorrupt, "the configuration " + Quoted(path) + " is not named by its SHA-256");
    FH_ASSIGN_OR_RETURN(const std::string text, Blob(path, hex, -1));
    RootfsImage image{.form = "docker-archive", .digest = std::string(kSha256) + hex};
    for (const std::string& layer : Texts(entry.Member("Layers"))) {
      const std::string real = Followed(survey_, layer);
      const bool named = real.starts_with("blobs/sha256/") && IsHexDigest(real.substr(real.rfind('/') + 1));
      image.layers.push_back({.path = real, .digest = named ? real.substr(real.rfind('/') + 1) : ""});
    }
    FH_TRY(ReadConfig(text, image));
    std::vector<std::string> names = Texts(entry.Member("RepoTags"));
    if (names.empty()) names.emplace_back();
    for (const std::string& name : names) {
      image.name = name;
      Add(image);
    }
    return {};
  }

  Result<void> ReadConfig(const std::string& text, RootfsImage& image) const {
    auto config = ForeignJson::Parse(text);
    if (!config) return std::move(config).error().Within("the image's configuration");
    image.architecture = config->String("architecture");
    image.os = config->String("os");
    const ForeignJson inner = config->Member("config");
    image.env = Texts(inner.Member("Env"));
    image.entrypoint = Texts(inner.Member("Entrypoint"));
    image.command = Texts(inner.Member("Cmd"));
    image.workdir = inner.String("WorkingDir");
    const std::vector<std::string> ids = Texts(config->Member("rootfs").Member("diff_ids"));
    if (ids.empty() || ids.size() != image.layers.size()) {
      return Error(ErrorCode::kCorrupt, fmt::format("the image's configuration has digests for {} layers, and there are {}", ids.size(), image.layers.size()));
    }
    for (size_t i = 0; i < ids.size(); ++i) {
      FH_ASSIGN_OR_RETURN(image.layers[i].diff_id, HexOf(ids[i]));
    }
    return {};
  }

  static std::string Shown(const RootfsImage& image) {
    return (image.name.empty() ? image.digest : Quoted(image.name)) + (image.architecture.empty() ? "" : " for " + image.architecture);
  }

  std::string Choices() const {
    std::vector<std::string> shown;
    for (const RootfsImage& image : candidates_) shown.push_back(Shown(image));
    return Join(shown, ", ");
  }

  Result<void> KeepThisMachines() {
    if (candidates_.empty()) return Error(ErrorCode::kCorrupt, "the archive lists no image");
    const std::string choices = Choices();
    std::erase_if(candidates_, [&](const RootfsImage& image) {
      return (!image.architecture.empty() && image.architecture != architecture_) || (!image.os.empty() && image.os != "linux");
    });
    if (!candidates_.empty()) return {};
    return Error(ErrorCode::kUnsupported, fmt::format("the archive has no image for this machine, which is linux on {}; it has {}", architecture_, choices));
  }

  Result<void> KeepWanted() {
    const std::string choices = Choices();
    if (!wanted_.empty()) {
      std::erase_if(candidates_, [&](const RootfsImage& image) {
        return image.name != wanted_ && !image.name.ends_with("/" + wanted_) && image.digest != wanted_;
      });
      if (candidates_.empty()) return Error(ErrorCode::kNotFound, fmt::format("the archive has no image {}; it has {}", Quoted(wanted_), choices));
    }
    const std::string& first = candidates_[0].digest;  // one image may have several names
    const bool one = std::all_of(candidates_.begin(), candidates_.end(), [&](const RootfsImage& other) { return other.digest == first; });
    if (one) return {};
    return Error(ErrorCode::kInvalidArgument, fmt::format("the archive has several images; name one of {}", choices));
  }

  const ArchiveSurvey& survey_;
  const std::string& wanted_;
  const std::string& architecture_;
  std::vector<RootfsImage> candidates_;  // of another platform: only what the index says
  size_t seen_ = 0;
};

}  // namespace

bool IsImageArchive(const ArchiveSurvey& survey) {
  return survey.texts.contains("manifest.json") || (survey.texts.contains("index.json") && survey.texts.contains("oci-layout"));
}

Result<RootfsImage> ChooseImage(const ArchiveSurvey& survey, const std::string& wanted, const std::string& architecture) {
  return Chooser(survey, wanted, architecture).Choose();
}

std::string MachineArchitecture() {
  std::string machine = MachineName();
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i686", "386"}, {"armv7l", "arm"}, {"armv8l", "arm"}, {"loongarch64", "loong64"}};
  for (const auto& [kernel, go] : kNames) {
    if (machine == kernel) return std::string(go);
  }
  return machine;  // riscv64, ppc64le, s390x are the same in both
}

}  // namespace fumehood
