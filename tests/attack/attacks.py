"""The attacks: one row each, read by test_attacks.py.

Every row says which victim tries what, what on the host would show that it worked, and which layers stop it. With those
layers left out the same victim must succeed, or the row proves nothing.
"""

import os
import socket
from dataclasses import dataclass
from typing import Callable, Optional

from attack.layers import AS_ADMINISTRATOR, NO_HOOD
from harness import places

EXITED = frozenset({"exited"})


@dataclass(frozen=True)
class Attack:
    name: str
    victim: str
    arguments: tuple = ()  # {word} is filled in from Case.words
    flags: tuple = ()  # of `fumehood run`
    stopped_by: tuple = ()  # layers that tests/drivers/hood_without leaves out
    off_flags: Optional[tuple] = None  # instead: flags that lift the limit in question
    reasons: frozenset = EXITED  # how the run may end under the hood
    note: str = ""  # a pattern in completion_notes
    prepare: Callable = lambda case: None
    mark: Callable = lambda case: None  # a sentence on the mark that it left on the host, or None
    only_as: tuple = ("root", "user", "userns")
    bystander: bool = False  # a process of the starter stands by, to be seen and harmed
    terminal: bool = False  # the starter has a controlling terminal
    kernel_may_lack: bool = False  # not every kernel has what the victim would use; then nothing can be shown by it


def fifo_in(folder):
    return lambda case: case.fifo(case.words[folder] / "pipe")


def socket_in(folder):
    def prepare(case):
        case.listen(socket.AF_UNIX, str(case.words[folder] / "sock"), "socket")
        os.chmod(case.words["socket"], 0o777)

    return prepare


def link_to_target(case):
    os.symlink(case.target, case.hood.work / "link")


def own_file(case):
    case.hood.file("work/data.csv", "as it was\n")


def own_file_changed(case):
    text = (case.hood.work / "data.csv").read_text()
    return None if text == "as it was\n" else f"the file in the work directory holds {text!r}"


def lock_in(folder):
    def prepare(case):
        path = case.hood.file(f"{folder}/data.csv", "as it was\n")
        case.lock(path)

    return prepare


def another_run(case):
    """A run that is over, whose directory holds what nobody else may see."""
    other = case.hood.run("sh", "-c", "echo private >private.txt")
    assert other.result, other.explain()
    case.words["other"] = other.directory


def another_run_above(case):
    another_run(case)
    case.hood.victim("read_directory", case.hood.top)


