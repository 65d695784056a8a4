"""The index of runs: what `ls`, `stats` and `suggest` answer from, made anew whenever it is not there or not whole."""

import json
import os
import sqlite3
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

from harness import kernel


def listed(hood, *flags, **options):
    called = hood.call("ls", "--all", "--json", *flags, **options)
    assert called.exit_code == 0, called.explain()
    return json.loads(called.text)["runs"], called


def ids(hood, *flags):
    return [run["run_id"] for run in listed(hood, *flags)[0]]


def store(hood):
    return hood.state / "store.db"


def made(hood, *flags, words=("true",)):
    """A run that has ended; its id."""
    return hood.run(*words, flags=flags).result["run_id"]


def test_the_index_is_private_and_strict(hood):
    made(hood)
    assert len(ids(hood)) == 1
    assert store(hood).stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(f"file:{store(hood)}?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        tables = dict(database.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%'"))
    assert set(tables) == {"runs", "run_labels", "idempotency_keys", "unsettled", "place"} and all(tables.values())


def test_ls_finds_runs_by_everything_that_is_known_of_them(hood):
    good = made(hood, "--name", "fit-7", "--label", "project=cells", "--label", "step=1")
    bad = made(hood, "--name", "plot", "--label", "project=cells", "--profile", "tool", words=("sh", "-c", "exit 3"))
    other = made(hood, "--name", "fit-8", "--label", "pipeline=nightly")
    assert ids(hood) == [other, bad, good]
    assert ids(hood, "--status", "failed") == [bad]
    assert ids(hood, "--status", "failed", "--status", "COMPLETED") == [other, bad, good]
    assert ids(hood, "--label", "project=cells") == [bad, good]
    assert ids(hood, "--label", "project=cells", "--label", "step=1") == [good]
    assert ids(hood, "--name", "fit-*") == [other, good]
    assert ids(hood, "--name", "fit-[7]") == [good]
    assert ids(hood, "--pipeline", "nightly") == [other]
    assert ids(hood, "--reason", "exited", "--status", "failed") == [bad]
    assert ids(hood, "--reason", "timeout") == ids(hood, "--runtime", "julia") == []
    assert ids(hood, "--sort", "oldest") == [good, bad, other]
    assert ids(hood, "--sort", "name") == [good, other, bad]
    assert ids(hood, "--since", "1h") == [other, bad, good] and ids(hood, "--until", "1h") == []
    tomorrow = (datetime.now(timezone.utc) + timedelta(days=1)).strftime("%Y-%m-%d")
    assert ids(hood, "--since", tomorrow) == [] and ids(hood, "--until", f"{tomorrow}T00:00:00Z") == [other, bad, good]
    short = json.loads(hood.call("ls", "--limit", "2", "--json").text)
    assert [run["run_id"] for run in short["runs"]] == [other, bad] and short["more"]
    shown = hood.call("ls", "--limit", "2")
    assert "fit-8" in shown.text and "--all shows them" in shown.text


def test_wrong_filters_are_told_together(hood):
    called = hood.call("ls", "--since", "yesterday", "--label", "x", "--reason", "timout", "--sort", "size", "--status", "done")
    assert called.exit_code == 2, called.explain()
    for word in ("yesterday", "NAME=VALUE", "timeout", "newest", "completed"):
        assert word in called.errors, called.explain()


def test_a_run_is_told_by_the_beginning_of_its_id_and_as_the_last(hood):
    first = made(hood)
    last = made(hood)
    assert json.loads(hood.call("status", "last", "--json").text)["run_id"] == last
    assert json.loads(hood.call("status", first.lower(), "--json").text)["run_id"] == first
    both = os.path.commonprefix([first, last])
    assert json.loads(hood.call("status", first[: len(both) + 1], "--json").text)["run_id"] == first
    many = hood.call("status", both)
    assert many.exit_code == 2 and "more than one" in many.errors
    none = hood.call("status", "7ZZ")
    assert none.exit_code == 2 and "no run" in none.errors


