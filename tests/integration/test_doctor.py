"""`fumehood doctor`: the health of what runs stand on, on demand, on watch, and for monitoring systems."""

import json
import os
import re
import select
import signal

import pytest

from harness import kernel, machine


def checks(hood, **options):
    called = hood.call("doctor", "--json", seconds=300, **options)
    answer = json.loads(called.text)
    return called, answer, {check["check"]: check for check in answer["checks"]}


def well(hood):
    """Whether this host can do all that the doctor asks for, in this place."""
    return checks(hood)[1]["enforceable"]


def test_a_doctor_tells_the_health_of_all_that_runs_stand_on(hood):
    hood.run("true")
    called, answer, found = checks(hood)
    assert set(found) == {"space", "clock", "state", "records", "runtimes", "databases"}, called.explain()
    assert called.exit_code == (0 if answer["enforceable"] else 1)
    for name in ("state", "records", "runtimes", "databases"):
        assert found[name]["state"] == "ok" and not found[name]["mend"], called.explain()
    assert "the latest 1 runs" in found["records"]["found"]
    shown = hood.call("doctor", seconds=300)
    assert shown.exit_code == called.exit_code and "records" in shown.text and "space" in shown.text, shown.explain()


def test_trouble_that_is_none_of_the_isolations_leaves_the_exit_code(hood):
    hood.run("true")
    left = hood.folder("state/staging/01ARZ3NDEKTSV4RRFFQ69G5FAV")
    os.utime(left, (1000000000, 1000000000))
    called, answer, found = checks(hood)
    assert found["state"]["state"] == "warning" and "fumehood gc" in found["state"]["mend"], called.explain()
    assert called.exit_code == (0 if answer["enforceable"] else 1)
    assert hood.call("gc").exit_code == 0
    assert checks(hood)[2]["state"]["state"] == "ok"


def test_a_record_that_was_cut_short_is_named(hood):
    run = hood.run("true")
    events = run.directory / "events.jsonl"
    events.write_bytes(events.read_bytes()[:-20])
    _, _, found = checks(hood)
    assert found["records"]["state"] == "critical" and run.result["run_id"] in found["records"]["found"], found
    assert f"fumehood verify {run.result['run_id']}" in found["records"]["mend"]


def test_a_lost_run_is_named_until_somebody_has_asked(hood):
    run_id = hood.submit("sleep", "600")
    handle = json.loads((hood.run_directory(run_id) / "keeper.json").read_text(encoding="utf-8"))
    os.kill(handle["pid"], signal.SIGKILL)
    assert kernel.wait_until(lambda: not kernel.is_alive(handle["pid"], handle["start_ticks"]), 60)
    _, _, found = checks(hood)
    assert found["records"]["state"] == "warning" and run_id in found["records"]["mend"], found
    hood.call("status", run_id)
    _, _, found = checks(hood)
    assert found["records"]["state"] == "ok", found


def monitor(hood, **options):
    called = hood.call("doctor", "--monitor", seconds=300, **options)
    assert called.text.count("\n") == 1, called.explain()
    return called


def test_a_monitoring_system_gets_one_line_and_its_exit_code(hood):
    if not well(hood):
        run = monitor(hood)
        assert run.exit_code == 2 and run.text.startswith("FUMEHOOD CRITICAL - isolation: "), run.explain()
        return
    environment = hood.environment(FUMEHOOD_DISK_LIMIT_MB="1")
    fine = monitor(hood, environment=environment)
    assert fine.exit_code == 0 and re.match(r"FUMEHOOD OK - 7 checks are well \| free=\d+B;", fine.text), fine.explain()
    little = monitor(hood, environment=hood.environment(FUMEHOOD_DISK_LIMIT_MB="16777216"))
    assert little.exit_code == 1 and "FUMEHOOD WARNING - space: " in little.text, little.explain()
    run = hood.run("true")
    (run.directory / "result.json").write_text("{", encoding="utf-8")
    bad = monitor(hood, environment=environment)
    assert bad.exit_code == 2 and "FUMEHOOD CRITICAL - records: " in bad.text, bad.explain()


class Watch:
    def __init__(self, hood):
        environment = hood.environment(FUMEHOOD_DISK_LIMIT_MB="1")
        self.process = hood.start("doctor", "--watch", "--interval", "1", environment=environment)

    def line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], 120 * machine.PATIENCE)
        assert ready, "no line came"
        return self.process.stdout.readline().decode()

    def line_of(self, name):
        while True:
            line = self.line()
            assert line, self.process.communicate()
            if f"  {name}  " in line:
                return line


@pytest.mark.on_host
def test_a_watch_prints_changes_alone(hood):
    run = hood.run("true")
    result = run.directory / "result.json"
    whole = result.read_bytes()
    watch = Watch(hood)
    try:
        assert "watching 7 things every 1 s" in watch.line()
        result.write_bytes(b"{")
        assert "ok -> critical" in watch.line_of("records")
        result.write_bytes(whole)
        line = watch.line_of("records")
        assert "critical -> ok" in line and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  records  ", line), line
    finally:
        # Root's alone may signal what another user started.
        hood_pid = watch.process.pid
        os.kill(hood_pid, signal.SIGTERM)
        out, err = watch.process.communicate(timeout=120 * machine.PATIENCE)
    assert watch.process.returncode in (0, 2) and not err, (out, err)


@pytest.mark.parametrize("words", [["--watch", "--monitor"], ["--interval", "5"], ["--watch", "--interval", "0"], ["--watch", "--interval", "100000"],
                                   ["--monitor", "--json"], ["--database", "x", "--watch"], ["cells.sqlite"]])
def test_a_wrong_call_is_told(hood, words):
    called = hood.call("doctor", *words)
    assert called.exit_code == 2 and called.errors, called.explain()
