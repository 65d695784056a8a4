"""The stand-ins and the victims themselves, without any hood: an attack that could not succeed anyway shows nothing."""

import os
import subprocess

import pytest

from attack.attacks import ATTACKS
from attack.case import OUTER, STAGE
from harness import machine

# The kernel of a test machine may lack these, and some ask for a stand-in that only a Case has.
WITHOUT_A_HOOD = [
    ("cpu_burner", ("2", "2", "5")),
    ("disk_filler", (".", "3")),
    ("inode_filler", (".", "200")),
    ("memory_anon", ("8",)),
    ("memory_page_cache", ("8", "4")),
    ("memory_processes", ("3", "4")),
    ("fork_bomb", ("5",)),
    ("zombie_maker", ("5",)),
    ("sleeper", ("1",)),
    ("sigterm_ignorer", ("1",)),
    ("mount_tmpfs", ("/mnt",)),
    ("make_device", ()),
    ("open_by_handle", ("/usr",)),
    ("chroot_escape", ("/mnt", "/etc/hostname")),
    ("nested_user_namespace", ()),
    ("clone3_namespaces", ()),
    ("terminal_injection", ("32",)),
    ("terminal_injection", ("64",)),
    ("raw_socket", ("raw",)),
    ("set_clock", ()),
    ("core_dump", ()),
    ("cgroup_leave", ()),
    ("open_for_writing", ("/proc/sys/kernel/core_pattern",)),
    ("ptrace_process", ("bystander-WORD",)),
    ("read_process_memory", ("bystander-WORD",)),
    ("environment_secrets", ("FH_SECRET=WORD",)),
    ("proc_root", ("/etc/hostname",)),
]


def start(victims, place, name, arguments, guard="1"):
    word = place.name
    words = [str(victims / name), *(argument.replace("WORD", word) for argument in arguments)]
    return subprocess.run(
        [*OUTER, str(STAGE), word, "nobody", str(place / "verdict"), *words], cwd=place, env={"PATH": os.environ["PATH"], "FH_VICTIM": guard},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * machine.PATIENCE, check=False,
    )


@pytest.fixture
def scratch(session_directory, request):
    machine.need("root")
    path = session_directory / f"victim-{abs(hash(request.node.name))}"
    path.mkdir()
    return path


@pytest.mark.parametrize(("name", "arguments"), WITHOUT_A_HOOD, ids=lambda value: value if isinstance(value, str) else "-".join(value))
def test_victim_succeeds_where_nothing_stops_it(victims, scratch, name, arguments):
    answer = start(victims, scratch, name, arguments)
    assert answer.returncode == 66, answer.stdout + answer.stderr
    assert '"succeeded": true' in answer.stdout


def test_no_victim_runs_without_the_guard(victims, scratch):
    for path in sorted(victims.iterdir()):
        words, environment = [*OUTER, str(path), "x"], {"PATH": os.environ["PATH"], "FH_VICTIM": "0"}
        answer = subprocess.run(words, cwd=scratch, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert (answer.returncode, answer.stdout) == (99, ""), path.name


def test_kill_everyone_refuses_where_it_must_not_kill(victims, scratch):
    refused = start(victims, scratch, "kill_everyone", ["none"])
    assert refused.returncode == 99 and (scratch / "verdict").read_text() == "alive\n"


def test_kill_everyone_reaches_the_bystander_elsewhere(victims, scratch):
    start(victims, scratch, "kill_everyone", [str(os.stat("/proc/self/ns/pid").st_ino)])
    assert (scratch / "verdict").read_text() == "killed\n"


def test_every_victim_is_in_an_attack(victims):
    used = {attack.victim for attack in ATTACKS} | {"plant_links"}  # laid as a trap by integration/test_outputs.py
    assert {path.name for path in victims.iterdir()} == used


def test_names_of_attacks_are_unique():
    names = [attack.name for attack in ATTACKS]
    assert len(names) == len(set(names)) >= 45