RESOURCES = [
    Attack("fork_bomb", "fork_bomb", ("400",), ("--pids", "40"), ("pids",), reasons=frozenset({"exited", "pids_limit"})),
    Attack(
        "fork_bomb_that_goes_on", "fork_bomb", ("400", "30"), ("--pids", "40"), ("pids",), reasons=frozenset({"pids_limit"}), note="40",
        only_as=("root",),
    ),
    Attack("zombie_maker", "zombie_maker", ("400",), ("--pids", "40"), ("pids",), reasons=frozenset({"exited", "pids_limit"})),
    Attack("memory_bomb", "memory_anon", ("300",), ("--memory", "64"), ("memory",), reasons=frozenset({"memory_limit"}), note="64 MiB"),
    Attack(
        "memory_bomb_of_many_processes", "memory_processes", ("12", "20"), ("--memory", "64"), ("memory",),
        reasons=frozenset({"memory_limit"}), note="memory_proc",
    ),
    # A tmpfs that is full says ENOSPC before the limit on memory is met, or the run dies by it.
    Attack(
        "memory_bomb_in_shared_memory", "memory_tmpfs", ("/dev/shm", "300"), ("--memory", "64"), ("memory",),
        reasons=frozenset({"exited", "memory_limit"}),
    ),
    Attack(
        "memory_bomb_in_page_cache", "memory_page_cache", ("200", "100"), ("--memory", "64"), ("memory",),
        reasons=frozenset({"exited", "memory_limit"}),
    ),
    # 0.2 cores are given, 0.3 would be a breach, 2 are wanted: far enough apart for a busy machine.
    Attack("cpu_burner", "cpu_burner", ("2", "3", "30"), ("--cpus", "0.2"), ("cpu",)),
    *(
        Attack(
            # Queues lie in a file system that landlock knows no rule for, and that in a run of root's belongs to nobody.
            f"hoard_of_{kind}", "hoard", (kind, count), stopped_by=("privileges.share_of_user", "namespaces.ipc", "landlock"),
            kernel_may_lack=True,
        )
        for kind, count in (("watchers", 60), ("queues", 6), ("timers", 5000))
    ),
    # Slowed by fdatasync after each MiB, so that a sampled limit is fair; the overshoot has a bound of its own below.
    Attack("disk_filler", "disk_filler", (".", "200"), ("--disk", "20"), ("disk",), reasons=frozenset({"exited", "disk_limit"})),
    Attack("disk_filler_in_tmp", "disk_filler", ("/tmp", "200"), ("--disk", "20"), ("disk",), reasons=frozenset({"exited", "disk_limit"})),
    Attack(
        "disk_filler_of_deleted_files", "unlinked_filler", (".", "100"), ("--disk", "20"), ("disk",),
        reasons=frozenset({"exited", "disk_limit"}),
    ),
    Attack("room_without_writing", "take_room", ("20", "10"), ("--disk", "20"), ("disk", "seccomp"), kernel_may_lack=True),
    Attack("inode_filler", "inode_filler", (".", "20000"), ("--inodes", "500"), ("disk",), reasons=frozenset({"exited", "disk_limit"})),
    Attack(
        "log_flood", "log_flood", ("16",), ("--output-limit", "4"), off_flags=("--output-limit", "0"),
        mark=lambda case: case.log_is_larger_than(6),
    ),
    Attack(
        "sleeper", "sleeper", ("4",), ("--timeout", "1", "--grace", "1"), off_flags=("--timeout", "60"),
        reasons=frozenset({"timeout"}), note="1 s",
    ),
    Attack(
        "idler", "sleeper", ("5",), ("--idle-timeout", "2"), off_flags=("--idle-timeout", "60"), reasons=frozenset({"idle_timeout"}),
    ),
    Attack(
        "ignores_sigterm", "sigterm_ignorer", ("4",), ("--timeout", "1", "--grace", "1"), off_flags=("--timeout", "60"),
        reasons=frozenset({"timeout"}),
    ),
]

SURVIVORS = [
    Attack(f"survivor_{how}", "survivor", (how,), stopped_by=("kill", "namespaces.pid"), mark=lambda case: case.survivors())
    for how in ("setsid", "double_fork", "nohup", "stopped")
] + [
    Attack(
        "survivor_ptraced", "survivor", ("ptraced",), stopped_by=("kill", "namespaces.pid", "seccomp"),
        mark=lambda case: case.survivors(),
    )
]

