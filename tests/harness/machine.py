"""What this machine can do, found out by doing it. Each need has a name that tests and FUMEHOOD_REQUIRE use."""

import ctypes
import functools
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import quota_disk

CGROUP2_MAGIC = 0x63677270
CGROUP1_MAGIC = 0x27E0EB
TMPFS_MAGIC = 0x01021994
# The testbed that this process runs inside of, or "": see testbeds/.
TESTBED = os.environ.get("FUMEHOOD_TESTBED", "")
# How many times longer than on this machine a thing may take there: one processor for all, or an emulated one.
PATIENCE = {"cgroup2": 5.0, "systemd": 20.0}.get(TESTBED, 1.0)


def file_system_type(path):
    """The f_type of statfs(2): what the kernel says a path lies on, whatever it is called."""
    libc = ctypes.CDLL(None, use_errno=True)
    # struct statfs begins with f_type, a long on every 64-bit architecture; 256 bytes hold the rest of it.
    buffer = ctypes.create_string_buffer(256)
    if libc.statfs(os.fsencode(path), buffer) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    return ctypes.c_long.from_buffer(buffer).value


def _succeeds(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode == 0


def _root():
    return os.geteuid() == 0 or "this needs root; `make test` uses sudo where it may"


def _user():
    return True  # as root another identity is taken on; anybody else is one already


def _userns():
    return _succeeds("/usr/bin/unshare", "--user", "--map-root-user", "true") or "user namespaces are not to be had (unshare --user fails)"


def _cgroup1():
    path = "/sys/fs/cgroup/memory"
    mounted = os.path.isdir(path) and file_system_type(path) == CGROUP1_MAGIC
    return mounted or "the memory controller is not on a cgroup v1 hierarchy here"


def _cgroup2_native():
    path = "/sys/fs/cgroup"
    if not os.path.isdir(path) or file_system_type(path) != CGROUP2_MAGIC:
        return "/sys/fs/cgroup is not cgroup v2"
    with open(os.path.join(path, "cgroup.controllers"), encoding="ascii") as file:
        return "memory" in file.read().split() or "cgroup v2 has no memory controller here"


def _cgroup2():
    if _cgroup2_native() is True or shutil.which("linux.uml"):
        return True
    return "neither cgroup v2 nor User Mode Linux is here (package user-mode-linux)"


def _systemd():
    missing = [name for name in ("debootstrap", "qemu-system-x86_64", "mkfs.ext4") if not shutil.which(name)]
    return f"{', '.join(missing)} not found: tools/bootstrap test" if missing else True


def _landlock():
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(444, None, 0, 1)  # landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
    return version > 0 or "this kernel has no landlock"


@functools.lru_cache(maxsize=None)
def _quota_native():
    if os.geteuid() != 0:
        return "mounting a file system with quotas needs root"
    with tempfile.TemporaryDirectory() as directory:
        try:
            with quota_disk.mounted(Path(directory), "xfs") as point:
                quota_disk.quota_of(point, 0)
        except FileNotFoundError as error:
            return f"{error.filename} not found (package xfsprogs)"
        except OSError as error:
            return f"this kernel has no project quotas on XFS: {error}"
    return True


def _quota():
    native = _quota_native()
    return True if native is True or (not TESTBED and shutil.which("linux.uml") and shutil.which("mkfs.xfs")) else native


def _r():
    return shutil.which("Rscript") is not None or "there is no R here (package r-base-core)"


def _samtools():
    reads = "/usr/share/doc/bowtie2/examples/reads/reads_1.fq.gz"
    missing = [name for name in ("bwa", "samtools", "bcftools") if not shutil.which(name)] + ([] if os.path.exists(reads) else [reads])
    return f"{', '.join(missing)} not found: tools/bootstrap examples" if missing else True


def _sklearn():
    return _succeeds("/usr/bin/python3", "-c", "import sklearn, matplotlib") or "no scikit-learn here: tools/bootstrap examples"


def _notebook():
    return _succeeds("/usr/bin/python3", "-c", "import nbclient, ipykernel, matplotlib_inline, matplotlib") or "no nbclient here: tools/bootstrap examples"


def _irkernel():
    there = os.path.exists("/usr/share/jupyter/kernels/ir/kernel.json") and _notebook() is True
    return there or "no kernel of R for notebooks here: tools/bootstrap examples"


def _r_bioc():
    return (shutil.which("Rscript") and _succeeds("Rscript", "-e", "stopifnot(all(c('HSMMSingleCell', 'igraph') %in% rownames(installed.packages())))")) or (
        "no single-cell data here: tools/bootstrap examples")


CHECKS = {
    "root": _root,
    "user": _user,
    "userns": _userns,
    "cgroup1": _cgroup1,
    "cgroup2": _cgroup2,
    "landlock": _landlock,
    "systemd": _systemd,
    "quota": _quota,
    "r": _r,
    "samtools": _samtools,
    "sklearn": _sklearn,
    "notebook": _notebook,
    "irkernel": _irkernel,
    "r-bioc": _r_bioc,
}


@functools.lru_cache(maxsize=None)
def lacks(need):
    """None when this machine has `need`, else the reason why not."""
    answer = CHECKS[need]()
    return None if answer is True else answer


# Needs of single tests, which find out themselves whether they are met.
OF_TESTS = {
    "32bit": "a kernel that takes the calls of 32-bit code",
    "attributes": "a temporary directory whose file system keeps user attributes",
    "conda": "the program that packs conda packages: tools/bootstrap test",
    "demo": "the packages of the demo: tools/bootstrap demo",
    "driver": "the programs of tests/drivers",
    "julia": "the packages of Debian 11's Julia: tests/testbeds/julia",
    "nosystemd": "a machine that systemd does not run on",
    "opentmp": "a temporary directory that every user may enter",
    "pixi": "the program pixi on PATH",
    "pypi": "packages from PyPI, by pip",
    "tools": "programs that the tests run under the hood's filter: tools/bootstrap test",
}
# What every skip says. Ledger, in ledger.py, reads it again.
SKIP_FORM = re.compile(r"needs ([a-z0-9]+): ", re.DOTALL)


def required():
    return {word for word in os.environ.get("FUMEHOOD_REQUIRE", "").replace(",", " ").split() if word}


def unmet(need, reason):
    """A need of a whole place or suite that is not met: a skip, and a failure where FUMEHOOD_REQUIRE names it."""
    if need in required():
        pytest.fail(f"FUMEHOOD_REQUIRE names {need}, but: {reason}", pytrace=False)
    pytest.skip(f"needs {need}: {reason}")


def need(name):
    reason = lacks(name)
    if reason:
        unmet(name, reason)


def lacks_native_cgroup2():
    """As `lacks`, for cgroup v2 with a memory controller on the very kernel that this runs on."""
    answer = _cgroup2_native()
    return None if answer is True else answer


def lacks_native_quota():
    """As `lacks`, for project quotas on the very kernel that this runs on."""
    answer = _quota_native()
    return None if answer is True else answer
