#include "src/hood/seccomp_policy.h"

#include <asm/ioctls.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/kd.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>

#include <utility>

namespace fumehood {
namespace {

constexpr uint32_t kWhole = 0xffffffff;
constexpr uint32_t kTypeOfSocket = 0xf;  // above it: SOCK_CLOEXEC and SOCK_NONBLOCK

// The namespaces that clone can make. CLONE_NEWTIME is not among them: its bit belongs to clone's exit signal.
constexpr uint32_t kCloneNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr uint32_t kNewTime = 0x80;  // CLONE_NEWTIME, missing in some C libraries' headers

std::vector<CallGroup> AllowedGroups() {
  return {
      {"files: open, read, write",
       Verdict::kAllow,
       {"read", "write", "open", "openat", "openat2", "creat", "close", "close_range", "lseek", "pread64", "pwrite64", "readv",
        "writev", "preadv", "pwritev", "preadv2", "pwritev2", "sendfile", "copy_file_range", "splice", "tee", "vmsplice", "dup",
        "dup2", "dup3", "fcntl", "flock", "fsync", "fdatasync", "sync", "syncfs", "sync_file_range", "truncate", "ftruncate",
        "fadvise64", "readahead", "pipe", "pipe2"}},
      // Set-user-ID bits may be set: every mount of a run is nosuid, and what is applied from it loses them.
      {"files: names, owners, times, attributes",
       Verdict::kAllow,
       {"stat",         "fstat",       "lstat",        "newfstatat",   "statx",       "statfs",       "fstatfs",
        "access",       "faccessat",   "faccessat2",   "getdents",     "getdents64",  "getcwd",       "chdir",
        "fchdir",       "rename",      "renameat",     "renameat2",    "mkdir",       "mkdirat",      "rmdir",
        "link",         "linkat",      "unlink",       "unlinkat",     "symlink",     "symlinkat",    "readlink",
        "readlinkat",   "chmod",       "fchmod",       "fchmodat",     "fchmodat2",   "chown",        "fchown",
        "lchown",       "fchownat",    "umask",        "utime",        "utimes",      "futimesat",    "utimensat",
        "setxattr",     "lsetxattr",   "fsetxattr",    "setxattrat",   "getxattr",    "lgetxattr",    "fgetxattr",
        "getxattrat",   "listxattr",   "llistxattr",   "flistxattr",   "listxattrat", "removexattr",  "lremovexattr",
        "fremovexattr", "removexattrat", "file_getattr"}},
      {"waiting: polls, events, timers as descriptors",
       Verdict::kAllow,
       {"poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
        "epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4", "timerfd_create", "timerfd_settime", "timerfd_gettime",
        "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch"}},
      // mlock and memfd are bounded by RLIMIT_MEMLOCK and the cgroup. map_shadow_stack is what C libraries with hardware
      // control flow protection start a thread with.
      {"memory",
       Verdict::kAllow,
       {"brk", "mmap", "munmap", "mremap", "mprotect", "msync", "mincore", "madvise", "process_madvise", "remap_file_pages",
        "mlock", "mlock2", "munlock", "mlockall", "munlockall", "pkey_alloc", "pkey_free", "pkey_mprotect", "memfd_create",
        "membarrier", "mseal", "map_shadow_stack"}},
      {"memory: placement on NUMA nodes",
       Verdict::kAllow,
       {"mbind", "set_mempolicy", "get_mempolicy", "set_mempolicy_home_node", "migrate_pages", "move_pages"}},
      // clone is below, among the conditions. uretprobe is the kernel's own, from a page that it puts into what somebody traces from
      // outside; called from elsewhere it ends the process.
      {"processes and threads",
       Verdict::kAllow,
       {"fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "getpid", "getppid", "gettid", "setsid",
        "getsid", "setpgid", "getpgid", "getpgrp", "set_tid_address", "arch_prctl", "rseq", "futex", "futex_waitv", "futex_wake",
        "futex_wait", "futex_requeue", "set_robust_list", "get_robust_list", "pidfd_open", "pidfd_send_signal", "getcpu",
        "restart_syscall", "uretprobe"}},
      // Of its own processes only: the PID namespace shows no others, and PID 1, which is ours, is not dumpable. The two copies
      // are checked by the kernel as ptrace is, so they reach no further; MPI's shared-memory transports live on them.
      {"debuggers, and MPI within one node", Verdict::kAllow, {"ptrace", "process_vm_readv", "process_vm_writev"}},
      {"signals",
       Verdict::kAllow,
       {"kill", "tkill", "tgkill", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait",
        "rt_sigqueueinfo", "rt_tgsigqueueinfo", "rt_sigsuspend", "sigaltstack", "pause"}},
      {"clocks and timers",
       Verdict::kAllow,
       {"time", "gettimeofday", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "alarm", "getitimer",
        "setitimer", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete", "times"}},
      {"scheduling and limits, within what the cgroup and the hard limits leave",
       Verdict::kAllow,
       {"sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_setparam", "sched_getscheduler",
        "sched_setscheduler", "sched_getattr", "sched_setattr", "sched_get_priority_max", "sched_get_priority_min",
        "sched_rr_get_interval", "getpriority", "setpriority", "ioprio_get", "ioprio_set", "getrlimit", "setrlimit", "prlimit64",
        "getrusage", "sysinfo", "uname", "getrandom"}},
      // Harmless: a run has no capability, and no_new_privs keeps it so. Programs that drop privileges must be able to.
      {"identity",
       Verdict::kAllow,
       {"getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "setuid", "setgid", "setreuid",
        "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capget", "capset"}},
      // Which sockets can be made is below, among the conditions.
      {"sockets",
       Verdict::kAllow,
       {"bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "sendto", "recvfrom", "sendmsg",
        "recvmsg", "sendmmsg", "recvmmsg", "shutdown", "setsockopt", "getsockopt"}},
      // In the run's own IPC namespace, which goes with it.
      {"SysV and POSIX IPC",
       Verdict::kAllow,
       {"shmget",  "shmat",   "shmdt",  "shmctl",   "semget",       "semop",           "semtimedop", "semctl",
        "msgget",  "msgsnd",  "msgrcv", "msgctl",   "mq_open",      "mq_unlink",       "mq_timedsend", "mq_timedreceive",
        "mq_notify", "mq_getsetattr"}},
      {"further sandboxing: it can only tighten",
       Verdict::kAllow,
       {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}},
  };
}

std::vector<CallGroup> RefusedGroups() {
  return {
      {"mounts and roots",
       Verdict::kRefuse,
       {"mount", "umount2", "pivot_root", "chroot", "open_tree", "open_tree_attr", "move_mount", "mount_setattr", "fsopen",
        "fsconfig", "fsmount", "fspick", "statmount", "listmount", "quotactl", "quotactl_fd", "swapon", "swapoff"}},
      {"namespaces", Verdict::kRefuse, {"setns"}},
      // File handles reach a file without walking its path, past every mount of the hood.
      {"files past their path", Verdict::kRefuse, {"name_to_handle_at", "open_by_handle_at"}},
      // file_setattr sets project ids, by which disk quotas count; ioctl below has its older form.
      {"files behind the quota", Verdict::kRefuse, {"file_setattr"}},
      {"the machine",
       Verdict::kRefuse,
       {"reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "iopl", "ioperm", "acct",
        "syslog", "vhangup", "sethostname", "setdomainname", "sysfs", "ustat", "uselib", "modify_ldt", "lsm_get_self_attr",
        "lsm_set_self_attr", "lsm_list_modules"}},
      {"the clock", Verdict::kRefuse, {"settimeofday", "clock_settime", "clock_adjtime", "adjtimex"}},
      // Large parts of the kernel that an analysis has no need of, with a history of holes.
      {"kernel machinery",
       Verdict::kRefuse,
       {"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_secret",
        "lookup_dcookie", "fanotify_init", "fanotify_mark", "kcmp", "cachestat"}},
      {"key rings: not divided by namespaces", Verdict::kRefuse, {"add_key", "request_key", "keyctl"}},
      {"other processes' descriptors and memory", Verdict::kRefuse, {"pidfd_getfd", "process_mrelease"}},
      // A filter cannot look through the pointer to clone3's flags. C libraries then take clone, whose flags are in a register.
      {"clone with flags in memory", Verdict::kAbsent, {"clone3"}},
      // One pool for the whole host (fs.aio-max-nr): a run could empty it for the databases beside it. Programs fall back.
      {"kernel asynchronous I/O",
       Verdict::kAbsent,
       {"io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents"}},
      {"numbers without a call behind them",
       Verdict::kAbsent,
       {"_sysctl", "nfsservctl", "create_module", "get_kernel_syms", "query_module", "getpmsg", "putpmsg", "afs_syscall",
        "tuxcall", "security", "vserver", "set_thread_area", "get_thread_area", "epoll_ctl_old", "epoll_wait_old"}},
  };
}

std::vector<ConditionalCall> SocketConditions() {
  const auto family = [](uint32_t value) { return ArgumentTest{0, kWhole, value}; };
  const auto type = [](uint32_t value) { return ArgumentTest{1, kTypeOfSocket, value}; };
  const auto protocol = [](uint32_t value) { return ArgumentTest{2, kWhole, value}; };
  return {
      // Other protocols of the internet families would load kernel modules (SCTP, L2TP, MPTCP); ICMP over a datagram socket is
      // the ping of ordinary users. Of netlink only protocol 0, by which the C library lists its interfaces.
      {"socket",
       "local, TCP, UDP and the list of interfaces: nothing raw",
       {{family(AF_UNIX)},
        {family(AF_INET), type(SOCK_STREAM), protocol(0)},
        {family(AF_INET), type(SOCK_STREAM), protocol(IPPROTO_TCP)},
        {family(AF_INET), type(SOCK_DGRAM), protocol(0)},
        {family(AF_INET), type(SOCK_DGRAM), protocol(IPPROTO_UDP)},
        {family(AF_INET), type(SOCK_DGRAM), protocol(IPPROTO_ICMP)},
        {family(AF_INET6), type(SOCK_STREAM), protocol(0)},
        {family(AF_INET6), type(SOCK_STREAM), protocol(IPPROTO_TCP)},
        {family(AF_INET6), type(SOCK_DGRAM), protocol(0)},
        {family(AF_INET6), type(SOCK_DGRAM), protocol(IPPROTO_UDP)},
        {family(AF_INET6), type(SOCK_DGRAM), protocol(IPPROTO_ICMPV6)},
        {family(AF_NETLINK), protocol(0)}},
       Verdict::kAllow,
       Verdict::kRefuse},
      {"socketpair", "local pairs", {{family(AF_UNIX)}}, Verdict::kAllow, Verdict::kRefuse},
  };
}

std::vector<ConditionalCall> OtherConditions() {
  const auto request = [](unsigned long value) { return std::vector{ArgumentTest{1, kWhole, static_cast<uint32_t>(value)}}; };
  const auto persona = [](uint32_t value) { return std::vector{ArgumentTest{0, kWhole, value}}; };
  const auto device = [](uint32_t index) {
    return std::vector<std::vector<ArgumentTest>>{{{index, S_IFMT, S_IFCHR}}, {{index, S_IFMT, S_IFBLK}}};
  };
  return {
      {"clone", "processes and threads, but no namespaces", {{{0, kCloneNamespaces, 0}}}, Verdict::kAllow, Verdict::kRefuse},
      {"unshare", "descriptors and directories, but no namespaces", {{{0, kCloneNamespaces | kNewTime, 0}}}, Verdict::kAllow,
       Verdict::kRefuse},
      // Input pushed into a terminal is typed by whoever reads it next, outside the hood: by TIOCSTI, by TIOCLINUX's paste, or
      // by what is put on a console's keys. TIOCCONS takes the console's output, TIOCSETD loads line disciplines. The last two
      // set the project id by which disk quotas count: its owner may change it outside user namespaces.
      {"ioctl",
       "all but pushing terminal input and moving files between quotas",
       {request(TIOCSTI), request(TIOCLINUX), request(TIOCCONS), request(TIOCSETD), request(KDSKBENT), request(KDSKBSENT),
        request(KDSKBDIACR), request(KDSKBDIACRUC), request(KDSETKEYCODE), request(FS_IOC_FSSETXATTR), request(FS_IOC_SETFLAGS)},
       Verdict::kRefuse,
       Verdict::kAllow},
      // PR_SET_MM rewrites what /proc says of a process. PR_SET_DUMPABLE stays: it is about the caller alone.
      {"prctl", "all but rewriting its own memory map", {{{0, kWhole, PR_SET_MM}}}, Verdict::kRefuse, Verdict::kAllow},
      // Room that is taken without being written can be taken faster than a limit which is measured now and then can notice:
      // all that a disk has within one pause. posix_fallocate() then writes instead.
      {"fallocate", "giving room back, but taking none", {{{1, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_PUNCH_HOLE}}}, Verdict::kAllow,
       Verdict::kUnfit},
      // Other personas switch protections off (READ_IMPLIES_EXEC) or enter old emulations. All ones asks.
      {"personality",
       "plain, without address randomisation (debuggers), or asking",
       {persona(0), persona(ADDR_NO_RANDOMIZE), persona(kWhole)},
       Verdict::kAllow,
       Verdict::kRefuse},
      // A listener is a descriptor that answers other processes' calls; nothing of an analysis needs one.
      {"seccomp",
       "further filters, which only tighten, but no listeners",
       {{{1, SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_NEW_LISTENER}}},
       Verdict::kRefuse,
       Verdict::kAllow},
      {"mknod", "FIFOs, sockets and plain files, but no devices", device(1), Verdict::kRefuse, Verdict::kAllow},
      {"mknodat", "FIFOs, sockets and plain files, but no devices", device(2), Verdict::kRefuse, Verdict::kAllow},
  };
}

}  // namespace

SeccompPolicy RunSeccompPolicy() {
  SeccompPolicy policy;
  policy.groups = AllowedGroups();
  for (CallGroup& group : RefusedGroups()) policy.groups.push_back(std::move(group));
  policy.conditions = SocketConditions();
  for (ConditionalCall& condition : OtherConditions()) policy.conditions.push_back(std::move(condition));
  policy.numbers = {
      {"process_mrelease", 448}, {"futex_waitv", 449},       {"set_mempolicy_home_node", 450}, {"cachestat", 451},
      {"fchmodat2", 452},        {"map_shadow_stack", 453},  {"futex_wake", 454},              {"futex_wait", 455},
      {"futex_requeue", 456},    {"statmount", 457},         {"listmount", 458},               {"lsm_get_self_attr", 459},
      {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},                   {"setxattrat", 463},
      {"getxattrat", 464},       {"listxattrat", 465},       {"removexattrat", 466},           {"open_tree_attr", 467},
      {"file_getattr", 468},     {"file_setattr", 469},
      {"uretprobe", 335},  // on x86-64 alone
  };
  return policy;
}

}  // namespace fumehood
