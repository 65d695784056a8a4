// The list of the commands, and what their ends mean to a shell.
#include "src/cli/command.h"

namespace fumehood {

const std::vector<Command>& AllCommands() {
  // Made once, on first use: a constant table in all but name.
  static const std::vector<Command> kCommands = {
      RunCommand(),     ToolCommand(),   PostProcessCommand(), NotebookCommand(), PipelineCommand(), SubmitCommand(), StatusCommand(), WaitCommand(),       LogsCommand(),   KillCommand(),
      LsCommand(),      InspectCommand(), DiffCommand(),  ApplyCommand(),      ExplainCommand(), RuntimesCommand(), ProfilesCommand(),
      DoctorCommand(),  VerifyCommand(), StatsCommand(),  TopCommand(),        SuggestCommand(), PinCommand(),    UnpinCommand(),        GcCommand(),
      ReindexCommand(), SetupCommand(),  BenchCommand(),  CompletionCommand(), ManualCommand(),  RerunCommand(),  DispatchCommand(),
  };
  return kCommands;
}

const Command* FindCommand(const std::string& name) {
  for (const Command& command : AllCommands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

int ExitCodeOf(const Error& error) { return error.code() == ErrorCode::kInvalidArgument ? kExitUsage : kExitFault; }

int ExitCodeOf(const RunResult& result) {
  switch (result.reason) {
    case Reason::kTimeout:
    case Reason::kIdleTimeout: return kExitTimeout;
    case Reason::kMemoryLimit: return kExitMemory;
    case Reason::kSetupFailed:
    case Reason::kEngineError:
    case Reason::kHostLost:
    case Reason::kStageIn:
    case Reason::kStageOut: return kExitFault;
    default: break;
  }
  if (result.status == RunStatus::kCompleted) return 0;
  // A shell's way to tell of a signal.
  if (result.signal) return 128 + *result.signal;
  if (result.exit_code && *result.exit_code != 0) return *result.exit_code;
  return 1;
}

}  // namespace fumehood
