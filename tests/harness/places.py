"""The places that a test of the hood runs in: on which kernel, and as whom. Every such test runs in all that suit it."""

import os
from dataclasses import dataclass

from harness import machine

# An id that no account has, so that nothing on this machine belongs to it; another for each session, so that two can run
# side by side. 64000 to 64999: below `nobody`, above what systemd and distributions hand out.
# The systemd guest has an account for it, whose manager hands out cgroups.
ORDINARY_UID = 1000 if machine.TESTBED == "systemd" else 64000 + 2 * (os.getpid() % 500)
# Somebody else, who must be as unreachable as root.
OTHER_UID = 64001 + 2 * (os.getpid() % 500)


@dataclass(frozen=True)
class Place:
    """`bed` is the kernel: `host`, or the name of a testbed that is booted for it. `who` starts Fumehood."""

    bed: str
    who: str
    build: str = "release"

    def __str__(self):
        name = f"{self.bed}-{self.who}"
        return name if self.build == "release" else f"{name}-{self.build}"

    def needs(self):
        return [] if self.who == "user" else [self.who]

    @property
    def lengthy(self):
        """Where all tests would take too long for every `make test`: those marked core run there, with --slow all."""
        return self.bed == "systemd" or (self.bed, self.who) == ("cgroup2", "userns")

    @property
    def remote(self):
        """True when its tests run in a testbed, not in this process."""
        return self.bed != (machine.TESTBED or "host")


PLACES = [
    Place("host", "root"),
    Place("host", "user"),
    Place("host", "userns"),
    Place("host", "root", "asan"),  # slow
    Place("host", "root", "tsan"),  # slow
    Place("cgroup2", "root"),
    Place("cgroup2", "user"),
    Place("cgroup2", "userns"),  # slow, but for what is marked core
    Place("systemd", "user"),  # slow, but for what is marked core
]


def identity(who):
    """(uid, words before the command) of Popen for somebody who starts Fumehood."""
    if who == "root" or os.geteuid() != 0:
        uid = os.geteuid()
    else:
        uid = ORDINARY_UID
    prefix = ["/usr/bin/unshare", "--user", "--map-root-user", "--"] if who == "userns" else []
    return uid, prefix


def session_of(uid):
    """What a login gives an account whose systemd manager runs: how programs find that manager."""
    runtime = f"/run/user/{uid}"
    if machine.TESTBED != "systemd" or not os.path.isdir(runtime):
        return {}
    return {"XDG_RUNTIME_DIR": runtime, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
