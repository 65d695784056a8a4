"""The harness itself: a test that believes a broken harness proves nothing."""

import os
import subprocess

from harness import kernel, machine, places


def test_knows_the_place_it_runs_in(place):
    assert not place.remote
    assert place.bed == (machine.TESTBED or "host")
    if place.bed == "cgroup2":
        assert machine.file_system_type("/sys/fs/cgroup") == machine.CGROUP2_MAGIC


def test_finds_processes_by_a_word_and_ends_them(place):
    word = f"fh-harness-{os.getpid()}-{place}"
    process = subprocess.Popen(["sleep", "60"], env={"WORD": word, "PATH": os.environ["PATH"]})
    # exec closes the pipe that Popen waits for a moment before the new environment is in place.
    assert kernel.wait_until(lambda: kernel.processes_with(word)) == [process.pid]
    assert kernel.kill_processes_with(word)[0] == process.pid
    assert process.wait() == -9
    assert kernel.processes_with(word) == []


def test_reads_the_limits_of_a_process_only_from_cgroup_file_systems(place):
    for directory in kernel.cgroups_of(os.getpid()).values():
        assert machine.file_system_type(directory) in (machine.CGROUP1_MAGIC, machine.CGROUP2_MAGIC)
    assert isinstance(kernel.limits_of(os.getpid()), dict)


def test_another_session_uses_another_user():
    assert 64000 <= places.OTHER_UID < 65000
    assert places.ORDINARY_UID not in (0, places.OTHER_UID)
