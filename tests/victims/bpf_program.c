// Loads the smallest BPF program: return 0.
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

int main(void) {
  begin("bpf_program");
  const struct bpf_insn program[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insn_cnt = 2;
  attributes.insns = (uintptr_t)program;
  attributes.license = (uintptr_t) "GPL";
  if (syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes) < 0) attack_stopped_by_errno("bpf");
  attack_succeeded("loaded a program into the kernel");
}
