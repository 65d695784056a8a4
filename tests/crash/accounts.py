"""What must be true of a state directory after any crash: nothing lost, nothing doubled, nothing left."""

import contextlib
import json
import os
import signal
import time

from harness import kernel

FINAL = {"COMPLETED", "FAILED", "KILLED"}
# Ends that a kill of ours may be the cause of; `signaled` where it met the run's own first process.
LOST = {"host_lost", "setup_failed", "submit_transient", "signaled"}


def waiting(hood):
    folder = hood.state / "queue"
    return sorted(name.removesuffix(".json") for name in os.listdir(folder) if name.endswith(".json")) if folder.is_dir() else []


def processes(hood, *names):
    """Pids of Fumehood's own processes with this state directory, or with one of its runs' keepers."""
    found = []
    keepers = {}
    for place in ("runs", "staging"):
        folder = hood.state / place
        for run_id in os.listdir(folder) if folder.is_dir() else []:
            try:
                handle = json.loads((folder / run_id / "keeper.json").read_text())
                keepers[handle["pid"]] = handle["start_ticks"]
            except (OSError, ValueError):
                continue
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            words = open(f"/proc/{pid}/cmdline", "rb").read().decode(errors="replace").split("\0")
            if pid in keepers and kernel.is_alive(pid, keepers[pid]):
                kind = "keeper"
            elif os.path.basename(words[0]) == "fumehood" and f"FUMEHOOD_STATE={hood.state}" in open(f"/proc/{pid}/environ", errors="replace").read().split("\0"):
                kind = "dispatch" if "dispatch" in words[:3] else "cli"
            else:
                continue
        except OSError:
            continue
        if not names or kind in names:
            found.append((pid, kind))
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def recover(hood, seconds=120):
    """What anybody does after a crash: look. Then everything that was promised comes to its end."""

    def settled():
        listing = json.loads(hood.call("ls", "--all", "--json", seconds=120).text)
        return not waiting(hood) and all(run["status"] in FINAL for run in listing["runs"])

    end = time.monotonic() + seconds
    while not settled():
        assert time.monotonic() < end, hood.call("ls", "--all").text
        time.sleep(0.1)
    assert kernel.wait_until(lambda: not processes(hood, "keeper"), seconds), processes(hood)


def account(hood, promised, check_output=lambda run_id, text: None):
    """Fails unless every promised run, and every other that there is, has one result, and the record says one story. Gives the number
    of runs by how they ended."""
    ends = {}
    there = set(hood.runs())
    lost = set(promised) - there
    assert not lost, f"promised, and gone: {sorted(lost)}"
    for run_id in sorted(there):
        result = hood.result(run_id)
        assert result and result["status"] in FINAL, (run_id, result)
        events = [json.loads(line)["type"] for line in (hood.run_directory(run_id) / "events.jsonl").read_text().splitlines() if line.endswith("}")]
        assert events.count("ended") == 1 and events.count("closed") == 1, (run_id, events)
        assert events.count("started") <= max(1, result["attempt"]), (run_id, events)
        if result["status"] == "COMPLETED":
            check_output(run_id, hood.call("logs", run_id).text)
        else:
            assert result["reason"] in LOST, (run_id, result)
        ends[result["reason"]] = ends.get(result["reason"], 0) + 1
    broken = [run_id for run_id in there if hood.call("verify", run_id).exit_code != 0]
    assert not broken, broken
    return ends


def nothing_left(hood, budget_flags):
    """No process, no half-made directory that gc does not take, and the whole budget is free again."""
    assert kernel.wait_until(lambda: not processes(hood, "keeper", "dispatch"), 60), processes(hood)
    answer = hood.call("run", *budget_flags, "--", "true", seconds=60)
    assert answer.exit_code == 0 and "waits" not in answer.errors, answer.explain()
    long_ago = time.time() - 3600
    for name in os.listdir(hood.state / "staging"):
        with contextlib.suppress(FileNotFoundError):  # a keeper still tidies up
            if (hood.state / "staging" / name / "keeper.json").exists():
                continue
            os.utime(hood.state / "staging" / name, (long_ago, long_ago))  # gc gives a launcher a minute to start its keeper
    hood.call("gc", "--older-than", "36500")
    assert kernel.wait_until(lambda: not os.listdir(hood.state / "staging"), 60), os.listdir(hood.state / "staging")
