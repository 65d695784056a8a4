#include "src/record/usage_csv.h"

#include <string>

#include <fmt/format.h>

#include "src/record/run_dir.h"

namespace fumehood {
namespace {

constexpr double kBytesPerMb = 1048576;  // MiB, as all fields called _mb

void AddCell(std::string& row, const std::optional<int64_t>& value) { row += value ? fmt::format(",{}", *value) : ","; }

void AddMb(std::string& row, const std::optional<int64_t>& bytes) {
  row += bytes ? fmt::format(",{:.3f}", static_cast<double>(*bytes) / kBytesPerMb) : ",";
}

}  // namespace

Result<UsageCsv> UsageCsv::Create(int attempt_dir) {
  FH_ASSIGN_OR_RETURN(UsageCsv csv, AppendFile::Open(attempt_dir, layout::kUsage));
  if (csv.file_.size() == 0) FH_TRY(csv.file_.Append(kUsageCsvHeader));
  return csv;
}

Result<void> UsageCsv::Append(const UsageSample& sample) {
  std::string row = fmt::format("{},{:.6f},{:.6f}", Rfc3339(sample.time), sample.cpu_user_s, sample.cpu_system_s);
  AddMb(row, sample.memory_bytes);
  AddCell(row, sample.pids);
  AddCell(row, sample.read_bytes);
  AddCell(row, sample.written_bytes);
  row += sample.throttled_s ? fmt::format(",{:.6f}", *sample.throttled_s) : ",";
  AddMb(row, sample.disk_bytes);
  return file_.Append(row + "\n");
}

}  // namespace fumehood
