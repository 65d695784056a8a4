#include "src/runtime/compare_build.h"

#include <map>
#include <set>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/runtime/conda_record.h"
#include "src/sys/file.h"

namespace fumehood {
namespace {

std::string KeyOf(const LockedPackage& package) { return package.manager + " " + ComparedName(package.name); }

std::string Described(const LockedPackage& package) {
  return fmt::format("{}{}{}, {}", package.version, package.build.empty() ? "" : " " + package.build, package.source.empty() ? "" : " of " + package.source,
                     package.digest.empty() ? "no digest" : package.digest);
}

std::string KindOfDigest(const std::string& digest) { return digest.substr(0, digest.find(':')); }

// Where a package was locked from matters as little as where it came from now: its digest tells.
bool IsSame(const LockedPackage& wanted, const LockedPackage& made) {
  if (wanted.version != made.version || wanted.build != made.build) return false;
  return wanted.digest == made.digest || KindOfDigest(wanted.digest) != KindOfDigest(made.digest);
}

void CompareLocked(const BuildFile& file, const std::vector<LockedPackage>& packages, std::vector<std::string>& differences) {
  std::map<std::string, const LockedPackage*> made;
  for (const LockedPackage& package : packages) made.emplace(KeyOf(package), &package);
  for (const LockedPackage& wanted : file.locked) {
    const auto found = made.find(KeyOf(wanted));
    if (found == made.end()) {
      differences.push_back(fmt::format("{} is not there", wanted.name));
      continue;
    }
    if (!IsSame(wanted, *found->second)) {
      differences.push_back(fmt::format("{} is {}, the lock has {}", wanted.name, Described(*found->second), Described(wanted)));
    }
    made.erase(found);
  }
  for (const auto& [key, package] : made) differences.push_back(fmt::format("{} {} is not in the lock", package->name, package->version));
}

Result<void> CompareExplicit(const BuildFile& file, const std::string& prefix, std::vector<std::string>& differences) {
  FH_ASSIGN_OR_RETURN(const Fd dir, OpenDir(kHere, prefix));
  FH_ASSIGN_OR_RETURN(const CondaRecords found, ReadCondaRecords(dir.get()));
  std::map<std::string, const CondaRecord*> made;
  for (const CondaRecord& record : found.records) made.emplace(record.name, &record);
  for (const ExplicitPackage& wanted : file.explicit_packages) {
    const auto there = made.find(wanted.name);
    if (there == made.end()) continue;  // told as one that was asked for
    const CondaRecord& record = *there->second;
    if (record.version != wanted.version || record.build != wanted.build) {
      differences.push_back(fmt::format("{} is {} {}, the list has {} {}", wanted.name, record.version, record.build, wanted.version, wanted.build));
    } else if (!wanted.digest.empty() && wanted.digest != "md5:" + record.md5 && wanted.digest != "sha256:" + record.sha256) {
      differences.push_back(fmt::format("{} is another archive than that of the list, {}", wanted.name, wanted.digest));
    }
    made.erase(there);
  }
  for (const auto& [name, record] : made) differences.push_back(fmt::format("{} {} is not in the list", name, record->version));
  return {};
}

}  // namespace

Result<std::vector<std::string>> DifferencesFrom(const BuildFile& file, const std::string& prefix, const std::vector<LockedPackage>& packages) {
  std::vector<std::string> differences;
  std::set<std::string> names;
  for (const LockedPackage& package : packages) {
    names.insert(ComparedName(package.name));
    if (package.build == "editable") differences.push_back(fmt::format("the code of {} lies outside of the runtime (an editable install)", package.name));
  }
  for (const std::string& name : file.asked) {
    if (!names.contains(name)) differences.push_back(fmt::format("{} was asked for and is not there", name));
  }
  if (file.kind == BuildFileKind::kLock) CompareLocked(file, packages, differences);
  if (file.kind == BuildFileKind::kExplicit) FH_TRY(CompareExplicit(file, prefix, differences));
  return differences;
}

}  // namespace fumehood
