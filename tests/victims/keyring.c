// Adds a key to the session's key ring, or failing that to the user's: both outlive the process.
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

int main(void) {
  begin("keyring");
  for (int ring = -3; ring >= -4; --ring) {  // KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING
    long key = syscall(SYS_add_key, "user", "fumehood-victim", "x", 1, ring);
    if (key >= 0) attack_succeeded("key %ld in ring %d", key, ring);
  }
  attack_stopped_by_errno("add_key");
}