PROCESSES = [
    Attack(
        "kill_everyone", "kill_everyone", ("{pidns}",), stopped_by=("namespaces.pid", *AS_ADMINISTRATOR),
        mark=lambda case: case.bystander_harmed(), reasons=frozenset({"exited", "signaled"}), bystander=True,
    ),
    Attack(
        "trace_another_process", "ptrace_process", ("bystander-{token}",),
        stopped_by=("namespaces.pid", "filesystem.proc", *AS_ADMINISTRATOR), mark=lambda case: case.bystander_harmed(), bystander=True,
    ),
    Attack(
        "trace_the_keeper", "ptrace_process", ("fumehood-keeper",),
        stopped_by=("namespaces.pid", "filesystem.proc", "privileges.dumpable", *AS_ADMINISTRATOR),
    ),
    Attack("trace_init", "ptrace_process", ("init",), stopped_by=("privileges.dumpable", *AS_ADMINISTRATOR)),
    Attack(
        "read_memory_of_another_process", "read_process_memory", ("bystander-{token}",),
        stopped_by=("namespaces.pid", "filesystem.proc", *AS_ADMINISTRATOR), bystander=True,
    ),
    Attack(
        "secrets_in_environments_of_others", "environment_secrets", ("FH_SECRET={token}",),
        stopped_by=("namespaces.pid", "filesystem.proc", *AS_ADMINISTRATOR), bystander=True,
    ),
    *(
        Attack(
            f"{how}_another_process", "meddle_with_process", (how, "bystander-{token}"),
            stopped_by=("namespaces.pid", "filesystem.proc", *AS_ADMINISTRATOR), bystander=True,
            # Without CAP_SYS_RESOURCE, which not every root has, the limits of others are their own.
            kernel_may_lack=how == "limits",
        )
        for how in ("see", "limits", "signal", "affinity")
    ),
    Attack("guess_the_number_of_a_process", "guess_pids", stopped_by=("namespaces.pid", *AS_ADMINISTRATOR), bystander=True),
    Attack(
        "renice_everybody", "renice_everybody", stopped_by=("namespaces.pid", *AS_ADMINISTRATOR), bystander=True,
        mark=lambda case: case.bystander_harmed(),
    ),
    *(
        Attack(
            f"{what}_of_init", "proc_of_init", (what,), stopped_by=("filesystem.proc", "privileges.dumpable", *AS_ADMINISTRATOR),
        )
        for what in ("mem", "fd", "root", "cwd", "environ", "getfd")
    ),
    Attack("spared_when_memory_runs_out", "spare_me", stopped_by=AS_ADMINISTRATOR, kernel_may_lack=True),
    Attack("secrets_of_the_starter", "environment_secrets", ("FH_LAUNCH={token}",), stopped_by=("privileges.environment",)),
    Attack("leaked_descriptors", "leaked_descriptors", stopped_by=(NO_HOOD,)),
    Attack(
        "root_of_another_process", "proc_root", ("{secret}",),
        stopped_by=("filesystem", "namespaces.pid", "filesystem.proc", *AS_ADMINISTRATOR),
    ),
    Attack(
        "shared_memory_left_behind", "ipc_leftover", ("{key}",), stopped_by=("namespaces.ipc", "filesystem", "landlock"),
        mark=lambda case: case.shared_memory_left(),
    ),
]

