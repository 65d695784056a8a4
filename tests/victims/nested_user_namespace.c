// unshare(2) of a user namespace, where it would hold every capability again.
#include <sched.h>

#include "victim.h"

int main(void) {
  begin("nested_user_namespace");
  if (unshare(CLONE_NEWUSER) != 0) attack_stopped_by_errno("unshare");
  attack_succeeded("is in a user namespace of its own");
}
