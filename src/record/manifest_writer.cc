#include "src/record/manifest_writer.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "src/record/run_dir.h"
#include "src/sys/errno_error.h"

namespace fumehood {
namespace {
constexpr const char* kTemporary = ".outputs.json.tmp";
constexpr size_t kFlushAt = 16384;
}  // namespace

Result<ManifestWriter> ManifestWriter::Create(int run_dir) {
  (void)unlinkat(run_dir, kTemporary, 0);  // of a keeper that was killed right here
  FH_ASSIGN_OR_RETURN(AppendFile file, AppendFile::Open(run_dir, kTemporary));
  return ManifestWriter(run_dir, std::move(file));
}

ManifestWriter::~ManifestWriter() {
  if (file_.fd() >= 0) (void)unlinkat(run_dir_, kTemporary, 0);  // a leftover would be removed by the next Create
}

Result<void> ManifestWriter::Add(std::string_view text) {
  buffer_ += text;
  return buffer_.size() < kFlushAt ? Result<void>() : Flush();
}

Result<void> ManifestWriter::Flush() {
  FH_TRY(file_.Append(buffer_));
  digest_.Update(buffer_);
  buffer_.clear();
  return {};
}

Result<std::string> ManifestWriter::Publish(Durability durability) {
  FH_TRY(Flush());
  if (durability == Durability::kNow) FH_TRY(file_.Sync());
  if (renameat(run_dir_, kTemporary, run_dir_, layout::kOutputs) != 0) {
    const int error = errno;
    return ErrnoError(error, "rename to 'outputs.json'");
  }
  if (durability == Durability::kNow) FH_TRY(Sync(run_dir_));
  return digest_.FinishHex();
}

}  // namespace fumehood
