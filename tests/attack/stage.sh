#!/bin/bash
# Runs a command beside a bystander: a process that an attack might see, read, trace or kill.
#   stage.sh WORD MARK VERDICT COMMAND...
# WORD stands in the bystander's command line and environment. VERDICT, a file, says afterwards how it fared: alive,
# traced, reniced or killed; and VERDICT.left names the processes with FH_MARK=MARK that outlived the command. Exit status:
# the command's.
set -u
word=$1 mark=$2 verdict=$3
shift 3
FH_SECRET=$word bash -c 'exec -a "$0" sleep 300' "bystander-$word" </dev/null >/dev/null 2>&1 &
bystander=$!
# The command begins when the bystander has become what the attack looks for.
until tr '\0' ' ' <"/proc/$bystander/cmdline" | grep -q "^bystander-$word"; do kill -0 "$bystander" || exit 125; done
niceness() { cut -d ' ' -f 19 "/proc/$bystander/stat"; }
before=$(niceness)
"$@"
code=$?
# Killed: a zombie, or one that has its SIGKILL (bit 9 of the pending signals) and has not got round to dying.
lives() { grep -q '^State:[[:space:]]*[^ZX]' "/proc/$bystander/status" && ! grep -qE '^(Sig|Shd)Pnd:.*[13579bdf]..$' "/proc/$bystander/status"; } 2>/dev/null
if ! lives; then
  echo killed >"$verdict"
elif ! grep -q '^TracerPid:[[:space:]]*0$' "/proc/$bystander/status"; then
  echo traced >"$verdict"
elif [ "$(niceness)" != "$before" ]; then
  echo reniced >"$verdict"
else
  echo alive >"$verdict"
fi
grep -lzx "FH_MARK=$mark" /proc/[0-9]*/environ >"$verdict.left" 2>/dev/null
kill -KILL "$bystander" 2>/dev/null
exit "$code"
