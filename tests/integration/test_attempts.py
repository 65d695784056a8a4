"""Runs that are tried again: each attempt in its own directory, one result, by the last of them."""

import json
import os
import signal

import pytest
from harness import kernel

# Takes so many MiB of memory as it is told, and says so.
EATER = ["python3", "-c", "import sys; b = bytearray(int(sys.argv[1]) << 20); b[::4096] = b'x' * len(b[::4096]); print('ate', sys.argv[1])"]


def spec(hood, **members):
    path = hood.work / "spec.json"
    path.write_text(json.dumps({"command": ["true"], **members}))
    hood.give(path)
    return path


def events(hood, run_id, kind):
    lines = (hood.run_directory(run_id) / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["type"] == kind]


def submit(hood, path):
    answer = hood.call("submit", path)
    assert answer.exit_code == 0, answer.explain()
    return answer.text.strip()


def check_attempts(hood, run_id, count):
    directory = hood.run_directory(run_id)
    assert sorted(os.listdir(directory / "attempts")) == [str(n) for n in range(1, count + 1)]
    for n in range(1, count + 1):
        for name in ("exit.json", "stdout.log", "stderr.log", "usage.csv"):
            assert (directory / "attempts" / str(n) / name).exists(), (n, name)
    assert os.readlink(directory / "stdout.log") == f"attempts/{count}/stdout.log"
    assert hood.call("verify", run_id).exit_code == 0, hood.call("verify", run_id).explain()
    assert not os.listdir(hood.state / "queue")


def test_memory_is_raised_until_it_is_enough(hood):
    run_id = submit(hood, spec(hood, command=[*EATER, "150"], memory_limit_mb={"start": 64, "on_oom": "x2", "max": 512}))
    result = hood.wait(run_id, 120)
    assert (result["status"], result["attempt"]) == ("COMPLETED", 3), result
    assert "memory_limit with 64 MiB, memory_limit with 128 MiB" in result["completion_notes"]
    assert [event["memory_limit_mb"] for event in events(hood, run_id, "attempt_submitted")] == [128, 256]
    assert [event["reason"] for event in events(hood, run_id, "attempt_ended")] == ["memory_limit", "memory_limit"]
    assert len(events(hood, run_id, "ended")) == 1
    assert hood.call("logs", run_id).text == "ate 150\n"
    check_attempts(hood, run_id, 3)


def test_the_highest_memory_is_the_last_try(hood):
    run_id = submit(hood, spec(hood, command=[*EATER, "400"], memory_limit_mb={"start": 64, "on_oom": "x2", "max": 100}))
    result = hood.wait(run_id, 120)
    assert (result["status"], result["reason"], result["attempt"]) == ("FAILED", "memory_limit", 2), result
    check_attempts(hood, run_id, 2)


def test_retries_are_used_up_and_the_last_end_stands(hood):
    run_id = submit(hood, spec(hood, command=["sh", "-c", "echo tried; exit 3"], retries={"max": 2, "on": ["exited"]}))
    result = hood.wait(run_id, 120)
    assert (result["status"], result["exit_code"], result["attempt"]) == ("FAILED", 3, 3), result
    check_attempts(hood, run_id, 3)


def test_a_reason_that_is_not_named_is_not_tried_again(hood):
    run_id = submit(hood, spec(hood, command=["sh", "-c", "exit 3"], retries={"max": 2, "on": ["timeout"]}))
    assert hood.wait(run_id)["attempt"] == 1


def test_in_the_foreground_all_attempts_are_seen(hood):
    path = spec(hood, command=["sh", "-c", "echo out; echo err >&2; exit 5"], retries={"max": 1, "on": ["exited"]})
    answer = hood.call("run", path)
    assert (answer.exit_code, answer.text) == (5, "out\nout\n"), answer.explain()
    assert answer.errors.count("err\n") == 2 and "attempt 2" in answer.errors


