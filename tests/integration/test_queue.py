"""Runs that find no room wait, in the order of their turns, and nothing of them is ever lost."""

import json
import os
import signal
import subprocess

import pytest
from harness import kernel

@pytest.fixture
def narrow(hood):
    """A host with room for one run of one core."""
    hood.options["FUMEHOOD_BUDGET_CPUS"] = "1"
    yield hood
    end_all(hood)


def status(hood, run_id):
    return json.loads(hood.call("status", run_id, "--json").text)


def becomes(hood, run_id, wanted):
    assert kernel.wait_until(lambda: status(hood, run_id)["status"] == wanted, 60), status(hood, run_id)


def waiting(hood):
    folder = hood.state / "queue"
    return sorted(name.removesuffix(".json") for name in os.listdir(folder)) if folder.is_dir() else []


def dispatchers(hood):
    """Processes that hold this state directory's dispatcher lock, by their environment."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
            if b"dispatch" in words[:2] and f"FUMEHOOD_STATE={hood.state}".encode() in open(f"/proc/{pid}/environ", "rb").read().split(b"\0"):
                found.append(int(pid))
        except OSError:
            continue
    return found


def end_all(hood):
    for run_id in [*waiting(hood), *hood.runs()]:
        hood.call("kill", run_id)
    for pid in dispatchers(hood):
        os.kill(pid, signal.SIGTERM)
    assert kernel.wait_until(lambda: not dispatchers(hood), 60)


def started_order(hood, ids):
    def start_of(run_id):
        return json.loads((hood.run_directory(run_id) / "result.json").read_text())["started_at"]

    return sorted(ids, key=start_of)


def test_a_run_that_finds_no_room_waits_and_starts_when_there_is_some(narrow):
    first = narrow.submit("sleep", "600")
    answer = narrow.call("submit", "--", "echo", "second")
    second = answer.text.strip()
    assert "waits in the queue: needs 1 core; of 1 core, none free" in answer.errors, answer.explain()
    assert status(narrow, first)["status"] == "RUNNING"
    told = status(narrow, second)
    assert (told["status"], told["name"]) == ("PENDING", "echo")
    narrow.call("kill", first)
    assert narrow.wait(second)["status"] == "COMPLETED"
    assert narrow.call("logs", second).text == "second\n"
    assert kernel.wait_until(lambda: not waiting(narrow), 60)
    assert narrow.call("verify", second).exit_code == 0


def test_wait_and_logs_follow_a_run_from_the_queue_to_its_end(narrow):
    first = narrow.submit("sleep", "600")
    second = narrow.submit("sh", "-c", "echo seen; exit 7")
    following = narrow.start("logs", "-f", second)
    waiter = narrow.start("wait", second)
    narrow.call("kill", first)
    assert following.communicate(timeout=60)[0] == b"seen\n"
    waiter.communicate(timeout=60)
    assert (following.returncode, waiter.returncode) == (0, 7)


def test_one_in_the_foreground_waits_for_its_turn_and_says_so(narrow):
    first = narrow.submit("sleep", "600")
    process = narrow.start("run", "--", "sh", "-c", "read line; echo got $line; exit 3", stdin=subprocess.PIPE)
    process.stdin.write(b"hello\n")
    process.stdin.flush()
    assert kernel.wait_until(lambda: dispatchers(narrow), 60)
    narrow.call("kill", first)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, b"got hello\n"), err
    assert b"waits for its turn: needs 1 core" in err, err


def test_interrupting_one_that_waits_in_the_foreground_leaves_nothing(narrow):
    first = narrow.submit("sleep", "600")
    process = narrow.start("run", "--", "true")
    assert kernel.wait_until(lambda: dispatchers(narrow), 60)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"nothing was started" in err
    assert narrow.runs() == [first]


def test_the_higher_priority_starts_first_and_equals_in_their_order(narrow):
    first = narrow.submit("sleep", "600")
    low = narrow.submit("true", flags=["--priority", "-5"])
    one = narrow.submit("true")
    two = narrow.submit("true")
    high = narrow.submit("true", flags=["--priority", "9"])
    narrow.call("kill", first)
    for run_id in (low, one, two, high):
        assert narrow.wait(run_id)["status"] == "COMPLETED"
    assert started_order(narrow, [low, one, two, high]) == [high, one, two, low]


def test_shares_take_turns(narrow):
    first = narrow.submit("sleep", "600")
    mine = [narrow.submit("true", flags=["--label", "user=ada"]) for _ in range(3)]
    hers = narrow.submit("true", flags=["--label", "user=grace"])
    narrow.call("kill", first)
    for run_id in (*mine, hers):
        narrow.wait(run_id)
    assert started_order(narrow, [*mine, hers])[:2] == [mine[0], hers]


def test_what_can_never_fit_is_refused_with_all_figures_and_nothing_made(hood):
    hood.options.update(FUMEHOOD_BUDGET_CPUS="2", FUMEHOOD_BUDGET_MEMORY_MB="1000")
    for command in ("submit", "run"):
        answer = hood.call(command, "--memory", "5000", "--cpus", "8", "--", "true")
        assert answer.exit_code == 2, answer.explain()
        assert "--memory: is 5000; this host has 1000 MiB of memory" in answer.errors
        assert "--cpus: is 8; this host has 2 cores" in answer.errors
    assert hood.runs() == [] and waiting(hood) == []


def test_a_limit_that_only_the_profile_names_runs_alone_on_a_smaller_host(hood):
    hood.options["FUMEHOOD_BUDGET_MEMORY_MB"] = "512"
    assert hood.run("true").exit_code == 0


def test_one_killed_in_the_queue_has_a_result_and_a_record(narrow):
    narrow.submit("sleep", "600")
    second = narrow.submit("touch", "made")
    assert narrow.call("kill", second).text == f"killed {second}\n"
    result = narrow.result(second)
    assert (result["status"], result["reason"], result["started_at"]) == ("KILLED", "cancelled", "")
    assert "Nothing was executed" in result["completion_notes"]
    assert narrow.call("verify", second).exit_code == 0
    for command in ("logs", "inspect"):
        assert narrow.call(command, second).exit_code == 0
    assert "wrote nothing" in narrow.call("diff", second).errors
    assert waiting(narrow) == []


def test_a_killed_dispatcher_is_followed_by_another(narrow):
    first = narrow.submit("sleep", "600")
    second = narrow.submit("true")
    (pid,) = kernel.wait_until(lambda: dispatchers(narrow), 60)
    os.kill(pid, signal.SIGKILL)
    assert kernel.wait_until(lambda: pid not in dispatchers(narrow), 60)
    narrow.call("kill", first)
    assert status(narrow, second)["status"] in ("PENDING", "RUNNING", "COMPLETED")  # the look alone brings the next
    assert narrow.wait(second)["status"] == "COMPLETED"


def test_a_killed_keeper_gives_its_room_back(narrow):
    first = narrow.submit("sleep", "600")
    second = narrow.submit("true")
    keeper = json.loads((narrow.run_directory(first) / "keeper.json").read_text())
    os.kill(keeper["pid"], signal.SIGKILL)
    assert narrow.wait(second)["status"] == "COMPLETED"
    assert status(narrow, first)["reason"] == "host_lost"


def test_an_input_that_goes_while_its_run_waits_is_named_in_the_result(narrow):
    given = narrow.file("input.txt", "x")
    first = narrow.submit("sleep", "600")
    second = narrow.submit("true", flags=["--input", f"{given}:in.txt"])
    third = narrow.submit("true")
    given.unlink()
    narrow.call("kill", first)
    result = narrow.wait(second)
    assert (result["status"], result["reason"]) == ("FAILED", "input_missing"), result
    assert str(given) in result["completion_notes"]
    assert narrow.wait(third)["status"] == "COMPLETED"


def test_bad_input_is_told_to_who_submits_it_although_it_would_wait(narrow):
    narrow.submit("sleep", "600")
    answer = narrow.call("submit", "--input", "/no/such/file", "--runtime", "pyhton3", "--", "true")
    assert answer.exit_code == 2, answer.explain()
    assert "/no/such/file" in answer.errors and "python3" in answer.errors
    assert waiting(narrow) == []


def test_a_secret_from_the_environment_waits_only_with_its_owner(narrow):
    narrow.submit("sleep", "600")
    spec = narrow.file("work/spec.yaml", "command: [true]\nenv: {KEY: {secret: {env: TOKEN}}}\n")
    answer = narrow.call("submit", spec, environment=narrow.environment(TOKEN="s3cret"))
    assert answer.exit_code == 2 and "never written down" in answer.errors, answer.explain()
    assert waiting(narrow) == []


def test_a_full_queue_refuses_and_says_why(narrow):
    narrow.options["FUMEHOOD_QUEUE_LIMIT"] = "1"
    narrow.submit("sleep", "600")
    narrow.submit("true")
    answer = narrow.call("submit", "--", "true")
    assert answer.exit_code == 125 and "submit_transient" in answer.errors, answer.explain()
    assert len(waiting(narrow)) == 1


def test_a_small_run_passes_a_big_one_only_where_that_delays_nobody(hood):
    hood.options["FUMEHOOD_BUDGET_CPUS"] = "2"
    first = hood.submit("sleep", "600", flags=["--cpus", "1", "--timeout", "1000"])
    big = hood.submit("true", flags=["--cpus", "2"])
    long = hood.submit("true", flags=["--cpus", "1", "--timeout", "5000"])
    short = hood.submit("true", flags=["--cpus", "1", "--timeout", "5", "--label", "k=v"])
    assert hood.wait(short)["status"] == "COMPLETED"
    assert kernel.wait_until(lambda: waiting(hood) == sorted([big, long]), 60)
    hood.call("kill", first)
    assert started_order(hood, [run for run in (big, long) if hood.wait(run)]) == [big, long]


def test_the_sum_of_what_runs_stays_within_the_budget(hood):
    """Twelve runs of a third of the memory each: never more than three at once."""
    hood.options["FUMEHOOD_BUDGET_MEMORY_MB"] = "300"
    ids = [hood.submit("sleep", "0.3", flags=["--memory", "100"]) for _ in range(12)]
    moments = []
    for run_id in ids:
        result = hood.wait(run_id)
        assert result["status"] == "COMPLETED"
        moments += [(result["started_at"], 1), (result["finished_at"], -1)]
    running = highest = 0
    for _, change in sorted(moments):
        running += change
        highest = max(highest, running)
    assert highest <= 3


def test_one_key_is_one_run_however_often_it_is_submitted(narrow):
    def submit(*words, key="analysis-7"):
        return narrow.call("submit", "--idempotency-key", key, "--", *words)

    first = submit("sleep", "600")
    again = submit("sleep", "600")
    assert (again.exit_code, again.text) == (0, first.text), again.explain()
    other = submit("sleep", "601")
    assert other.exit_code == 2 and "another spec" in other.errors, other.explain()
    waits = submit("true", key="b")
    assert submit("true", key="b").text == waits.text
    assert narrow.runs() == [first.text.strip()] and waiting(narrow) == [waits.text.strip()]
    # The index is no more than that: without it the keys are read from the records.
    for name in os.listdir(narrow.state):
        if name.startswith("store.db"):
            (narrow.state / name).unlink()
    assert submit("true", key="b").text == waits.text
    assert submit("sleep", "600").text == first.text


def test_a_refused_submission_keeps_no_key(hood):
    bad = hood.call("submit", "--idempotency-key", "k", "--runtime", "no-such-runtime", "--", "true")
    assert bad.exit_code == 2, bad.explain()
    good = hood.call("submit", "--idempotency-key", "k", "--", "true")
    assert good.exit_code == 0, good.explain()
    assert hood.wait(good.text.strip())["status"] == "COMPLETED"


def test_many_who_submit_one_key_at_once_get_one_run(hood):
    processes = [hood.start("submit", "--idempotency-key", "once", "--", "true") for _ in range(8)]
    answers = {process.communicate(timeout=120)[0] for process in processes}
    assert len(answers) == 1 and all(process.returncode == 0 for process in processes)
    assert len(hood.runs()) == 1
