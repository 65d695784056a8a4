// Content: what an input holds, by the digests of its files, and how two looks at it differ.
//
// A look costs a stat for each file that still looks as it did when it was hashed; only others are read, within a budget. What the
// budget does not reach is listed by its size and times alone, and hashed by a later look.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fumehood/result.h"
#include "src/integrity/file_sight.h"

namespace fumehood {

struct FileContent {
  std::string path;     // relative to the input; empty: the input itself
  FileSight sight;
  std::string sha256;   // empty: not hashed
  bool settled = false; // as long as it looks the same, the digest stays true
  std::string link;     // of a symbolic link: where it leads; it is never followed
};

struct Content {
  bool is_directory = false;
  std::vector<FileContent> files;  // in the order of their paths
  bool whole = true;               // false: there are more, which are not listed
  int64_t bytes = 0;
  std::string sha256;              // of all; empty: not everything was hashed or listed
  std::string unhashed;            // why not
};

struct ContentBudget {
  int64_t bytes = 0;     // that may still be read; counts down
  int64_t files = 5000;  // that are listed of one directory
};

// `known`: an earlier look at the same input, or nullptr. What is neither file, directory nor link is passed over.
Result<Content> LookAtContent(const std::string& path, const Content* known, ContentBudget& budget);

struct ContentChange {
  int64_t changed = 0;    // files that hold something else
  int64_t added = 0;
  int64_t removed = 0;
  int64_t rewritten = 0;  // of the same size, written since, and not hashed both times: they may hold something else
  std::string first;      // of these, a path
  bool any() const { return changed + added + removed + rewritten > 0; }
};
ContentChange Compare(const Content& before, const Content& now);

// "changed", or of a directory "2 files changed, 1 added, the first: 'a.csv'".
std::string Describe(const ContentChange& change, bool is_directory);

void WriteContent(JsonWriter& json, const Content& content);  // the members of an object
Content ReadContent(JsonReader& json);

}  // namespace fumehood