def test_ls_is_complete_when_the_index_is_deleted_in_the_middle_of_work(hood):
    ended = [made(hood) for _ in range(3)]
    going_on = hood.submit("sleep", "600")
    assert ids(hood) == [going_on, *reversed(ended)]
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        (hood.state / name).unlink(missing_ok=True)
    late = made(hood)
    shown = hood.call("ls")
    assert shown.errors.count("made anew") == 1 and len(shown.text.splitlines()) == 6, shown.explain()
    assert hood.call("ls").errors == ""  # once
    runs, _ = listed(hood)
    assert [run["run_id"] for run in runs] == [late, going_on, *reversed(ended)]
    assert [run["status"] for run in runs] == ["COMPLETED", "RUNNING", "COMPLETED", "COMPLETED", "COMPLETED"]
    assert hood.call("kill", going_on).exit_code == 0
    assert [run["status"] for run in listed(hood)[0]].count("KILLED") == 1


@pytest.mark.parametrize("damage", ["garbage", "torn", "foreign", "empty"])
def test_a_store_that_is_none_is_set_aside_and_made_anew(hood, damage):
    runs = [made(hood) for _ in range(2)]
    assert ids(hood) == runs[::-1]
    with sqlite3.connect(store(hood)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    if damage == "garbage":
        store(hood).write_bytes(os.urandom(8192))
    elif damage == "torn":
        whole = store(hood).read_bytes()
        store(hood).write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    elif damage == "empty":
        store(hood).write_bytes(b"")
    else:
        store(hood).unlink()
        with sqlite3.connect(store(hood)) as database:
            database.execute("CREATE TABLE photos (name TEXT)")
        database.close()
        hood.give(store(hood))
    shown = hood.call("ls")
    assert len(shown.text.splitlines()) == 3, shown.explain()
    if damage != "empty":
        assert "set aside" in shown.errors and (hood.state / "store.db.damaged").exists(), shown.explain()
    assert hood.call("ls").errors == ""
    assert ids(hood) == runs[::-1]


def test_a_store_of_a_newer_version_is_refused(hood):
    made(hood)
    ids(hood)
    with sqlite3.connect(store(hood)) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    called = hood.call("ls")
    assert called.exit_code == 125 and "newer Fumehood" in called.errors, called.explain()
    assert hood.run("true").exit_code == 0  # runs do not need it


def test_reindex_finds_what_was_copied_in_and_what_was_taken_out(hood):
    kept = made(hood)
    gone = made(hood)
    assert ids(hood) == [gone, kept]
    subprocess.run(["rm", "-rf", str(hood.run_directory(gone))], check=True)
    answer = json.loads(hood.call("reindex", "--json").text)
    assert answer["runs"] == 1 and answer["bytes"] > 0
    assert ids(hood) == [kept]


def test_runs_that_end_while_it_is_made_anew_are_in_it(hood):
    for _ in range(3):
        made(hood)
    runs = [hood.start("run", "--", "true") for _ in range(6)]
    for _ in range(3):
        assert hood.call("reindex").exit_code == 0
    for run in runs:
        run.communicate(timeout=120)
        assert run.returncode == 0
    found, _ = listed(hood)
    assert len(found) == 9 and {run["status"] for run in found} == {"COMPLETED"}


def test_many_at_once_use_it(hood):
    made(hood)
    store(hood).unlink(missing_ok=True)
    calls = [hood.start("ls", "--json") for _ in range(12)]
    for call in calls:
        text, _ = call.communicate(timeout=120)
        assert call.returncode == 0 and len(json.loads(text)["runs"]) == 1


def test_the_log_of_changes_may_vanish(hood):
    first = made(hood)
    assert ids(hood) == [first]
    (hood.state / "changes.log").unlink()
    second = made(hood)
    assert ids(hood) == [second, first]
    (hood.state / "changes.log").write_text("", encoding="utf-8")
    third = made(hood)
    assert ids(hood) == [third, second, first]


def test_a_lost_run_is_lost_in_the_list_too(hood):
    lost = hood.submit("sleep", "600")
    assert listed(hood)[0][0]["status"] in ("RUNNING", "PENDING")
    handle = json.loads((hood.run_directory(lost) / "keeper.json").read_text(encoding="utf-8"))
    os.kill(handle["pid"], 9)
    assert kernel.wait_until(lambda: listed(hood, "--reason", "host_lost")[0], 60)
    assert ids(hood, "--status", "failed") == [lost]


def test_stats_tell_how_the_runs_fared(hood):
    for _ in range(4):
        made(hood, "--name", "small", "--memory", "4096")
    made(hood, "--name", "wrong", words=("sh", "-c", "exit 1"))
    answer = json.loads(hood.call("stats", "--json").text)
    assert answer["runs"] == answer["ended"] == 5
    assert answer["by_status"] == {"COMPLETED": 4, "FAILED": 1} and answer["failures"] == {"exited": 1}
    small = next(one for one in answer["analyses"] if one["name"] == "small")
    assert small["memory_fit"] == "too_high" and small["memory_asked_mb"] == 4096 and small["memory_suggested_mb"] < 2048
    assert answer["waited_s"]["median"] > 0
    shown = hood.call("stats")
    assert "far too high" in shown.text and f"--memory {small['memory_suggested_mb']}" in shown.text, shown.explain()
    assert json.loads(hood.call("stats", "--label", "x=y", "--json").text)["runs"] == 0


def test_suggest_reads_limits_from_past_runs_of_the_same_analysis(hood):
    words = ("/usr/bin/python3", "-c", "x = bytearray(90 << 20); print(len(x))")
    nothing = hood.call("suggest", "--json", "--", *words)
    assert nothing.exit_code == 1 and json.loads(nothing.text)["suggestion"] is None, nothing.explain()
    runs = [made(hood, "--memory", "1024", words=words) for _ in range(3)]
    called = hood.call("suggest", "--json", "--", *words)
    assert called.exit_code == 0, called.explain()
    answer = json.loads(called.text)
    assert answer["evidence"]["runs"] == runs[::-1] and answer["evidence"]["completed"] == 3
    peak = answer["evidence"]["memory_peak_mb"]["highest"]
    assert peak >= 90 and peak * 1.25 <= answer["suggestion"]["memory_limit_mb"] <= peak * 1.25 + 1
    assert hood.run(*words, flags=["--memory", str(answer["suggestion"]["memory_limit_mb"])]).exit_code == 0
    assert hood.call("suggest", "--", "/usr/bin/python3", "-c", "another").exit_code == 1
    shown = hood.call("suggest", "--", *words)
    assert f"--memory {answer['suggestion']['memory_limit_mb']}" in shown.text and runs[0] in shown.text


def test_asking_makes_no_state_directory(hood):
    for words in (["ls"], ["ls", "--json"], ["stats"], ["status", "last"]):
        hood.call(*words)
    assert not hood.state.exists()


def test_top_prints_one_picture_into_a_pipe(hood):
    made(hood, "--name", "early")
    going_on = hood.submit("sleep", "600", flags=["--name", "long"])
    kernel.wait_until(lambda: listed(hood, "--status", "running")[0], 60)
    shown = hood.call("top", "--once")
    assert shown.exit_code == 0 and "1 running" in shown.text and "1 ended" in shown.text, shown.explain()
    lines = shown.text.splitlines()
    assert going_on[:12] in lines[3] and "long" in lines[3] and "early" in lines[4], shown.explain()
    assert "\033" not in shown.text
    refused = hood.call("top")
    assert refused.exit_code == 2 and "--once" in refused.errors


def test_a_run_that_waits_is_listed_and_stays_so_when_the_index_is_made_anew(hood):
    hood.options["FUMEHOOD_BUDGET_CPUS"] = "1"
    first = hood.submit("sleep", "600", flags=["--cpus", "1", "--name", "one"])
    second = hood.submit("sleep", "600", flags=["--cpus", "1", "--name", "two"])
    assert kernel.wait_until(lambda: listed(hood, "--status", "running")[0], 60)
    for again in range(2):
        runs, _ = listed(hood)
        assert [(run["run_id"], run["name"], run["status"]) for run in runs] == [(second, "two", "PENDING"), (first, "one", "RUNNING")]
        assert "WAITING" in hood.call("top", "--once").text
        if not again:
            assert json.loads(hood.call("reindex", "--json").text)["runs"] == 2
    assert json.loads(hood.call("gc", "--older-than", "0", "--json").text)["kept"] == 2
    assert hood.call("kill", second).exit_code == 0
    assert ids(hood, "--status", "killed") == [second]
    assert hood.call("kill", first).exit_code == 0
    assert ids(hood, "--status", "killed") == [second, first]
