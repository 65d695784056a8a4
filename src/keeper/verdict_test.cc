#include "src/keeper/verdict.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <csignal>

namespace fumehood {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// As wait(2) encodes them.
constexpr int Exited(int code) { return code << 8; }
constexpr int Signaled(int signal) { return signal; }

Evidence After(int wait_status) {
  Evidence evidence;
  evidence.wait_status = wait_status;
  evidence.command = "analyse";
  return evidence;
}

TEST(Judge, ExitCodeZeroIsCompletedWithoutNotes) {
  const Verdict verdict = Judge(After(Exited(0)));
  EXPECT_EQ(verdict.status, RunStatus::kCompleted);
  EXPECT_EQ(verdict.reason, Reason::kExited);
  EXPECT_EQ(verdict.exit_code, 0);
  EXPECT_EQ(verdict.notes, "");
}

TEST(Judge, AnotherExitCodeIsFailed) {
  const Verdict verdict = Judge(After(Exited(3)));
  EXPECT_EQ(verdict.status, RunStatus::kFailed);
  EXPECT_EQ(verdict.reason, Reason::kExited);
  EXPECT_EQ(verdict.exit_code, 3);
}

TEST(Judge, ItsOwnWordsFollowWhateverEndedItUnlessItEndedWell) {
  Evidence evidence = After(Exited(1));
  evidence.own_words = "'in cell 3'";
  EXPECT_EQ(Judge(evidence).notes, "ended with exit code 1. In its own words: 'in cell 3'.");
  evidence.ended_by = EndedBy::kCancelled;
  EXPECT_EQ(Judge(evidence).notes, "killed on request. In its own words: 'in cell 3'.");
  Evidence well = After(Exited(0));
  well.own_words = "'in cell 3'";
  EXPECT_EQ(Judge(well).notes, "");
}

TEST(Judge, RemarksOnWhatItWasGivenAreNoFailure) {
  Evidence evidence = After(Exited(0));
  evidence.remarks = {"The input 'a' was changed."};
  const Verdict verdict = Judge(evidence);
  EXPECT_EQ(verdict.status, RunStatus::kCompleted);
  EXPECT_EQ(verdict.notes, "The input 'a' was changed.");
}

TEST(Judge, ASignalOfItsOwnMakingIsNamed) {
  const Verdict verdict = Judge(After(Signaled(SIGSEGV)));
  EXPECT_EQ(verdict.reason, Reason::kSignaled);
  EXPECT_EQ(verdict.signal, SIGSEGV);
  EXPECT_THAT(verdict.notes, HasSubstr("SIGSEGV"));
}

TEST(Judge, OutOfMemoryNamesLimitPeakLargestProcessAndWhatToTry) {
  Evidence evidence;
  evidence.ended_by = EndedBy::kMemory;
  evidence.oom_kills = 1;
  evidence.usage.memory_peak_mb = 2047.6;
  evidence.largest = {"python3", int64_t{1990} << 20};
  const Verdict verdict = Judge(evidence);
  EXPECT_EQ(verdict.status, RunStatus::kFailed);
  EXPECT_EQ(verdict.reason, Reason::kMemoryLimit);
  EXPECT_EQ(verdict.notes, "killed: used its 2048 MiB of memory (peak 2048 MiB); the largest process was 'python3' (1990 MiB). "
                           "Try --memory 4096 or process the data in chunks.");
}

TEST(Judge, OutOfMemoryNamesNoProcessThatCannotHaveTakenIt) {
  Evidence evidence;
  evidence.ended_by = EndedBy::kMemory;
  evidence.limits.memory_limit_mb = 64;
  evidence.usage.memory_peak_mb = 64;
  evidence.largest = {"sh", 700 << 10};
  EXPECT_EQ(Judge(evidence).notes, "killed: used its 64 MiB of memory (peak 64 MiB). Try --memory 128 or process the data in chunks.");
}

TEST(Judge, AFailedEndAfterALimitWasHitIsTheLimitsDoing) {
  Evidence memory = After(Exited(1));
  memory.oom_kills = 1;
  EXPECT_EQ(Judge(memory).reason, Reason::kMemoryLimit);
  EXPECT_EQ(Judge(memory).exit_code, 1);
  Evidence refused_call = After(Exited(1));
  refused_call.memory_limit_hits = 1;
  EXPECT_EQ(Judge(refused_call).reason, Reason::kMemoryLimit);
  Evidence pids = After(Exited(1));
  pids.pids_limit_hits = 7;
  EXPECT_EQ(Judge(pids).reason, Reason::kPidsLimit);
  EXPECT_THAT(Judge(pids).notes, HasSubstr("7 more were refused"));
}

TEST(Judge, AFailedEndAfterTheDiskRefusedMoreIsTheDiskLimits) {
  Evidence bytes = After(Exited(1));
  bytes.disk_refused = true;
  bytes.disk_bytes = int64_t{10239} << 20;
  const Verdict full = Judge(bytes);
  EXPECT_EQ(full.status, RunStatus::kFailed);
  EXPECT_EQ(full.reason, Reason::kDiskLimit);
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_EQ(full.notes, "failed: wanted to write more than its 10240 MiB of disk (it had used 10.0 GiB) and was refused it. "
                        "Try --disk 20480 or remove intermediate files as you go.");
  Evidence files = After(Signaled(SIGABRT));
  files.inodes_refused = true;
  const Verdict many = Judge(files);
  EXPECT_EQ(many.reason, Reason::kDiskLimit);
  EXPECT_EQ(many.signal, SIGABRT);
  EXPECT_THAT(many.notes, HasSubstr("more files than its 1000000"));
}

TEST(Judge, ASuccessAfterTheDiskRefusedMoreSaysThatSomethingMayBeCutShort) {
  Evidence evidence = After(Exited(0));
  evidence.disk_refused = true;
  const Verdict verdict = Judge(evidence);
  EXPECT_EQ(verdict.status, RunStatus::kCompleted);
  EXPECT_EQ(verdict.notes, "It was refused more than its 10240 MiB of disk: what it wrote then may be cut short.");
}

TEST(Judge, ASuccessAfterALimitWasHitIsASuccessThatSaysSo) {
  Evidence evidence = After(Exited(0));
  evidence.pids_limit_hits = 2;
  const Verdict verdict = Judge(evidence);
  EXPECT_EQ(verdict.status, RunStatus::kCompleted);
  EXPECT_THAT(verdict.notes, HasSubstr("2 times"));
}

TEST(Judge, ATimeoutTellsWhetherSigtermHelped) {
  Evidence evidence = After(Signaled(SIGKILL));
  evidence.ended_by = EndedBy::kTimeout;
  evidence.ignored_sigterm = true;
  const Verdict verdict = Judge(evidence);
  EXPECT_EQ(verdict.reason, Reason::kTimeout);
  EXPECT_EQ(verdict.signal, SIGKILL);
  EXPECT_THAT(verdict.notes, HasSubstr("1800 s"));
  EXPECT_THAT(verdict.notes, HasSubstr("did not stop within 10 s of SIGTERM"));
}

TEST(Judge, ARequestToKillIsKilledAndNotFailed) {
  Evidence evidence;
  evidence.ended_by = EndedBy::kCancelled;
  evidence.cancelled_by = "uid 1000";
  const Verdict verdict = Judge(evidence);
  EXPECT_EQ(verdict.status, RunStatus::kKilled);
  EXPECT_EQ(verdict.reason, Reason::kCancelled);
  EXPECT_THAT(verdict.notes, HasSubstr("uid 1000"));
}

TEST(Judge, TheFirstCauseStandsWhateverTheWaitStatusSays) {
  Evidence evidence = After(Exited(0));
  evidence.ended_by = EndedBy::kTimeout;
  EXPECT_EQ(Judge(evidence).status, RunStatus::kFailed);
}

TEST(Judge, CommandsThatCannotStartHaveTheShellsCodes) {
  Evidence evidence;
  evidence.command = "nope";
  evidence.exec_errno = ENOENT;
  EXPECT_EQ(Judge(evidence).exit_code, 127);
  EXPECT_THAT(Judge(evidence).notes, HasSubstr("'nope'"));
  for (const int error : {EACCES, ENOEXEC, E2BIG}) {
    evidence.exec_errno = error;
    EXPECT_EQ(Judge(evidence).exit_code, 126);
  }
}

TEST(Judge, ACommandThatCannotStartIsToldWhatItIs) {
  Evidence evidence;
  evidence.command = "./x";
  evidence.exec_errno = EACCES;
  EXPECT_THAT(Judge(evidence).notes, HasSubstr("chmod +x"));
  evidence.command_file.is_directory = true;
  EXPECT_THAT(Judge(evidence).notes, AllOf(HasSubstr("is a directory"), Not(HasSubstr("chmod"))));
  evidence.exec_errno = ELOOP;
  EXPECT_THAT(Judge(evidence).notes, AllOf(HasSubstr("leads back to itself"), Not(HasSubstr("chmod"))));
}

TEST(Judge, AMissingInterpreterIsNamed) {
  Evidence evidence;
  evidence.command = "./x";
  evidence.exec_errno = ENOENT;
  evidence.command_file = {.is_file = true, .interpreter = "/bin/nosuch"};
  EXPECT_EQ(Judge(evidence).exit_code, 127);
  EXPECT_THAT(Judge(evidence).notes, AllOf(HasSubstr("'/bin/nosuch'"), Not(HasSubstr("no command"))));
  evidence.command_file.interpreter = "/bin/bash\r";
  EXPECT_THAT(Judge(evidence).notes, HasSubstr("sed -i 's/\\r$//' ./x"));
  evidence.command_file.interpreter.clear();
  EXPECT_THAT(Judge(evidence).notes, HasSubstr("another system"));
}

TEST(Judge, AMissingOutputFailsASuccessAndNothingElse) {
  Evidence evidence = After(Exited(0));
  evidence.missing_outputs = {"table.tsv"};
  EXPECT_EQ(Judge(evidence).status, RunStatus::kFailed);
  EXPECT_EQ(Judge(evidence).reason, Reason::kOutputMissing);
  EXPECT_THAT(Judge(evidence).notes, HasSubstr("'table.tsv'"));
  evidence.wait_status = Exited(2);
  EXPECT_EQ(Judge(evidence).reason, Reason::kExited);
}

TEST(Judge, AHoodThatCouldNotBePutUpIsNoFaultOfTheAnalysis) {
  Evidence evidence;
  evidence.setup_failure = "overlay at '/work': invalid argument";
  EXPECT_EQ(Judge(evidence).reason, Reason::kSetupFailed);
  EXPECT_FALSE(Judge(evidence).exit_code.has_value());
}

TEST(Judge, AFullDiskIsToldAndOutputLostToItIsNotBlamedOnTheLimit) {
  Evidence evidence = After(Exited(1));
  evidence.disk_left_bytes = 0;
  evidence.output_dropped_bytes = evidence.output_failed_bytes = 29;
  EXPECT_THAT(Judge(evidence).notes, HasSubstr("29 B of its output could not be written"));
  EXPECT_THAT(Judge(evidence).notes, HasSubstr("no space left"));
  EXPECT_THAT(Judge(evidence).notes, Not(HasSubstr("output_limit_mb")));
}

TEST(Judge, ProcessesKilledFromOutsideAreTold) {
  const Verdict verdict = Judge(Evidence{});
  EXPECT_EQ(verdict.reason, Reason::kSignaled);
  EXPECT_EQ(verdict.signal, SIGKILL);
  EXPECT_THAT(verdict.notes, HasSubstr("from outside"));
}

TEST(Judge, WhatWasWeakenedIsInTheNotesOfASuccessToo) {
  Evidence evidence = After(Exited(0));
  evidence.weakened = {"landlock"};
  EXPECT_THAT(Judge(evidence).notes, HasSubstr("landlock"));
}

}  // namespace
}  // namespace fumehood
