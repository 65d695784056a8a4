// A call that only the host's administrator may make, with arguments that are refused after the permission was checked:
// CALL is kexec, reboot, module or syslog. EPERM or ENOSYS: stopped; any other answer: permitted.
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("privileged_call");
  const char* call = text_argument(argc, argv, 1);
  long status = -1;
  if (strcmp(call, "kexec") == 0) status = syscall(SYS_kexec_load, 0UL, 1000UL, NULL, ~0UL);
  else if (strcmp(call, "reboot") == 0) status = syscall(SYS_reboot, 0, 0, 0, NULL);
  else if (strcmp(call, "module") == 0) status = syscall(SYS_init_module, "not a module", 12UL, "");
  else if (strcmp(call, "syslog") == 0) status = syscall(SYS_syslog, 3 /* SYSLOG_ACTION_READ_ALL */, NULL, 0);
  else refuse("CALL is kexec, reboot, module or syslog");
  if (status < 0 && (errno == EPERM || errno == ENOSYS)) attack_stopped_by_errno(call);
  attack_succeeded("%s is permitted (%s)", call, strerrorname_np(errno));
}
