"""`fumehood kill` and interruption: nothing of a run outlives it, and its record says who ended it."""

import json
import os
import signal

import pytest

from harness import kernel, machine


def wait_for_marked(hood, count=1):
    found = kernel.wait_until(lambda: len(kernel.processes_given(hood.mark)) >= count)
    assert found, "the analysis did not start"


@pytest.mark.parametrize("how", ["setsid", "double_fork", "nohup", "stopped", "ptraced"])
def test_kill_ends_the_whole_tree(hood, how):
    program = hood.victim("survivor")
    flags = ["--env", "FH_VICTIM=1", "--env", f"FH_MARK={hood.mark}"]
    run_id = hood.submit("sh", "-c", f"{program} {how}; exec sleep 60", flags=flags)
    assert kernel.wait_until(lambda: b"left a child" in read(hood, run_id)), "the victim did not report"
    answer = hood.call("kill", run_id)
    assert answer.exit_code == 0, answer.explain()
    # kill has returned: no grace for anybody.
    assert kernel.processes_with(hood.mark) == []
    result = hood.wait(run_id)
    assert (result["status"], result["reason"]) == ("KILLED", "cancelled"), result


def read(hood, run_id):
    try:
        return (hood.run_directory(run_id) / "stdout.log").read_bytes()
    except FileNotFoundError:
        return b""


def test_kill_of_a_finished_run_says_so_and_changes_nothing(hood):
    run = hood.run("true")
    before = (run.directory / "result.json").read_bytes()
    answer = hood.call("kill", run.result["run_id"])
    assert "COMPLETED" in answer.text + answer.errors or "ended" in answer.text + answer.errors, answer.explain()
    assert (run.directory / "result.json").read_bytes() == before


def test_kill_of_an_unknown_run_is_an_error(hood):
    answer = hood.call("kill", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert answer.exit_code != 0 and "01ARZ3NDEKTSV4RRFFQ69G5FAV" in answer.errors, answer.explain()


@pytest.mark.core
def test_interrupting_run_kills_the_analysis(hood):
    process = hood.start("run", "--env", f"FH_MARK={hood.mark}", "--", "sh", "-c", "sleep 60; true")
    wait_for_marked(hood, 2)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30 * machine.PATIENCE)
    (run_id,) = hood.runs()
    assert hood.wait(run_id)["status"] == "KILLED"
    assert kernel.processes_with(hood.mark) == []


def test_a_run_outlives_the_killed_program_that_started_it(hood):
    process = hood.start("run", "--env", f"FH_MARK={hood.mark}", "--", "sh", "-c", "sleep 3; echo whole >end.txt")
    wait_for_marked(hood, 2)
    process.kill()
    process.communicate(timeout=30 * machine.PATIENCE)
    (run_id,) = hood.runs()
    result = hood.wait(run_id)
    assert (result["status"], [output["path"] for output in result["outputs"]]) == ("COMPLETED", ["end.txt"]), result


@pytest.mark.core
def test_a_killed_keeper_ends_its_run_which_is_recorded_as_lost(hood):
    run_id = hood.submit("sh", "-c", "sleep 60; true", flags=["--env", f"FH_MARK={hood.mark}"])
    wait_for_marked(hood, 2)
    handle = json.loads((hood.run_directory(run_id) / "keeper.json").read_text())
    pid = next(value for value in walk_numbers(handle) if is_keeper(value))
    os.kill(pid, signal.SIGKILL)
    assert kernel.wait_until(lambda: kernel.processes_with(hood.mark) == []), "the analysis outlived its keeper"
    status = hood.call("status", run_id, "--json")
    assert json.loads(status.text)["reason"] == "host_lost", status.explain()


def walk_numbers(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from walk_numbers(item)
    elif isinstance(value, int) and value > 1:
        yield value


def is_keeper(pid):
    try:
        return "fumehood" in open(f"/proc/{pid}/comm", encoding="utf-8").read()
    except OSError:
        return False
