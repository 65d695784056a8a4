"""Retention: what `fumehood gc` takes and leaves, also when it is killed in the middle."""

import contextlib
import json
import os
import random
import subprocess
import time

import pytest


def made(hood, *flags, words=("true",)):
    return hood.run(*words, flags=flags).result["run_id"]


def left(hood):
    return sorted(entry.name for entry in (hood.state / "runs").iterdir())


def collect(hood, *flags):
    called = hood.call("gc", "--json", *flags)
    assert called.exit_code == 0, called.explain()
    answer = json.loads(called.text)
    assert not answer["problems"], answer
    return answer


def events(hood):
    return [json.loads(line) for line in (hood.state / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def grow(hood, run_id, mib):
    """As if the run had left so much more; its record is closed, but gc does not verify it."""
    (hood.run_directory(run_id) / "attempts/1/more").write_bytes(b"x" * (mib << 20))


def test_the_oldest_go_until_the_rest_is_small_enough(hood):
    runs = [made(hood) for _ in range(4)]
    for run in runs:
        grow(hood, run, 8)
    dry = collect(hood, "--max-size", "20M", "--dry-run")
    assert [run["run_id"] for run in dry["removed"]] == runs[:2] and left(hood) == runs
    answer = collect(hood, "--max-size", "20M")
    assert [run["run_id"] for run in answer["removed"]] == runs[:2] and left(hood) == runs[2:]
    assert [run["why"] for run in dry["removed"]] == [run["why"] for run in answer["removed"]]


def test_all_but_the_newest_go(hood):
    runs = [made(hood) for _ in range(4)]
    assert collect(hood, "--max-runs", "1")["kept"] == 1
    assert left(hood) == runs[3:]


def test_labels_choose_the_runs_that_are_looked_at(hood):
    runs = [made(hood, "--label", f"project={name}") for name in ("cells", "paper", "cells")]
    collect(hood, "--older-than", "0", "--label", "project=cells")
    assert left(hood) == [runs[1]]


def test_the_configuration_has_rules_for_each_label(hood):
    hood.file("home/.config/fumehood/fumehood.toml", '[retention.default]\nmax_runs = 1\n\n[retention."project=paper"]\nolder_than_days = 3650\n')
    runs = [made(hood, "--label", f"project={name}") for name in ("paper", "cells", "paper", "cells")]
    collect(hood)
    assert left(hood) == [runs[0], runs[2], runs[3]]


def test_a_pinned_run_stays(hood):
    runs = [made(hood) for _ in range(3)]
    pinned = hood.call("pin", runs[0], runs[1])
    assert pinned.exit_code == 0 and runs[0] in pinned.text, pinned.explain()
    assert hood.call("verify", runs[0]).exit_code == 0  # nothing was added to its record
    assert [run["run_id"] for run in json.loads(hood.call("ls", "--pinned", "--json").text)["runs"]] == [runs[1], runs[0]]
    answer = collect(hood, "--older-than", "0")
    assert left(hood) == runs[:2] and answer["pinned"] == 2
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        (hood.state / name).unlink(missing_ok=True)
    assert collect(hood, "--max-runs", "0")["kept"] == 2
    assert hood.call("unpin", runs[0]).exit_code == 0
    collect(hood, "--older-than", "0")
    assert left(hood) == [runs[1]]
    wrong = hood.call("pin", runs[1], "7ZZZ", "7YYY")
    assert wrong.exit_code == 2 and "7ZZZ" in wrong.errors and "7YYY" in wrong.errors


def test_each_removal_is_on_record_with_a_digest(hood):
    run = made(hood)
    head = json.loads(hood.call("verify", run, "--json").text)
    answer = collect(hood, "--older-than", "0")
    event = events(hood)[-1]
    assert event["type"] == "run_removed" and event["run_id"] == run and head["run_id"] == run
    assert event["listing_sha256"] == answer["removed"][0]["listing_sha256"] and len(event["listing_sha256"]) == 64
    assert len(event["events_head"]) == 64 and event["files"] > 10


def test_nothing_behind_a_link_is_touched(hood):
    run = made(hood)
    treasure = hood.file("treasure/gold.txt", "gold")
    os.symlink(treasure.parent, hood.run_directory(run) / "attempts/1/out")
    os.symlink(treasure.parent, hood.state / "runs" / "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    os.symlink(treasure.parent, hood.state / "runs" / "removing-01ARZ3NDEKTSV4RRFFQ69G5FAV")
    collect(hood, "--older-than", "0")
    assert treasure.read_text(encoding="utf-8") == "gold"
    assert not (hood.state / "runs" / run).exists()


@pytest.mark.parametrize("round_", range(3))
def test_killed_in_the_middle_the_next_one_goes_on(hood, round_):
    chance = random.Random(round_)
    old = [made(hood) for _ in range(6)]
    for run in old:
        for number in range(300):
            (hood.run_directory(run) / f"attempts/1/f{number}").touch()
    stays = made(hood)
    hood.call("pin", stays)
    for _ in range(5):
        gc = hood.start("gc", "--older-than", "0")
        time.sleep(chance.uniform(0, 0.08))  # not to wait for anything: the moment of the kill is the point
        gc.kill()
        gc.communicate(timeout=60)
        assert stays in left(hood)
        assert {name.removeprefix("removing-") for name in left(hood)} <= {*old, stays}
    collect(hood, "--older-than", "0")
    assert left(hood) == [stays]
    told = [event["run_id"] for event in events(hood) if event["type"] == "run_removed"]
    assert set(told) == set(old)
    assert [run["run_id"] for run in json.loads(hood.call("ls", "--json").text)["runs"]] == [stays]


def test_wrong_rules_are_told_together(hood):
    called = hood.call("gc", "--max-size", "huge", "--max-runs", "-1", "--label", "x")
    assert called.exit_code == 2 and "20G" in called.errors and "NAME=VALUE" in called.errors, called.explain()
    wrong = hood.file("home/.config/fumehood/fumehood.toml", "[retention.cells]\nmax_runs = 1\n[retention.default]\nmax_run = 2\n")
    called = hood.call("gc")
    assert called.exit_code == 2 and "NAME=VALUE" in called.errors and "max_runs" in called.errors and str(wrong) in called.errors, called.explain()


@pytest.mark.only_as("root")
def test_a_full_disk_is_made_room_on(hood):
    hood.state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "none", str(hood.state)], check=True)
    try:
        runs = [made(hood) for _ in range(2)]
        assert len(json.loads(hood.call("ls", "--json").text)["runs"]) == 2
        with open(hood.state / "fill", "wb", buffering=0) as fill, contextlib.suppress(OSError):
            while fill.write(bytes(4096)):
                pass
        shown = hood.call("ls", "--json")
        assert shown.exit_code == 0 and len(json.loads(shown.text)["runs"]) == 2, shown.explain()
        gc = hood.call("gc", "--older-than", "0")
        assert gc.exit_code == 0 and not left(hood) and "made anew" in gc.errors, gc.explain()
        assert {event["run_id"] for event in events(hood)} == set(runs)
        (hood.state / "fill").unlink()
        assert json.loads(hood.call("ls", "--json").text)["runs"] == []
    finally:
        subprocess.run(["umount", "-l", str(hood.state)], check=True)
