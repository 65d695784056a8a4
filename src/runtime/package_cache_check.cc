#include "src/runtime/package_cache_check.h"

#include <utility>

#include "src/runtime/conda_record.h"
#include "src/runtime/expected_files.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

// Packages of pure Python keep their files apart from any version's folder: bin/x in python-scripts/x, lib/python3.11/site-packages/x
// in site-packages/x.
std::vector<std::string> PlacesInPackage(const std::string& path) {
  std::vector<std::string> places = {path};
  if (path.starts_with("bin/")) places.push_back("python-scripts/" + path.substr(4));
  if (const size_t site = path.find("/site-packages/"); site != std::string::npos) places.push_back(path.substr(site + 1));
  return places;
}

std::vector<ExpectedFile> WhereTheyLie(int package, const std::vector<ExpectedFile>& originals) {
  std::vector<ExpectedFile> found;
  for (const ExpectedFile& original : originals) {
    if (original.sha256.empty()) continue;
    for (std::string& place : PlacesInPackage(original.path)) {
      const auto info = FindStat(package, place, false);
      if (!info || !*info) continue;
      found.push_back({.path = std::move(place), .sha256 = original.sha256});
      break;
    }
  }
  return found;
}

}  // namespace

Result<std::vector<RuntimeFault>> CheckPackageCache(const std::string& prefix) {
  std::vector<RuntimeFault> faults;
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, prefix));
  FH_ASSIGN_OR_RETURN(const CondaRecords records, ReadCondaRecords(dir.get()));
  for (const CondaRecord& record : records.records) {
    if (record.originals.empty() || !record.package_dir.starts_with('/')) continue;
    const auto package = OpenDir(kHere, record.package_dir);
    if (!package) continue;
    FH_ASSIGN_OR_RETURN(FileFindings found, CheckFiles(package->get(), record.package_dir, WhereTheyLie(package->get(), record.originals), {.deep = true}));
    for (RuntimeFault& fault : found.faults) {
      fault.path = record.package_dir + "/" + fault.path;
      faults.push_back(std::move(fault));
    }
  }
  return faults;
}

}  // namespace fumehood