FILES = [
    Attack(
        "write_a_file_of_the_host", "write_file", ("{target}", "{token}"), stopped_by=("filesystem", "landlock"),
        mark=lambda case: case.target_changed(),
    ),
    Attack(
        "write_through_a_link", "write_file", ("link", "{token}"), stopped_by=("filesystem", "landlock"), prepare=link_to_target,
        mark=lambda case: case.target_changed(),
    ),
    Attack(
        "write_in_the_work_directory", "write_file", ("data.csv", "{token}"), stopped_by=("filesystem.overlay", "privileges.uid"),
        prepare=own_file, mark=own_file_changed,
    ),
    Attack(
        "write_in_an_input", "write_file", ("/in/data.csv", "{token}"), ("--input", "{input}:/in:ro"),
        stopped_by=("filesystem.overlay", "privileges.uid", "landlock"),
        prepare=lambda case: case.hood.file("input/data.csv", "as it was\n"),
        mark=lambda case: None if (case.input / "data.csv").read_text() == "as it was\n" else "the input changed",
    ),
    *(
        Attack(
            f"{how}_of_a_file_in_the_work_directory", "change_file", (how, "data.csv"), stopped_by=("filesystem.overlay", *AS_ADMINISTRATOR),
            prepare=own_file, mark=lambda case: case.changed(),
        )
        for how in ("mode", "owner", "remove", "link")
    ),
    *(
        Attack(
            f"{how}_of_a_file_in_an_input", "change_file", (how, "/in/data.csv"), ("--input", "{input}:/in"),
            stopped_by=("filesystem.overlay", *AS_ADMINISTRATOR),
            prepare=lambda case: case.hood.file("input/data.csv", "as it was\n"), mark=lambda case: case.changed(),
        )
        for how in ("mode", "remove")
    ),
    *(
        Attack(
            f"{kind}_lock_on_an_input", "lock_file", (kind, "/in/data.csv"), ("--input", "{input}:/in"),
            stopped_by=("filesystem.overlay", *AS_ADMINISTRATOR), prepare=lock_in("input"),
        )
        for kind in ("flock", "record")
    ),
    Attack("passwords_of_the_host", "read_directory", ("/etc", "shadow"), stopped_by=("filesystem", *AS_ADMINISTRATOR)),
    Attack("read_a_file_of_the_host", "read_directory", ("{host}", "secret"), stopped_by=("filesystem", "landlock")),
    Attack(
        "read_the_directory_of_another_run", "read_directory", ("{other}", "events.jsonl"),
        stopped_by=("filesystem", *AS_ADMINISTRATOR), prepare=another_run,
    ),
    # The work directory may hold the state, when that is named on purpose: a home directory does.
    Attack(
        "read_another_run_through_the_work_directory", "read_directory", ("{other}", "events.jsonl"), ("--workdir", "{top}"),
        stopped_by=("filesystem.masks", *AS_ADMINISTRATOR), prepare=another_run_above,
    ),
    Attack(
        "fifo_in_the_work_directory", "write_file", ("pipe", "{token}"), stopped_by=("filesystem.overlay", "filesystem.nodev", "landlock"),
        prepare=fifo_in("work"), mark=lambda case: case.fifo_heard(),
    ),
    Attack(
        "fifo_in_an_input", "write_file", ("/in/pipe", "{token}"), ("--input", "{input}:/in"),
        stopped_by=("filesystem.overlay", "filesystem.nodev", "landlock"), prepare=fifo_in("input"), mark=lambda case: case.fifo_heard(),
    ),
    Attack(
        "socket_in_the_work_directory", "connect_unix", ("sock", "{token}"),
        stopped_by=("filesystem.overlay", "filesystem.nodev", "landlock"), prepare=socket_in("work"), mark=lambda case: case.heard(),
    ),
    Attack(
        "socket_in_an_input", "connect_unix", ("/in/sock", "{token}"), ("--input", "{input}:/in"),
        stopped_by=("filesystem.overlay", "filesystem.nodev", "landlock"), prepare=socket_in("input"), mark=lambda case: case.heard(),
    ),
    Attack(
        "setuid_program_in_the_work_directory", "setuid_program", ("./suid",),
        stopped_by=(
            "filesystem.overlay", "filesystem.nodev", "namespaces.user", "privileges.no_new_privileges",
            "seccomp", "landlock",  # each of these two takes the same privilege away once more
        ),
        prepare=lambda case: case.setuid_copy(case.hood.work / "suid", places.OTHER_UID), only_as=("root",),
    ),
    Attack(
        "setuid_program_in_an_input", "setuid_program", ("/in/suid",), ("--input", "{input}:/in"),
        stopped_by=(
            "filesystem.overlay", "filesystem.nodev", "namespaces.user", "privileges.no_new_privileges",
            "seccomp", "landlock",  # each of these two takes the same privilege away once more
        ),
        prepare=lambda case: case.setuid_copy(case.input / "suid", places.OTHER_UID), only_as=("root",),
    ),
    Attack("mount", "mount_tmpfs", ("/tmp",), stopped_by=AS_ADMINISTRATOR),
    Attack("mount_by_descriptor", "mount_by_descriptor", ("new", "/tmp"), stopped_by=AS_ADMINISTRATOR),
    Attack("copy_a_mount", "mount_by_descriptor", ("copy", "/usr"), stopped_by=AS_ADMINISTRATOR),
    Attack("make_a_mount_writable", "mount_by_descriptor", ("writable", "/usr"), stopped_by=AS_ADMINISTRATOR),
    Attack("pivot_root", "pivot_root", ("/tmp",), stopped_by=AS_ADMINISTRATOR),
    Attack("chroot_escape", "chroot_escape", ("/usr", "{secret}"), stopped_by=("filesystem", *AS_ADMINISTRATOR)),
    Attack(
        "devices_of_the_host", "open_devices", ("/dev/kmsg", "/dev/mem", "/dev/vda", "/dev/sda", "/dev/tty0"),
        stopped_by=("filesystem", *AS_ADMINISTRATOR), kernel_may_lack=True,
    ),
    Attack("device_of_its_own", "make_device", stopped_by=("filesystem", "filesystem.nodev", *AS_ADMINISTRATOR)),
    Attack("open_by_handle", "open_by_handle", ("/usr",), stopped_by=AS_ADMINISTRATOR, kernel_may_lack=True),
    Attack(
        "sysrq", "open_for_writing", ("/proc/sysrq-trigger",), stopped_by=("filesystem", "filesystem.proc", *AS_ADMINISTRATOR),
        kernel_may_lack=True,
    ),
    Attack(
        "core_pattern", "open_for_writing", ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe"),
        stopped_by=("filesystem", "filesystem.proc", *AS_ADMINISTRATOR),
    ),
    Attack(
        "program_of_init", "open_for_writing", ("/proc/1/exe",), stopped_by=("privileges.dumpable", *AS_ADMINISTRATOR),
    ),
    Attack("core_dump", "core_dump", stopped_by=("privileges.core",)),
]

