// UsageCsv: what a run used, sampled: attempts/N/usage.csv.
#pragma once

#include <cstdint>
#include <optional>

#include "fumehood/result.h"
#include "src/base/clock.h"
#include "src/record/append_file.h"

namespace fumehood {

// What this host cannot tell stays empty, and so does its cell.
struct UsageSample {
  WallTime time;
  double cpu_user_s = 0;
  double cpu_system_s = 0;
  std::optional<int64_t> memory_bytes;
  std::optional<int64_t> pids;
  std::optional<int64_t> read_bytes;
  std::optional<int64_t> written_bytes;
  std::optional<double> throttled_s;
  std::optional<int64_t> disk_bytes;
};

inline constexpr const char* kUsageCsvHeader =
    "time,cpu_user_s,cpu_system_s,memory_mb,pids,read_bytes,written_bytes,throttled_s,disk_mb\n";

class UsageCsv {
 public:
  static Result<UsageCsv> Create(int attempt_dir);
  // One row, one write(2). On failure the file is as before.
  Result<void> Append(const UsageSample& sample);

 private:
  UsageCsv(AppendFile file) : file_(std::move(file)) {}
  AppendFile file_;
};

}  // namespace fumehood
