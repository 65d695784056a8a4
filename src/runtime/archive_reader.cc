#include "src/runtime/archive_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "src/base/text.h"

namespace fumehood {
namespace {

// The calls we need of libarchive, found by name: what it brings along (XML, four compressors, a crypto library) would cost each
// launch its loading, and no launch unpacks anything.
struct ArchiveLibrary {
  decltype(&archive_read_new) read_new = nullptr;
  decltype(&archive_read_free) read_free = nullptr;
  decltype(&archive_read_support_format_tar) format_tar = nullptr;
  decltype(&archive_read_support_format_raw) format_raw = nullptr;
  decltype(&archive_read_support_filter_gzip) filter_gzip = nullptr;
  decltype(&archive_read_support_filter_xz) filter_xz = nullptr;
  decltype(&archive_read_support_filter_zstd) filter_zstd = nullptr;
  decltype(&archive_read_set_skip_callback) set_skip = nullptr;
  decltype(&archive_read_set_read_callback) set_read = nullptr;
  decltype(&archive_read_set_callback_data) set_data = nullptr;
  decltype(&archive_read_open1) open = nullptr;
  decltype(&archive_read_next_header) next_header = nullptr;
  decltype(&archive_read_data_block) data_block = nullptr;
  decltype(&archive_filter_bytes) filter_bytes = nullptr;
  decltype(&archive_error_string) error_string = nullptr;
  decltype(&archive_set_error) set_error = nullptr;
  decltype(&archive_entry_pathname) pathname = nullptr;
  decltype(&archive_entry_hardlink) hardlink = nullptr;
  decltype(&archive_entry_symlink) symlink = nullptr;
  decltype(&archive_entry_filetype) filetype = nullptr;
  decltype(&archive_entry_perm) perm = nullptr;
  decltype(&archive_entry_size) size = nullptr;
  decltype(&archive_entry_mtime) mtime = nullptr;
};

template <typename Function>
bool Bind(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

bool BindAll(void* library, ArchiveLibrary& found) {
  return Bind(library, "archive_read_new", found.read_new) && Bind(library, "archive_read_free", found.read_free) &&
         Bind(library, "archive_read_support_format_tar", found.format_tar) &&
         Bind(library, "archive_read_support_format_raw", found.format_raw) &&
         Bind(library, "archive_read_support_filter_gzip", found.filter_gzip) &&
         Bind(library, "archive_read_support_filter_xz", found.filter_xz) &&
         Bind(library, "archive_read_support_filter_zstd", found.filter_zstd) &&
         Bind(library, "archive_read_set_skip_callback", found.set_skip) &&
         Bind(library, "archive_read_set_read_callback", found.set_read) &&
         Bind(library, "archive_read_set_callback_data", found.set_data) && Bind(library, "archive_read_open1", found.open) &&
         Bind(library, "archive_read_next_header", found.next_header) && Bind(library, "archive_read_data_block", found.data_block) &&
         Bind(library, "archive_filter_bytes", found.filter_bytes) && Bind(library, "archive_error_string", found.error_string) &&
         Bind(library, "archive_set_error", found.set_error) && Bind(library, "archive_entry_pathname", found.pathname) &&
         Bind(library, "archive_entry_hardlink", found.hardlink) && Bind(library, "archive_entry_symlink", found.symlink) &&
         Bind(library, "archive_entry_filetype", found.filetype) && Bind(library, "archive_entry_perm", found.perm) &&
         Bind(library, "archive_entry_size", found.size) && Bind(library, "archive_entry_mtime", found.mtime);
}

Result<const ArchiveLibrary*> LoadArchiveLibrary() {
  static ArchiveLibrary library;
  // Never closed. Read by the first that comes, of however many threads.
  static const char* const problem = []() -> const char* {
    void* handle = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return "load libarchive.so.13: not there; `sudo apt-get install libarchive13` (on newer systems libarchive13t64)";
    return BindAll(handle, library) ? nullptr : "libarchive.so.13 lacks a call that reading tar archives takes";
  }();
  if (problem != nullptr) return Error(ErrorCode::kUnsupported, problem);
  return &library;
}

constexpr size_t kBufferBytes = size_t{256} << 10;

// What libarchive reads through: positioned reads, so that several readers may share a descriptor.
struct Source {
  int fd = -1;
  int64_t at = 0;
  const ArchiveLibrary* library = nullptr;
  std::array<char, kBufferBytes> buffer;
};

la_ssize_t ReadSome(struct archive* archive, void* data, const void** buffer) {
  auto* source = static_cast<Source*>(data);
  for (;;) {
    const ssize_t got = pread(source->fd, source->buffer.data(), source->buffer.size(), source->at);
    const int error = errno;
    if (got < 0 && error == EINTR) continue;
    if (got < 0) {
      source->library->set_error(archive, error, "%s", "cannot be read");
      return -1;
    }
    source->at += got;
    *buffer = source->buffer.data();
    return got;
  }
}

la_int64_t SkipSome(struct archive*, void* data, la_int64_t wanted) {
  static_cast<Source*>(data)->at += wanted;  // past the end: the next read says so
  return wanted;
}

std::string Text(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

struct ArchiveReader::State {
  const ArchiveLibrary* library = nullptr;
  struct archive* archive = nullptr;
  int64_t max_bytes = 0;
  Source source;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (archive != nullptr) (void)library->read_free(archive);  // its errors were told when they came
  }

  Error Problem() const {
    const std::string text = Text(library->error_string(archive));
    return Error(ErrorCode::kCorrupt, "not a readable archive: " + (text.empty() ? "it is damaged" : Quoted(text)));
  }
  Result<void> CheckSize() const {
    if (library->filter_bytes(archive, 0) <= max_bytes) return {};
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("more than the {} that may be unpacked come out of it", HumanBytes(static_cast<long long>(max_bytes))));
  }
};

ArchiveReader::ArchiveReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ArchiveReader::ArchiveReader(ArchiveReader&& other) noexcept = default;
ArchiveReader::~ArchiveReader() = default;

Result<ArchiveReader> ArchiveReader::Open(int fd, Contents contents, int64_t max_bytes) {
  auto state = std::make_unique<State>();
  FH_ASSIGN_OR_RETURN(state->library, LoadArchiveLibrary());
  const ArchiveLibrary& library = *state->library;
  state->source.fd = fd;
  state->source.library = state->library;
  state->max_bytes = max_bytes;
  state->archive = library.read_new();
  if (state->archive == nullptr) return Error(ErrorCode::kResourceExhausted, "no memory to read an archive");
  struct archive* archive = state->archive;
  // ARCHIVE_WARN from a filter: it would call a program for it, whatever comes first on PATH.
  const bool supported = library.filter_gzip(archive) == ARCHIVE_OK && library.filter_xz(archive) == ARCHIVE_OK &&
                         library.filter_zstd(archive) == ARCHIVE_OK &&
                         (contents == Contents::kTar ? library.format_tar : library.format_raw)(archive) == ARCHIVE_OK;
  if (!supported) return Error(ErrorCode::kUnsupported, "this libarchive was built without gzip, xz or zstd");
  (void)library.set_read(archive, ReadSome);
  (void)library.set_skip(archive, SkipSome);
  (void)library.set_data(archive, &state->source);
  if (library.open(archive) != ARCHIVE_OK) return state->Problem();
  return ArchiveReader(std::move(state));
}

Result<std::optional<ArchiveEntry>> ArchiveReader::Next() {
  const ArchiveLibrary& library = *state_->library;
  struct archive_entry* raw = nullptr;
  int status = ARCHIVE_RETRY;
  while (status == ARCHIVE_RETRY) status = library.next_header(state_->archive, &raw);
  if (status == ARCHIVE_EOF) return std::optional<ArchiveEntry>();
  // A warning is about names that are no text in this locale: they are bytes to us, and given as they are.
  if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return state_->Problem();
  FH_TRY(state_->CheckSize());
  ArchiveEntry entry;
  entry.path = Text(library.pathname(raw));
  entry.mode = static_cast<uint32_t>(library.perm(raw)) & 07777U;
  entry.size = library.size(raw);
  entry.mtime = library.mtime(raw);
  if (library.hardlink(raw) != nullptr) {
    entry.type = ArchiveEntry::Type::kHardLink;
    entry.link_target = Text(library.hardlink(raw));
    return std::optional(std::move(entry));
  }
  switch (library.filetype(raw)) {
    case AE_IFREG: entry.type = ArchiveEntry::Type::kFile; break;
    case AE_IFDIR: entry.type = ArchiveEntry::Type::kDirectory; break;
    case AE_IFLNK: entry.type = ArchiveEntry::Type::kLink; break;
    default: entry.type = ArchiveEntry::Type::kSpecial; break;
  }
  if (entry.type == ArchiveEntry::Type::kLink) entry.link_target = Text(library.symlink(raw));
  return std::optional(std::move(entry));
}

Result<std::optional<ArchiveBlock>> ArchiveReader::NextBlock() {
  const void* data = nullptr;
  size_t size = 0;
  la_int64_t offset = 0;
  int status = ARCHIVE_RETRY;
  while (status == ARCHIVE_RETRY) status = state_->library->data_block(state_->archive, &data, &size, &offset);
  if (status == ARCHIVE_EOF) return std::optional<ArchiveBlock>();
  if (status != ARCHIVE_OK) return state_->Problem();
  FH_TRY(state_->CheckSize());
  return std::optional(ArchiveBlock{{static_cast<const char*>(data), size}, offset});
}

}  // namespace fumehood