def test_a_lost_attempt_is_tried_again_where_the_spec_says_so(hood):
    path = spec(hood, command=["sh", "-c", "sleep 600"], retries={"max": 1, "on": ["host_lost"]})
    run_id = submit(hood, path)
    for attempt in (1, 2):
        assert kernel.wait_until(lambda: len(events(hood, run_id, "started")) == attempt, 120)
        keeper = json.loads((hood.run_directory(run_id) / "keeper.json").read_text())
        assert keeper["attempt"] == attempt
        os.kill(keeper["pid"], signal.SIGKILL)
        assert kernel.wait_until(lambda: not kernel.is_alive(keeper["pid"], keeper["start_ticks"]), 60)
        hood.call("status", run_id)
    result = hood.wait(run_id)
    assert (result["status"], result["reason"], result["attempt"]) == ("FAILED", "host_lost", 2), result
    assert hood.call("verify", run_id).exit_code == 0


@pytest.fixture
def between_attempts(hood):
    """A run that waits for its second attempt for long: nothing starts it, since one that takes the whole host came first."""
    hood.options["FUMEHOOD_BUDGET_CPUS"] = "1"
    run_id = submit(hood, spec(hood, command=["sh", "-c", "sleep 1; exit 3"], retries={"max": 1, "on": ["exited"]}))
    holder = hood.submit("sleep", "600", flags=["--priority", "100"])
    assert kernel.wait_until(lambda: events(hood, run_id, "attempt_ended") and events(hood, holder, "started") if (hood.run_directory(holder) / "events.jsonl").exists() else False, 60)
    yield hood, run_id, holder
    for one in (run_id, holder):
        hood.call("kill", one)


def test_a_run_between_two_attempts_is_pending_and_can_be_killed(between_attempts):
    hood, run_id, _ = between_attempts
    assert json.loads(hood.call("status", run_id, "--json").text)["status"] == "PENDING"
    assert hood.call("kill", run_id).text == f"killed {run_id}\n"
    result = hood.result(run_id)
    assert (result["status"], result["reason"], result["attempt"]) == ("KILLED", "cancelled", 1), result
    assert run_id + ".json" not in os.listdir(hood.state / "queue")
    assert hood.call("verify", run_id).exit_code == 0


def test_secrets_of_the_environment_and_later_attempts_exclude_each_other(hood):
    path = spec(hood, retries={"max": 1, "on": ["exited"]}, env={"KEY": {"secret": {"env": "TOKEN"}}})
    for command in ("submit", "run"):
        answer = hood.call(command, path, environment=hood.environment(TOKEN="s3cret"))
        assert answer.exit_code == 2 and "never written down" in answer.errors, answer.explain()
    assert hood.runs() == []


def test_rerun_repeats_a_run_with_changes(hood):
    first = hood.run("sh", "-c", "echo $WORD", flags=["--env", "WORD=one"]).result["run_id"]
    again = hood.call("rerun", first, "--with", "env.WORD=two", "--with", "memory_limit_mb=300", cwd=hood.top)
    assert again.exit_code == 0, again.explain()
    run_id = again.text.strip()
    assert hood.wait(run_id)["status"] == "COMPLETED"
    assert hood.call("logs", run_id).text == "two\n"
    (submitted,) = events(hood, run_id, "submitted")
    assert submitted["rerun_of"] == first
    assert json.loads((hood.run_directory(run_id) / "resolved.json").read_text())["limits"]["memory_limit_mb"] == 300
    plain = hood.call("rerun", first).text.strip()
    assert hood.wait(plain)["status"] == "COMPLETED" and hood.call("logs", plain).text == "one\n"


def test_rerun_finds_relative_paths_where_the_first_run_did(hood):
    hood.file("work/in.txt", "seen\n")
    first = hood.run("cat", "in.txt", flags=["--input", "in.txt"]).result["run_id"]
    again = hood.call("rerun", first, cwd=hood.top).text.strip()
    assert hood.wait(again)["status"] == "COMPLETED"
    assert hood.call("logs", again).text == "seen\n"


def test_rerun_tells_all_that_is_wrong_with_the_changes(hood):
    first = hood.run("true").result["run_id"]
    before = hood.runs()
    answer = hood.call("rerun", first, "--with", "memory_limit_mb=lots", "--with", "no_such_field=1")
    assert answer.exit_code == 2, answer.explain()
    assert "memory_limit_mb" in answer.errors and "no_such_field" in answer.errors
    assert hood.call("rerun", first, "--with", "nonsense").exit_code == 2
    assert hood.call("rerun", "01J0000000").exit_code == 2
    assert hood.runs() == before
