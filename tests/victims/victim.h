// What every victim shares: the guard, the one line of report, the exit codes.
//
// A victim tries one harmful thing, within bounds that it sets itself, and says whether it could. It runs only where
// FH_VICTIM=1 stands in its environment, so that nobody starts one by accident.
#pragma once

#include <stddef.h>
#include <stdnoreturn.h>
#include <sys/types.h>

enum { kExitStopped = 0, kExitSucceeded = 66, kExitRefused = 99 };

// First statement of every main. Ends the process with kExitRefused where the guard is not set.
void begin(const char* attack);

// Each prints {"attack": ..., "succeeded": ..., "detail": ...} on stdout and ends the process.
noreturn void attack_succeeded(const char* format, ...) __attribute__((format(printf, 1, 2)));
noreturn void attack_stopped(const char* format, ...) __attribute__((format(printf, 1, 2)));
noreturn void attack_stopped_by_errno(const char* call);  // detail: "call: EPERM"
noreturn void refuse(const char* why);                    // no report: the victim was used wrongly

// Argument `index` as a number from 1 to `most`; anything else is refused: a victim is bounded by itself.
long bounded_argument(int argc, char** argv, int index, long most);
const char* text_argument(int argc, char** argv, int index);

// The pid of a process whose command line holds `word`, as this process sees /proc; -1 when none is to be seen.
pid_t find_process(const char* word);

// Reads at most size-1 bytes of a file and ends them with NUL. -1 with errno when it cannot be read.
ssize_t read_text(const char* path, char* buffer, size_t size);
