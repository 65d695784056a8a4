"""Boxes that wait for their runs, in a program that launches through the library (tests/drivers/launch_many)."""

import json
import os
import subprocess

import pytest

from harness import kernel, machine

DRIVER = "tests/launch_many"


def launch(hood, spares, count, *command):
    """Starts the driver; it ends when its standard input is closed."""
    return hood.start(spares, count, "--", *command, program=hood.programs / DRIVER, stdin=subprocess.PIPE)


def runs_of(process):
    """The lines that the driver printed before it waits: ids of runs that completed."""
    ids = []
    for line in process.stdout:
        words = line.decode().split()
        if words == ["waiting"]:
            return ids
        assert words[1] == "COMPLETED", line
        ids.append(words[0])
    raise AssertionError(process.stderr.read().decode())


def end(process):
    process.stdin.close()
    assert process.wait(60) == 0


def staged(hood):
    staging = hood.state / "staging"
    return sorted(os.listdir(staging)) if staging.is_dir() else []


def keepers(hood):
    """Of the boxes that are waiting."""
    found = []
    for name in staged(hood):
        try:
            found.append(json.loads((hood.state / "staging" / name / "keeper.json").read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            pass
    return found


def test_runs_in_spare_boxes_are_as_sealed_as_any_other(hood):
    look = "import os; print(os.getpid(), os.getcwd(), sorted(os.listdir('/')), os.listdir('/tmp'))"
    alone = hood.run("/usr/bin/python3", "-c", look)
    process = launch(hood, 1, 4, "/usr/bin/python3", "-c", look)
    ids = runs_of(process)
    assert len(set(ids)) == 4
    for run_id in ids:
        result = hood.result(run_id)
        assert result["isolation"] | {"uid": 0} == alone.result["isolation"] | {"uid": 0}
        assert (hood.run_directory(run_id) / "stdout.log").read_bytes() == alone.stdout
        assert hood.call("verify", run_id).exit_code == 0
    end(process)


def test_a_box_is_used_once(hood):
    process = launch(hood, 2, 4, "sh", "-c", "ls -A /tmp /home/analysis; touch /tmp/mine /home/analysis/mine written")
    for run_id in runs_of(process):
        log = (hood.run_directory(run_id) / "stdout.log").read_text()
        assert "mine" not in log, log
    end(process)


@pytest.mark.threaded
def test_threads_that_share_an_executor_each_have_their_runs(hood):
    process = launch(hood, 2, "3x4", "sh", "-c", "ls -A; echo $$ >mine")
    ids = runs_of(process)
    assert len(set(ids)) == 12
    for run_id in ids:
        assert (hood.run_directory(run_id) / "stdout.log").read_bytes() == b""
        assert hood.call("verify", run_id, seconds=120).exit_code == 0
    end(process)


def test_boxes_go_with_the_program_that_keeps_them(hood):
    process = launch(hood, 2, 1, "true")
    runs_of(process)
    assert kernel.wait_until(lambda: len(keepers(hood)) == 2)
    end(process)
    assert kernel.wait_until(lambda: staged(hood) == [], 60), staged(hood)


def test_boxes_go_when_the_program_is_killed(hood):
    process = launch(hood, 2, 1, "true")
    runs_of(process)
    assert kernel.wait_until(lambda: len(keepers(hood)) == 2)
    process.kill()
    process.wait()
    assert kernel.wait_until(lambda: staged(hood) == [], 60), staged(hood)


@pytest.mark.only_as("root", "user")
def test_gc_removes_a_box_whose_keeper_was_killed(hood):
    process = launch(hood, 1, 1, "true")
    runs_of(process)
    assert kernel.wait_until(lambda: len(keepers(hood)) == 1)
    handle = keepers(hood)[0]
    os.kill(handle["pid"], 9)
    assert kernel.wait_until(lambda: not kernel.is_alive(handle["pid"], handle["start_ticks"]))
    end(process)
    answer = hood.call("gc")
    assert answer.exit_code == 0, answer.explain()
    assert staged(hood) == []
    assert kernel.wait_until(lambda: not kernel.cgroups_named(handle["cgroup"]["name"]))


def test_a_spare_whose_keeper_was_killed_is_not_used(hood):
    process = hood.start(1, 2, "--", "sleep", int(machine.PATIENCE), program=hood.programs / DRIVER, stdin=subprocess.PIPE)
    # While the first run sleeps, the spare for the second is there, and dies.
    # Its own box lies where spares do until it is a run: only what is there afterwards is the spare.
    assert kernel.wait_until(hood.runs, 60) and kernel.wait_until(lambda: len(keepers(hood)) == 1, 60)
    os.kill(keepers(hood)[0]["pid"], 9)
    assert len(runs_of(process)) == 2
    end(process)


@pytest.mark.only_as("root", "user")
@pytest.mark.parametrize("spares", [0, 2])
def test_many_threads_launch_at_once_and_every_run_completes(hood, spares):
    """While one thread starts a keeper another closes the files of its own launch: neither may hold up the other."""
    process = launch(hood, spares, "2x64", "true")
    assert len(set(runs_of(process))) == 128
    end(process)