CGROUPS = [
    Attack("leave_the_cgroup", "cgroup_leave", stopped_by=("filesystem", "namespaces.cgroup", *AS_ADMINISTRATOR)),
    Attack("mount_a_cgroup_file_system", "cgroup_mount", ("/tmp",), stopped_by=("namespaces.cgroup", *AS_ADMINISTRATOR)),
]

NETWORK = [
    Attack(
        "loopback_of_the_host", "connect_loopback", ("{port}", "{token}"), stopped_by=("namespaces.net", "landlock"),
        prepare=lambda case: case.listen(socket.AF_INET, ("127.0.0.1", 0), "port"), mark=lambda case: case.heard(),
    ),
    Attack(
        "abstract_socket_of_the_host", "connect_unix", ("@{token}", "{token}"), stopped_by=("namespaces.net", "landlock"),
        prepare=lambda case: case.listen(socket.AF_UNIX, "\0" + case.token, "abstract"), mark=lambda case: case.heard(),
    ),
    Attack("raw_socket", "raw_socket", ("raw",), stopped_by=AS_ADMINISTRATOR),
    Attack("packet_socket", "raw_socket", ("packet",), stopped_by=AS_ADMINISTRATOR, kernel_may_lack=True),
    Attack("socket_to_the_hypervisor", "raw_socket", ("vsock",), stopped_by=("seccomp",), kernel_may_lack=True),
]

CALLS = [
    Attack("nested_user_namespace", "nested_user_namespace", stopped_by=("seccomp", "namespaces.user", "filesystem")),
    Attack("clone3_with_namespaces", "clone3_namespaces", stopped_by=("seccomp", "namespaces.user", "filesystem")),
    Attack("terminal_injection", "terminal_injection", ("32",), stopped_by=("seccomp",)),
    Attack("terminal_injection_with_a_high_bit", "terminal_injection", ("64",), stopped_by=("seccomp",)),
    Attack(
        "write_to_the_terminal", "terminal_write", ("{token}",), stopped_by=(NO_HOOD,), terminal=True,
        mark=lambda case: case.terminal_shows_token(),
    ),
    Attack("keyring", "keyring", stopped_by=("seccomp",)),
    Attack("set_clock", "set_clock", stopped_by=AS_ADMINISTRATOR),
    Attack("kexec", "privileged_call", ("kexec",), stopped_by=AS_ADMINISTRATOR, kernel_may_lack=True),
    Attack("reboot", "privileged_call", ("reboot",), stopped_by=AS_ADMINISTRATOR, kernel_may_lack=True),
    Attack("kernel_log", "privileged_call", ("syslog",), stopped_by=AS_ADMINISTRATOR, kernel_may_lack=True),
    Attack("load_a_module", "privileged_call", ("module",), stopped_by=AS_ADMINISTRATOR, kernel_may_lack=True),
    Attack("bpf", "bpf_program", stopped_by=AS_ADMINISTRATOR, kernel_may_lack=True),
    Attack("io_uring", "io_uring", stopped_by=("seccomp",), kernel_may_lack=True),
    Attack("perf_event", "perf_event", stopped_by=AS_ADMINISTRATOR, kernel_may_lack=True),
    Attack("userfault", "userfault", stopped_by=("seccomp",), kernel_may_lack=True),
    Attack("x32_call", "x32_call", stopped_by=("seccomp",), kernel_may_lack=True),
]

# Walled in by cgroups: shown with and without that wall on each of their versions.
BY_CGROUP = [*RESOURCES, *SURVIVORS, *CGROUPS]
ATTACKS = [*RESOURCES, *SURVIVORS, *PROCESSES, *FILES, *CGROUPS, *NETWORK, *CALLS]
