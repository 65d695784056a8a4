#include "src/integrity/content.h"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/record/json_text.h"
#include "src/record/link_target.h"
#include "src/record/sha256.h"
#include "src/record/tree_walk.h"

namespace fumehood {
namespace {

constexpr const char* kTooMuch = "more than input_digest_mb would have had to be read";
constexpr const char* kBeingWritten = "it was being written";

using KnownFiles = std::map<std::string_view, const FileContent*>;

KnownFiles Known(const Content* known) {
  KnownFiles files;
  if (known != nullptr) {
    for (const FileContent& file : known->files) files.emplace(file.path, &file);
  }
  return files;
}

// The digest of what `file` is open on, unless it is written meanwhile.
Result<std::string> Hash(const Fd& file, const FileSight& sight) {
  FH_ASSIGN_OR_RETURN(FileDigest digest, DigestFd(file.get(), sight.size_bytes));
  FH_ASSIGN_OR_RETURN(const struct stat after, StatFd(file));
  if (SightOf(after) != sight || digest.size_bytes != sight.size_bytes) return Error(ErrorCode::kUnavailable, kBeingWritten);
  return std::move(digest.sha256);
}

// Fills one Content, file by file.
class Look {
 public:
  Look(const Content* known, ContentBudget& budget) : known_(Known(known)), budget_(budget) {}

  // False: there are more than are listed.
  bool Add(int dir, const std::string& name, std::string path, const struct stat& info) {
    if (static_cast<int64_t>(content_.files.size()) == budget_.files) {
      content_.whole = false;
      Unhashed(fmt::format("it has more than {} files", budget_.files));
      return false;
    }
    if (S_ISREG(info.st_mode)) content_.bytes += info.st_size;
    FileContent file{.path = std::move(path), .sight = SightOf(info)};
    if (S_ISLNK(info.st_mode)) {
      auto target = ReadLink(dir, name);
      if (target) file.link = std::move(target).value();
    } else {
      TakeDigest(dir, name, file);
    }
    content_.files.push_back(std::move(file));
    return true;
  }

  void Unhashed(const std::string& why) {
    if (content_.unhashed.empty()) content_.unhashed = why;
  }

  Content Take(bool is_directory) {
    content_.is_directory = is_directory;
    std::sort(content_.files.begin(), content_.files.end(), [](const FileContent& a, const FileContent& b) { return a.path < b.path; });
    if (content_.unhashed.empty()) content_.sha256 = is_directory ? DigestOfAll() : content_.files.at(0).sha256;
    return std::move(content_);
  }

 private:
  void TakeDigest(int dir, const std::string& name, FileContent& file) {
    const auto known = known_.find(file.path);
    if (known != known_.end() && known->second->settled && known->second->sight == file.sight) {
      file.sha256 = known->second->sha256;
      file.settled = true;
      return;
    }
    if (file.sight.size_bytes > budget_.bytes) return Unhashed(kTooMuch);
    budget_.bytes -= file.sight.size_bytes;
    const auto opened = OpenAt(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
    const auto info = opened ? StatFd(*opened) : Result<struct stat>(opened.error());
    if (!info) return Unhashed(info.error().message());
    if (!S_ISREG(info->st_mode) || SightOf(*info) != file.sight) return Unhashed(kBeingWritten);
    // Before it is read: what is written later shows.
    file.settled = IsSettled(file.sight);
    auto digest = Hash(*opened, file.sight);
    if (!digest) return Unhashed(digest.error().message());
    file.sha256 = std::move(digest).value();
  }

  // Of the paths and what is at each; a NUL is in no path.
  std::string DigestOfAll() const {
    Sha256 digest;
    for (const FileContent& file : content_.files) {
      digest.Update(file.path);
      digest.Update(std::string_view("\0", 1));
      digest.Update(file.link.empty() ? "file " + file.sha256 : "link " + file.link);
      digest.Update(std::string_view("\0", 1));
    }
    return digest.FinishHex();
  }

  KnownFiles known_;
  ContentBudget& budget_;  // the caller's
  Content content_;
};

class Walk : public TreeVisitor {
 public:
  explicit Walk(Look& look) : look_(look) {}

  Result<void> Entry(int dir, const std::string& name, const struct stat& info) override {
    if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode)) return {};
    if (look_.Add(dir, name, Path(name), info)) return {};
    full_ = true;
    return Error(ErrorCode::kResourceExhausted, "more files than are listed");
  }
  Result<bool> Directory(int, const std::string& name, const struct stat&) override {
    entering_ = name;
    return true;
  }
  Result<void> Entered(int, const struct stat&) override {
    if (entering_) below_.push_back(*std::exchange(entering_, std::nullopt));  // else it is the top
    return {};
  }
  void Left() override {
    if (!below_.empty()) below_.pop_back();  // but for the top
  }
  void Problem(const std::string& name, const Error& error) override {
    entering_.reset();
    look_.Unhashed(fmt::format("{}: {}", Quoted(Path(name)), error.message()));
  }
  bool full() const { return full_; }

