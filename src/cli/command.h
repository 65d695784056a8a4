// What a command of the program is: its flags as a table, from which parsing, --help, completion and the manual are made, and a
// function that does it.
#pragma once

#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fumehood/config.h"
#include "fumehood/result.h"
#include "src/engine/engine.h"
#include "src/executor/local/idle_keeper.h"

namespace fumehood {

struct Flag {
  std::string name;         // "memory" for --memory
  char letter = 0;          // "f" for -f; 0: none
  std::string value;        // what stands behind it: "MIB"; empty: a switch
  std::string help;
  bool repeated = false;    // may be given several times
};

// What was typed, by the names of the table.
class Arguments {
 public:
  bool Has(const std::string& flag) const { return flags.contains(flag); }
  std::string Value(const std::string& flag) const { return Has(flag) ? flags.at(flag).back() : ""; }
  std::vector<std::string> Values(const std::string& flag) const { return Has(flag) ? flags.at(flag) : std::vector<std::string>(); }

  std::string command_name;
  std::map<std::string, std::vector<std::string>> flags;
  std::vector<std::string> positional;
  std::vector<std::string> command;  // what stood behind --
  std::vector<Problem> problems;     // of the words themselves; only commands with tells_problems ever see any
};

// Handed to every command: nothing else of the process is looked at below main.
struct Context {
  Config config;
  Submitter submitter;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool in_is_terminal = false;
  bool json = false;  // --json was given: errors are JSON too
  std::optional<IdleKeeper> keeper;  // of a command that launches
};

struct Command {
  std::string name;
  std::string summary;      // one line, for the list of commands
  std::string positional;   // "RUN [PATH...]"; empty: none
  std::vector<Flag> flags;
  std::string description;  // more, for its own --help and the manual; may be empty
  std::function<Result<int>(const Arguments&, Context&)> run;  // gives the exit code
  bool hidden = false;
  bool needs_config = true;  // false: works whatever the configuration holds
  bool launches = false;  // a keeper is started for it, while it reads its spec
  bool tells_problems = false;  // it tells Arguments::problems itself, with all that it finds wrong
};

// In the order in which help lists them.
const std::vector<Command>& AllCommands();
const Command* FindCommand(const std::string& name);

// One function a file of this folder, cli/NAME_command.cc.
Command RunCommand();
Command ToolCommand();
Command PostProcessCommand();
Command NotebookCommand();
Command PipelineCommand();
Command SubmitCommand();
Command StatusCommand();
Command WaitCommand();
Command LogsCommand();
Command KillCommand();
Command LsCommand();
Command InspectCommand();
Command DiffCommand();
Command ApplyCommand();
Command VerifyCommand();
Command ExplainCommand();
Command GcCommand();
Command PinCommand();
Command UnpinCommand();
Command ReindexCommand();
Command StatsCommand();
Command TopCommand();
Command SuggestCommand();
Command DoctorCommand();
Command ProfilesCommand();
Command RuntimesCommand();
Command SetupCommand();
Command BenchCommand();
Command CompletionCommand();
Command ManualCommand();
Command RerunCommand();
Command DispatchCommand();

// Exit codes of our own, beside those of an analysis (DESIGN.md section 9).
inline constexpr int kExitIncomplete = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitTimeout = 124;
inline constexpr int kExitFault = 125;
inline constexpr int kExitInterrupted = 130;  // as a shell says it of Ctrl-C
inline constexpr int kExitMemory = 137;

int ExitCodeOf(const Error& error);       // bad input 2, else 125
int ExitCodeOf(const RunResult& result);  // as `fumehood run` ends

}  // namespace fumehood
