"""`submit` and what looks at a run that goes on by itself: status, wait, logs, ls, inspect."""

import json
import os
import re


def test_submit_prints_the_id_alone_and_wait_waits_for_the_end(hood):
    run_id = hood.submit("sh", "-c", "sleep 1; echo done; exit 5")
    answer = hood.call("wait", run_id)
    assert answer.exit_code == 5, answer.explain()
    assert hood.result(run_id)["exit_code"] == 5


def test_status_tells_a_running_run_from_a_finished_one(hood):
    run_id = hood.submit("sleep", "60")
    assert json.loads(hood.call("status", run_id, "--json").text)["status"] == "RUNNING"
    hood.call("kill", run_id)
    status = json.loads(hood.call("status", run_id, "--json").text)
    assert (status["status"], status["reason"]) == ("KILLED", "cancelled")


def test_submit_has_an_empty_standard_input(hood):
    run_id = hood.submit("sh", "-c", "cat; echo end")
    hood.wait(run_id)
    assert hood.call("logs", run_id).text == "end\n"


def test_submit_reads_the_file_that_is_named_for_it(hood):
    text = "".join(f"{i:015d}\n" for i in range(20000))  # more than a pipe holds
    hood.file("work/in.txt", text)
    run_id = hood.submit("sh", "-c", "sleep 0.3; cat; (echo x >/proc/self/fd/0) 2>/dev/null; echo end", flags=["--stdin", "in.txt"])
    assert hood.wait(run_id)["exit_code"] == 0
    assert hood.call("logs", run_id).text == text + "end\n"
    assert (hood.work / "in.txt").read_text() == text


def test_a_run_that_does_not_read_its_file_ends_all_the_same(hood):
    hood.file("work/in.txt", "x" * 1_000_000)
    assert hood.run("true", flags=["--stdin", "in.txt"]).exit_code == 0


def test_logs_follow_to_the_end(hood):
    run_id = hood.submit("sh", "-c", "for i in 1 2 3; do echo line $i; sleep 0.3; done")
    answer = hood.call("logs", "-f", run_id)
    assert (answer.exit_code, answer.text) == (0, "line 1\nline 2\nline 3\n"), answer.explain()


# Numbered lines, so that what is missing or out of order can be told.
FLOOD = """
import sys, time
out = sys.stdout
for i in range({lines}):
    out.write(f"{{i:015d}}\\n")
out.write("the flood is over\\n")
out.flush()
while {stay}:
    time.sleep(1)
"""
MARKER = re.compile(r"\n\[fumehood: (\d+) bytes of output were dropped here[^\]]*\]\n")


def flood(hood, lines, stay):
    hood.file(hood.work / "flood.py", FLOOD.format(lines=lines, stay=stay))
    return hood.submit("/usr/bin/python3", "flood.py", flags=["--output-limit", "1"])


def assert_complete(text, whole):
    """Bytes and markers of `text` add up to `whole`, in order."""
    at = position = 0
    for marker in MARKER.finditer(text):
        part = text[position : marker.start()]
        assert part == whole[at : at + len(part)]
        at += len(part) + int(marker.group(1))
        position = marker.end()
        # The line break before a marker is its own, or the output's; what follows tells which.
        if not whole.startswith(MARKER.split(text[position:])[0][:40], at):
            at += 1
    assert text[position:] == whole[at:]


def test_following_a_flood_shows_the_newest_bytes_while_it_goes_on(hood):
    run_id = flood(hood, lines=400_000, stay=True)
    follower = hood.start("logs", "-f", run_id)
    text = ""
    while "the flood is over\n" not in text[-40:]:
        part = os.read(follower.stdout.fileno(), 1 << 20)
        assert part, text[-2000:]
        text += part.decode()
    assert not hood.result(run_id)
    late = hood.call("logs", run_id).text
    tail = hood.call("logs", "--tail", "34", run_id).text
    assert hood.call("kill", run_id).exit_code == 0
    rest, errors = follower.communicate(timeout=60)
    assert (follower.returncode, rest, errors) == (0, b"", b"")
    whole = "".join(f"{i:015d}\n" for i in range(400_000)) + "the flood is over\n"
    assert tail == whole[-34:]
    for shown in (text, late):
        assert_complete(shown, whole)
        assert shown.endswith(whole[-(1 << 19) :])
    # Whoever comes when the log is whole reads the same bytes.
    hood.wait(run_id)
    final = hood.call("logs", run_id).text
    assert_complete(final, whole)
    assert final.endswith("]\n" + whole[-(1 << 19) :])


def test_a_follower_who_reads_too_slowly_is_told_what_was_missed_and_gets_the_tail(hood):
    run_id = flood(hood, lines=400_000, stay=False)
    follower = hood.start("logs", "-f", run_id)
    hood.wait(run_id)  # nobody reads the pipe until the run has ended
    out, errors = follower.communicate(timeout=60)
    assert (follower.returncode, errors) == (0, b"")
    final = hood.call("logs", run_id).text
    whole = "".join(f"{i:015d}\n" for i in range(400_000)) + "the flood is over\n"
    assert MARKER.search(out.decode())
    assert_complete(out.decode(), whole)
    assert out.decode().endswith(MARKER.split(final)[-1])


def test_ls_and_inspect_show_every_run(hood):
    ids = [hood.run("true", flags=["--name", name]).result["run_id"] for name in ("first", "second")]
    listing = json.loads(hood.call("ls", "--json").text)
    runs = listing["runs"] if isinstance(listing, dict) else listing
    assert {run["run_id"] for run in runs} == set(ids)
    inspected = json.loads(hood.call("inspect", ids[0], "--json").text)
    assert ids[0] in json.dumps(inspected) and "first" in json.dumps(inspected)


def test_a_run_can_be_named_by_the_beginning_of_its_id_only_when_that_is_unique(hood):
    run_id = hood.run("true").result["run_id"]
    unknown = hood.call("status", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
    assert unknown.exit_code != 0 and "7ZZZZZZZZZZZZZZZZZZZZZZZZZ" in unknown.errors, unknown.explain()
    assert hood.call("status", run_id).exit_code == 0


def test_output_that_is_not_a_terminal_has_no_colour(hood):
    run_id = hood.run("true").result["run_id"]
    for words in (("ls",), ("status", run_id), ("inspect", run_id), ("doctor",)):
        answer = hood.call(*words)
        assert b"\x1b[" not in answer.stdout + answer.stderr, words


def test_doctor_says_that_the_default_isolation_can_be_enforced(hood):
    answer = hood.call("doctor")
    # Where a layer cannot be had, it says so, and that is its exit code.
    assert answer.exit_code == (1 if hood.weakened else 0), answer.explain()
    for layer in ("memory", "cpu", "pids", "namespaces", "filesystem", "privileges", "seccomp", "landlock", "network", "disk"):
        assert layer in answer.text, answer.explain()


def test_explain_prints_the_plan_and_makes_nothing(hood):
    answer = hood.call("explain", "--", "true")
    assert answer.exit_code == 0 and "seccomp" in answer.text and not hood.runs(), answer.explain()


def test_gc_removes_finished_runs_only(hood):
    finished = hood.run("true").result["run_id"]
    running = hood.submit("sleep", "60")
    answer = hood.call("gc", "--older-than", "0")
    assert hood.runs() == [running], f"{finished} stays\n{answer.explain()}"
    hood.call("kill", running)