 private:
  std::string Path(const std::string& name) const { return below_.empty() ? name : Join(below_, "/") + "/" + name; }

  Look& look_;
  std::vector<std::string> below_;       // the directories around what is told next
  std::optional<std::string> entering_;
  bool full_ = false;
};

// The member of `change` that counts what happened to the file; nullptr: nothing did.
int64_t* WhatChanged(const FileContent& before, const FileContent& now, ContentChange& change) {
  if (before.sight == now.sight && before.settled) return nullptr;
  if (before.link != now.link || before.sight.size_bytes != now.sight.size_bytes) return &change.changed;
  if (!before.sha256.empty() && !now.sha256.empty()) return before.sha256 == now.sha256 ? nullptr : &change.changed;
  return now.link.empty() && before.sight != now.sight ? &change.rewritten : nullptr;
}

}  // namespace

Result<Content> LookAtContent(const std::string& path, const Content* known, ContentBudget& budget) {
  Look look(known, budget);
  FH_ASSIGN_OR_RETURN(const auto info, FindStat(kHere, path, false));
  if (!info) return Error(ErrorCode::kNotFound, Quoted(path) + " has gone");
  if (!S_ISDIR(info->st_mode)) {
    (void)look.Add(kHere, path, "", *info);  // one is never too many
    return look.Take(false);
  }
  FH_ASSIGN_OR_RETURN(const Fd top, OpenDir(kHere, path));
  Walk walk(look);
  const Result<void> walked = WalkTree(top.get(), WalkOrder::kByName, walk);
  if (!walked && !walk.full()) return walked.error();
  return look.Take(true);
}

ContentChange Compare(const Content& before, const Content& now) {
  ContentChange change;
  const KnownFiles earlier = Known(&before);
  const KnownFiles later = Known(&now);
  const auto note = [&](std::string_view path, int64_t& count) {
    ++count;
    if (change.first.empty()) change.first = path;
  };
  // A list that ends early may end elsewhere the next time: then only what stands in both can be compared.
  const bool whole = before.whole && now.whole;
  for (const FileContent& file : now.files) {
    const auto known = earlier.find(file.path);
    if (known == earlier.end()) {
      if (whole) note(file.path, change.added);
    } else if (auto* count = WhatChanged(*known->second, file, change)) {
      note(file.path, *count);
    }
  }
  for (const FileContent& file : before.files) {
    if (whole && !later.contains(file.path)) note(file.path, change.removed);
  }
  return change;
}

std::string Describe(const ContentChange& change, bool is_directory) {
  if (!is_directory) return change.rewritten > 0 ? "written to (it is too large to be compared by its content)" : "changed";
  std::vector<std::string> parts;
  const auto add = [&](int64_t count, const char* what) {
    if (count > 0) parts.push_back(fmt::format("{} {}{}", count, parts.empty() ? (count == 1 ? "file " : "files ") : "", what));
  };
  add(change.changed, "changed");
  add(change.rewritten, "written to");
  add(change.added, "added");
  add(change.removed, "removed");
  return Join(parts, ", ") + (change.first.empty() ? "" : ", the first: " + Quoted(change.first));
}

void WriteContent(JsonWriter& json, const Content& content) {
  json.Key("is_directory").Bool(content.is_directory).Key("whole").Bool(content.whole).Key("bytes").Int(content.bytes);
  json.Key("sha256").String(content.sha256).Key("unhashed").String(content.unhashed);
  json.Key("files").BeginArray();
  for (const FileContent& file : content.files) {
    json.BeginObject();
    WriteText(json, "path", file.path);
    WriteSight(json, "sight", file.sight);
    json.Key("sha256").String(file.sha256).Key("settled").Bool(file.settled);
    WriteText(json, "link", file.link);
    json.EndObject();
  }
  json.EndArray();
}

Content ReadContent(JsonReader& json) {
  Content content;
  content.is_directory = json.Bool("is_directory");
  content.whole = json.Bool("whole");
  content.bytes = json.Int("bytes");
  content.sha256 = json.String("sha256");
  content.unhashed = json.String("unhashed");
  for (JsonReader& element : json.Objects("files")) {
    FileContent file;
    file.path = element.Text("path");
    file.sight = ReadSight(element, "sight");
    file.sha256 = element.String("sha256");
    file.settled = element.Bool("settled");
    file.link = element.Text("link");
    const Result<void> whole = element.Finish();
    if (!whole) json.Fail("files", whole.error().message());
    content.files.push_back(std::move(file));
  }
  return content;
}

}  // namespace fumehood
