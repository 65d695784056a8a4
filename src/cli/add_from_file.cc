#include "src/cli/add_from_file.h"

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/cli/terminal.h"
#include "src/health/build_runtime.h"

namespace fumehood {
namespace {

// "\rcells: checked 40% of 1.2 GiB", for a person who watches.
class Percent {
 public:
  Percent(std::string name, bool wanted) : name_(std::move(name)), wanted_(wanted) {}

  void Show(int64_t done, int64_t total) {
    const int64_t percent = total > 0 ? done * 100 / total : 100;
    if (!wanted_ || percent == shown_) return;
    shown_ = percent;
    PrintErr(fmt::format("\r{}: checked {}% of {}", name_, percent, HumanBytes(total)));
  }
  void Clear() {
    if (shown_ >= 0) PrintErr("\r\x1b[K");
    shown_ = -1;
  }

 private:
  std::string name_;
  bool wanted_;
  int64_t shown_ = -1;
};

}  // namespace

Result<BuildFile> FileGiven(const Arguments& arguments, const Submitter& submitter) {
  const std::string given = arguments.Value("file");
  return ReadBuildFile(given.starts_with('/') ? given : submitter.cwd + "/" + given);
}

Result<int> AddFromFile(const Catalog& catalog, const Arguments& arguments, BuildFile file, Context& context) {
  Percent percent(arguments.positional[1], context.err_is_terminal);
  BuildRequest request;
  request.name = arguments.positional[1];
  request.file = std::move(file);
  request.with = arguments.Value("with");
  request.python = arguments.Value("python");
  request.language = arguments.Value("language");
  request.channels = arguments.Values("channel");
  request.imports = arguments.Values("import");
  request.say = [](const std::string& line) { PrintErr("fumehood: " + line + "\n"); };
  request.progress = [&](int64_t done, int64_t total) { percent.Show(done, total); };
  const auto built = BuildRuntime(request, catalog, context.config, context.submitter);
  percent.Clear();
  if (!built) return Error(built.error());
  const CatalogEntry& entry = built->entry;
  const std::string what = fmt::format("{} at {}, version {}, by {}", Name(entry.sources[0].kind), Shown(entry.sources[0].location), Shown(built->health.version),
                                       Shown(entry.made_by));
  PrintOut(built->was_there ? fmt::format("{} is there already, made from this file: {}\n", entry.name, what) : fmt::format("added {}: {}\n", entry.name, what));
  return 0;
}

}  // namespace fumehood
