"""The run directory, as DESIGN.md section 8 has it."""

import csv
import hashlib
import io
import json
import os
import stat

import pytest


def digest(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def run(hood):
    script = "mkdir results; printf 'a,b\\n1,2\\n' >results/table.csv; echo said; echo complained >&2; echo scrap >/tmp/scrap"
    finished = hood.run("sh", "-c", script)
    assert finished.exit_code == 0, finished.explain()
    return finished


def test_has_everything_in_its_place(run):
    names = {
        "spec.json", "resolved.json", "events.jsonl", "execution.log", "result.json", "outputs.json", "attempts", "stdout.log", "stderr.log", "work",
    }
    assert names <= set(os.listdir(run.directory)), run.explain()
    assert {"exit.json", "stdout.log", "stderr.log", "usage.csv", "work"} <= set(os.listdir(run.directory / "attempts/1"))
    for link in ("stdout.log", "stderr.log", "work"):
        assert os.readlink(run.directory / link) == f"attempts/1/{link}"


def test_belongs_to_its_user_alone(hood, run):
    for path in (hood.state, hood.state / "runs", run.directory):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    if hood.place.who != "userns":
        assert run.directory.stat().st_uid == hood.uid


def test_keeps_what_the_analysis_said(run):
    assert (run.directory / "stdout.log").read_text() == "said\n"
    assert (run.directory / "stderr.log").read_text() == "complained\n"


def test_chains_its_events(run):
    lines = (run.directory / "events.jsonl").read_bytes().splitlines()
    previous = "0" * 64
    for number, line in enumerate(lines):
        event = json.loads(line)
        assert (event["seq"], event["prev"]) == (number, previous), line
        previous = digest(line)
    assert len(lines) >= 4


def test_lists_outputs_with_size_and_digest(run):
    (output,) = json.loads((run.directory / "outputs.json").read_text())["files"]
    data = b"a,b\n1,2\n"
    assert output == {"path": "results/table.csv", "size_bytes": len(data), "sha256": digest(data)}
    assert run.result["outputs"] == [output]
    assert (run.directory / "work/results/table.csv").read_bytes() == data


def test_removes_tmp_and_says_what_it_removed(run):
    assert not (run.directory / "attempts/1/tmp").exists()
    (event,) = [event for event in run.events() if event["type"] == "tmp_removed"]
    numbers = [value for value in event.values() if isinstance(value, int)]
    assert len(numbers) >= 2, event


def test_samples_usage(run):
    (header, *rows) = list(csv.reader(io.StringIO((run.directory / "attempts/1/usage.csv").read_text())))
    assert header[0] == "time" and "memory_mb" in header and "disk_mb" in header
    assert rows and all(len(row) == len(header) for row in rows)


def test_result_agrees_with_the_evidence(run):
    result = json.loads((run.directory / "result.json").read_text())
    evidence = json.loads((run.directory / "attempts/1/exit.json").read_text())
    assert result == run.result
    assert (evidence["code"], evidence["reason"]) == (result["exit_code"], result["reason"])
    assert result["submitted_at"] <= result["started_at"] <= result["finished_at"]
    assert len(result["run_id"]) == 26 and result["run_id"] == run.directory.name


def test_keeps_no_secret(hood):
    secret = hood.file("home/secret", "s3cr3t-" + hood.mark)
    spec = hood.file("work/spec.json", json.dumps({
        "command": 'test "$TOKEN" = "$(cat)" && echo equal', "env": {"TOKEN": {"secret": {"file": str(secret)}}},
    }))
    run = hood.call("run", spec, input=secret.read_bytes())
    assert run.text == "equal\n", run.explain()
    needle = secret.read_bytes()
    for top, _, names in os.walk(hood.state):
        for name in names:
            path = os.path.join(top, name)
            assert os.path.islink(path) or needle not in open(path, "rb").read(), f"{path} holds the secret"


def test_verify_accepts_what_is_whole_and_names_what_was_changed(hood, run):
    run_id = run.result["run_id"]
    assert hood.call("verify", run_id).exit_code == 0
    table = run.directory / "work/results/table.csv"
    table.write_bytes(b"a,b\n1,3\n")
    changed = hood.call("verify", run_id)
    assert changed.exit_code != 0 and "table.csv" in changed.text + changed.errors, changed.explain()


def test_verify_finds_one_changed_byte_of_the_events(hood, run):
    events = run.directory / "events.jsonl"
    data = bytearray(events.read_bytes())
    at = data.index(b"\n") + 30
    data[at] ^= 1
    events.write_bytes(data)
    changed = hood.call("verify", run.result["run_id"])
    assert changed.exit_code != 0 and "events.jsonl" in changed.text + changed.errors, changed.explain()


def test_a_removed_result_is_noticed(hood, run):
    (run.directory / "execution.log").write_text("")
    changed = hood.call("verify", run.result["run_id"])
    assert changed.exit_code != 0 and "execution.log" in changed.text + changed.errors, changed.explain()
