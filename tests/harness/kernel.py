"""Questions to the kernel, asked from outside the hood."""

import os
import signal
import time
from pathlib import Path

from harness import machine


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _read(path):
    try:
        return Path(path).read_bytes()
    except OSError:  # it ended meanwhile, or is not ours to look at
        return b""


def processes_with(word):
    """Pids of the processes, zombies apart, whose environment or command line holds `word`. Never this one."""
    needle = word.encode()
    found = []
    for pid in processes():
        if pid == os.getpid():
            continue
        if needle in _read(f"/proc/{pid}/environ") or needle in _read(f"/proc/{pid}/cmdline"):
            found.append(pid)
    return found


def processes_given(word):
    """Pids of the processes whose environment holds `word`: what was started with it, and not who was told to."""
    return [pid for pid in processes() if word.encode() in _read(f"/proc/{pid}/environ")]


def kill_processes_with(word):
    """Ends what a test left behind. Returns the pids that had to be killed."""
    killed = []
    for _ in range(20):
        pids = processes_with(word)
        if not pids:
            break
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            except (ProcessLookupError, PermissionError):
                pass
        time.sleep(0.05)  # not a wait for a result: the next look decides
    return killed


def is_alive(pid, start_ticks):
    """Whether that very process is there and has not ended; a number may have been given to another since."""
    stat = _read(f"/proc/{pid}/stat")
    if not stat:
        return False
    fields = stat.rpartition(b")")[2].split()  # from the third on (proc_pid_stat(5))
    return int(fields[19]) == start_ticks and fields[0] != b"Z"


def wait_until(condition, seconds=20.0):
    """The first true answer of `condition`, or its last answer when the time is over."""
    end = time.monotonic() + seconds * machine.PATIENCE
    while True:
        answer = condition()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.02)


def mounts_below(path):
    """Mount points at or below `path` in this namespace."""
    top = os.path.realpath(path)
    points = []
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        point = line.split()[4].encode().decode("unicode_escape")
        if point == top or point.startswith(top + "/"):
            points.append(point)
    return points


def mount_table():
    """The mounts of this namespace without what changes by itself."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return sorted(" ".join(line.split()[3:]) for line in lines)


def cgroups_of(pid):
    """Controller name ("" for v2) to the path of the process's cgroup directory, each checked to be a cgroup."""
    found = {}
    for line in _read(f"/proc/{pid}/cgroup").decode().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
                directory = Path(top + path)
                if directory.is_dir() and machine.file_system_type(directory) == machine.CGROUP2_MAGIC:
                    found[""] = directory
                    break
        for name in filter(None, controllers.split(",")):
            directory = Path("/sys/fs/cgroup") / name.removeprefix("name=") / path.lstrip("/")
            if directory.is_dir() and machine.file_system_type(directory) == machine.CGROUP1_MAGIC:
                found[name] = directory
    return found


def limits_of(pid):
    """The limits in force for a process, in bytes, cores and processes, read back from cgroup files of a checked type."""
    groups = cgroups_of(pid)
    limits = {}
    for key, v1_controller, v1_file, v2_file in [
        ("memory", "memory", "memory.limit_in_bytes", "memory.max"),
        ("pids", "pids", "pids.max", "pids.max"),
    ]:
        text = _limit_text(groups, v1_controller, v1_file, v2_file)
        if text is not None and text != "max" and int(text) < 1 << 62:
            limits[key] = int(text)
    if "cpu" in groups and (groups["cpu"] / "cpu.cfs_quota_us").exists():
        quota = int((groups["cpu"] / "cpu.cfs_quota_us").read_text())
        if quota > 0:
            limits["cpu"] = quota / int((groups["cpu"] / "cpu.cfs_period_us").read_text())
    elif "" in groups and (groups[""] / "cpu.max").exists():
        quota, period = (groups[""] / "cpu.max").read_text().split()
        if quota != "max":
            limits["cpu"] = int(quota) / int(period)
    return limits


def _limit_text(groups, v1_controller, v1_file, v2_file):
    for directory, name in ((groups.get(v1_controller), v1_file), (groups.get(""), v2_file)):
        if directory is not None and (directory / name).exists():
            return (directory / name).read_text().strip()
    return None


def session_of(uid):
    """On cgroup v2: where `fumehood setup --user` wants the user's shells, or None."""
    if os.geteuid() != 0 or uid == 0 or machine.lacks_native_cgroup2():
        return None
    while True:
        try:
            return next(Path("/sys/fs/cgroup").glob(f"**/*-{uid}/session/cgroup.procs"), None)
        except FileNotFoundError:  # a run's cgroup went while it was being looked into
            continue


def login(session, uid):
    """Words that, before a command and started by root, run it as that user from their own cgroup, as a login would."""
    enter = 'echo 0 >"$0" && exec "$@"'
    become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]
    return ["sh", "-c", enter, str(session), *become]


def cgroups_named(word):
    """Directories of any cgroup hierarchy whose name holds `word`."""
    found = []
    for top, directories, _ in os.walk("/sys/fs/cgroup"):
        found += [os.path.join(top, name) for name in directories if word in name]
    return found


def system_v_keys():
    """Keys of the System V shared memory segments of this IPC namespace."""
    return {int(line.split()[0]) for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}
