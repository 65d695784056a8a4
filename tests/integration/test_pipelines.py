"""Pipelines: what is run and what is not, what is told, and that a kill at any moment repeats no finished step and doubles none."""

import json
import os
import signal
import sqlite3

import pytest

from harness import kernel

SMALL = """
name: small
steps:
  make:
    command: mkdir out; for i in 1 2; do echo $i >out/$i.txt; done
    outputs: [out]
  each:
    foreach: [1, 2]
    inputs: [{from: make, path: "out/{item}.txt", to: in.txt}]
    command: cat in.txt table.txt >r{item}.txt
    outputs: ["r{item}.txt"]
  all:
    inputs: [{from: each, path: "r{each}.txt"}]
    command: cat r1.txt r2.txt >all.txt
    outputs: [all.txt]
"""
STEPS = ["make", "each[1]", "each[2]", "all"]


# By a pattern, since a file that the command names would be part of its key.
UNTIL_GO = "until grep -q now g?; do sleep 0.05; done"


def go_on(hood):
    hood.file("work/go", "now\n")


def pipeline(hood, text=SMALL, name="p.yaml"):
    hood.file("work/table.txt", "a table\n")
    return hood.file(f"work/{name}", text)


def run(hood, *words, file="p.yaml", verb="run", seconds=120):
    """`fumehood pipeline run`, with what it says as JSON."""
    answer = hood.call("pipeline", verb, file, "--json", *words, seconds=seconds)
    if answer.text:
        answer.result = json.loads(answer.text)
    return answer


def states(answer):
    return {step["id"]: step["state"] for step in answer.result["steps"]}


def why(hood, file="p.yaml"):
    answer = hood.call("pipeline", "status", file, "--json")
    return {step["id"]: step["why"] for step in json.loads(answer.text)["steps"]}


def labels(hood):
    """Of each run that there is its labels; of those that wait, too."""
    directory = hood.state / "runs"
    return [json.loads((directory / run_id / "spec.json").read_text(encoding="utf-8")).get("labels", {}) for run_id in hood.runs()]


def runs_of(hood):
    """By step, how many runs of it there are."""
    counts = {}
    for label in labels(hood):
        counts[label.get("step")] = counts.get(label.get("step"), 0) + 1
    return counts


def journal(hood):
    """The whole lines of the one journal."""
    lines = []
    for path in (hood.state / "pipelines").glob("*/journal.jsonl"):
        for line in path.read_bytes().split(b"\n")[:-1]:
            lines.append(json.loads(line))
    return lines


def finished(hood):
    """The steps that the journal knows to be COMPLETED."""
    lines = journal(hood)
    intents = {line["intent"]: line["step"] for line in lines if line["type"] == "intent"}
    return {intents[line["intent"]] for line in lines if line["type"] == "ended" and line["status"] == "COMPLETED"}


def output(answer, step, name):
    directory = next(each["work_dir"] for each in answer.result["steps"] if each["id"] == step)
    with open(os.path.join(directory, name), encoding="utf-8") as file:
        return file.read()


def kill_all(hood, process):
    """kill -9 of the pipeline and of everything that it has started, keepers and runs."""
    process.kill()
    kernel.kill_processes_with(str(hood.top))
    process.communicate(timeout=60)


@pytest.mark.core
def test_steps_run_once_and_only_again_where_something_changed(hood):
    file = pipeline(hood)
    first = run(hood)
    assert first.exit_code == 0 and states(first) == dict.fromkeys(STEPS, "completed"), first.explain()
    assert output(first, "all", "all.txt") == "1\na table\n2\na table\n"
    again = run(hood)
    assert again.exit_code == 0 and states(again) == dict.fromkeys(STEPS, "up_to_date"), again.explain()
    # What the command names, in the work directory.
    hood.file("work/table.txt", "another table\n")
    because = why(hood)
    assert because["each[1]"].startswith("file 'table.txt' changed since run 01"), because
    assert because["make"].startswith("unchanged since run 01") and because["all"] == "needs each[1], which is to be run", because
    third = run(hood)
    assert states(third) == {"make": "up_to_date", "each[1]": "completed", "each[2]": "completed", "all": "completed"}, third.explain()
    assert output(third, "all", "all.txt") == "1\nanother table\n2\nanother table\n"
    # Taken back: the runs of before count again.
    hood.file("work/table.txt", "a table\n")
    assert states(run(hood)) == dict.fromkeys(STEPS, "up_to_date")
    # The step before is run, its output is the same, and nothing after it is run.
    file.write_text(SMALL.replace("mkdir out;", "mkdir  out; true;"), encoding="utf-8")
    assert why(hood)["make"] == "command changed: true; was added"
    assert states(run(hood)) == {**dict.fromkeys(STEPS, "up_to_date"), "make": "completed"}
    # More memory is nothing that a result depends on.
    file.write_text(SMALL.replace("steps:", "defaults: {memory_limit_mb: 300}\nsteps:"), encoding="utf-8")
    assert states(run(hood)) == dict.fromkeys(STEPS, "up_to_date")
    assert not list((hood.state / "pipelines").glob("*/given"))


def test_outputs_that_are_gone_or_changed_are_made_again(hood):
    pipeline(hood)
    first = run(hood)
    runs = {step["id"]: step for step in first.result["steps"]}
    os.unlink(os.path.join(runs["each[1]"]["work_dir"], "r1.txt"))
    assert why(hood)["each[1]"] == f"the outputs of run {runs['each[1]']['run_id']} are gone: 'r1.txt' of run {runs['each[1]']['run_id']} is gone"
    second = run(hood)
    assert states(second) == {**dict.fromkeys(STEPS, "up_to_date"), "each[1]": "completed"}, second.explain()
    # Another byte, the same size: only --verify sees it, and the next step is not given it.
    path = os.path.join(runs["each[2]"]["work_dir"], "r2.txt")
    with open(path, "r+", encoding="utf-8") as file:
        file.write("X")
    assert states(run(hood)) == dict.fromkeys(STEPS, "up_to_date")
    refused = run(hood, "--rerun", "all")
    assert refused.exit_code == 1 and states(refused)["all"] == "failed", refused.explain()
    assert "is not what the run left" in json.dumps(refused.result), refused.explain()
    third = run(hood, "--verify")
    assert states(third)["each[2]"] == "completed" and third.exit_code == 0, third.explain()
    # Removed with its record.
    assert hood.call("gc", "--older-than", "0").exit_code == 0
    assert why(hood)["make"].startswith("the record of run 01") and why(hood)["make"].endswith("is gone")
    assert run(hood).exit_code == 0


def test_every_mistake_is_told_at_once_and_nothing_is_made(hood):
    pipeline(hood, """
steps:
  a: {command: [x], needs: [c]}
  b: {command: [x], needs: [a], memory_limit_mb: none}
  c: {command: [x], needs: [b, d], inputs: [{path: not-there.txt}], runtime: pyton3}
  e: {command: [x], inputs: [{from: f, path: y.txt}]}
  f: {command: [x], outputs: [x.txt]}
""")
    answer = run(hood)
    assert answer.exit_code == 2, answer.explain()
    told = {(each["field"], each["line"]): each["message"] for each in json.loads(answer.errors)["error"]["problems"]}
    assert told[("steps.a", 3)] == "is in a circle of steps that need each other: a needs c needs b needs a", told
    assert told[("steps.b.memory_limit_mb", 4)].startswith("is the text 'none'"), told
    assert told[("steps.c.needs[1]", 5)].startswith("is 'd': there is no such step"), told
    assert "there is no such file" in told[("steps.c.inputs[0].path", 5)], told
    assert "python3" in told[("steps.c.runtime", 5)], told
    assert told[("steps.e.inputs[0].path", 6)].startswith("is 'y.txt', which the step 'f' does not give"), told
    assert not (hood.state / "pipelines").exists() and not hood.runs()


def test_a_step_that_fails_keeps_from_running_what_needs_it(hood):
    text = f"""
steps:
  bad: {{command: "echo broken >&2; exit 3"}}
  after: {{needs: [bad], command: "true"}}
  last: {{needs: [after], command: "true"}}
  slow: {{command: "{UNTIL_GO}"}}
  other: {{needs: [slow], command: "true"}}
"""
    hood.file("work/go", "")
    pipeline(hood, text)
    process = hood.start("pipeline", "run", "p.yaml", "--json", "--jobs", "2")
    assert kernel.wait_until(lambda: any(line.get("status") == "FAILED" for line in journal(hood)) and "slow" in runs_of(hood), 60)
    go_on(hood)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    # What ran has gone on to its end, and nothing more was started.
    assert {step["id"]: step["state"] for step in json.loads(out)["steps"]} == {
        "bad": "failed", "after": "needs_failed", "last": "needs_failed", "slow": "completed", "other": "waiting"}
    went_on = run(hood, "--keep-going")
    assert went_on.exit_code == 1 and states(went_on) == {"bad": "failed", "after": "needs_failed", "last": "needs_failed", "slow": "up_to_date",
                                                            "other": "completed"}, went_on.explain()
    words = hood.call("pipeline", "run", "p.yaml", "-k")
    run_id = [line["run"] for line in journal(hood) if line["type"] == "run"][-1]
    assert f"failed: bad, run {run_id}: " in words.text and f"fumehood logs --stderr {run_id}" in words.text, words.explain()
    assert "not started, since they need what failed: after, last" in words.text, words.explain()
    assert hood.call("logs", "--stderr", run_id).text == "broken\n"
    table = hood.call("pipeline", "status", "--why", "p.yaml").text
    assert f"run {run_id} FAILED: " in table and "5 steps: 1 failed, 2 up to date, 2 waits" in table, table
    pipeline(hood, text.replace("exit 3", "exit 0"))
    assert run(hood, verb="resume").exit_code == 0


def test_the_results_are_brought_where_they_are_wanted(hood):
    pipeline(hood)
    out = hood.top / "work" / "results"
    answer = run(hood, "--out", out)
    assert answer.exit_code == 0 and (out / "all.txt").read_text() == "1\na table\n2\na table\n", answer.explain()
    assert [path.name for path in out.iterdir()] == ["all.txt"]
    (out / "all.txt").write_text("mine\n", encoding="utf-8")
    kept = run(hood, "--out", out)
    assert kept.exit_code == 1 and "--force" in kept.errors and (out / "all.txt").read_text() == "mine\n", kept.explain()
    assert run(hood, "--out", out, "--force").exit_code == 0 and (out / "all.txt").read_text() != "mine\n"
    bad = hood.call("pipeline", "run", "p.yaml", "--out", "/not/there/at/all")
    assert bad.exit_code == 2, bad.explain()


def test_hostile_outputs_of_a_step_reach_no_other(hood):
    secret = hood.file("secret.txt", "secret\n")
    pipeline(hood, f"""
steps:
  bad:
    command: |
      mkdir out; echo good >out/good.txt; ln -s {secret} out/link.txt; mkfifo out/fifo; ln -s / out/root
    outputs: [out]
  next:
    inputs: [{{from: bad, path: out}}]
    command: find out | sort >seen.txt
    outputs: [seen.txt]
  wants:
    inputs: [{{from: bad, path: out/link.txt}}]
    command: "cat out/link.txt"
""")
    answer = run(hood, "-k")
    assert output(answer, "next", "seen.txt").split() == ["out", "out/good.txt"], answer.explain()
    wants = next(step for step in answer.result["steps"] if step["id"] == "wants")
    assert wants["state"] == "failed" and "left no 'out/link.txt'" in wants["notes"], answer.explain()


def test_what_a_link_leads_to_and_a_database_holds_is_in_the_key(hood):
    hood.file("data/v1.txt", "1\n"), hood.file("data/v2.txt", "2\n")
    link = hood.work / "data.txt"
    link.symlink_to(hood.top / "data/v1.txt")
    with sqlite3.connect(hood.work / "samples.sqlite") as database:
        database.execute("create table samples (name)")
    hood.give(hood.work / "samples.sqlite")
    pipeline(hood, """
steps:
  linked: {command: cat in.txt, inputs: [{path: data.txt, to: in.txt}]}
  stored: {command: "test -f $FUMEHOOD_DB_SAMPLES", databases: [{name: samples, path: samples.sqlite}]}
""")
    assert run(hood).exit_code == 0
    assert states(run(hood)) == {"linked": "up_to_date", "stored": "up_to_date"}
    link.unlink()
    link.symlink_to(hood.top / "data/v2.txt")
    with sqlite3.connect(hood.work / "samples.sqlite") as database:
        database.execute("insert into samples values ('a')")
    because = why(hood)
    assert because["linked"].startswith("input 'in.txt' changed since run") and because["stored"].startswith("database 'samples' changed since run"), because
    assert states(run(hood)) == {"linked": "completed", "stored": "completed"}


def test_a_secret_is_in_no_key(hood):
    hood.file("work/token", "hush-hush-hush\n").chmod(0o600)
    pipeline(hood, "steps: {a: {command: 'test ${#TOKEN} = 14', env: {TOKEN: {secret: {file: token}}}}}")
    assert run(hood).exit_code == 0
    text = json.dumps(journal(hood))
    assert "secret of the file token" in text and "hush-hush" not in text


WAITING = f"""
steps:
  first: {{command: "echo 1 >1.txt", outputs: [1.txt]}}
  wait: {{needs: [first], command: "touch begun; {UNTIL_GO}; echo 2 >2.txt", outputs: [2.txt]}}
  last: {{inputs: [{{from: wait, path: 2.txt}}], command: "cat 2.txt >3.txt", outputs: [3.txt]}}
"""


def waiting(hood, *words):
    """A pipeline whose second step has begun, and ends after go_on."""
    hood.file("work/go", "")
    pipeline(hood, WAITING)
    process = hood.start("pipeline", "run", "p.yaml", "--json", *words)
    begun = kernel.wait_until(lambda: any(hood.state.glob("runs/*/attempts/1/work/begun")), 60)
    assert begun, process.kill() or process.communicate()
    return process


def test_what_changes_while_it_is_read_is_run_again(hood):
    pipeline(hood, f"steps: {{a: {{command: 'cat table.txt; touch begun; {UNTIL_GO}'}}}}")
    hood.file("work/go", "")
    process = hood.start("pipeline", "run", "p.yaml", "--json")
    assert kernel.wait_until(lambda: any(hood.state.glob("runs/*/attempts/1/work/begun")), 60)
    hood.file("work/table.txt", "other\n")
    go_on(hood)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "changed while it ran" in out.decode(), out
    assert "changed" in why(hood)["a"]


@pytest.mark.core
def test_after_a_kill_the_run_under_way_is_waited_for_and_not_doubled(hood):
    process = waiting(hood)
    process.kill()
    process.communicate(timeout=60)
    assert why(hood)["wait"].endswith("is under way")
    second = hood.start("pipeline", "resume", "p.yaml")
    told = ""
    while "is waited for" not in told:
        line = second.stderr.readline().decode()
        assert line, told
        told += line
    go_on(hood)
    out, errors = second.communicate(timeout=120)
    assert second.returncode == 0 and b"3 steps: 2 run, 1 up to date" in out, told + errors.decode()
    assert runs_of(hood) == {"first": 1, "wait": 1, "last": 1}


def test_a_run_whose_id_was_never_written_down_is_found_again(hood):
    process = waiting(hood)
    (path,) = (hood.state / "pipelines").glob("*/journal.jsonl")

    def last():
        """The run begins a moment before its id is written down."""
        return json.loads(path.read_text(encoding="utf-8").splitlines()[-1])["type"]

    assert kernel.wait_until(lambda: last() == "run", 60), last()
    process.kill()
    process.communicate(timeout=60)
    # As if the program had died between the submit and the journal.
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]) + lines[-1][:20], encoding="utf-8")
    go_on(hood)
    answer = run(hood, verb="resume")
    assert answer.exit_code == 0 and runs_of(hood) == {"first": 1, "wait": 1, "last": 1}, answer.explain()


def test_two_at_once_on_one_pipeline_the_second_says_so(hood):
    process = waiting(hood)
    second = run(hood)
    assert second.exit_code == 1 and f"by another program (process {process.pid})" in second.errors, second.explain()
    go_on(hood)
    process.communicate(timeout=120)
    assert process.returncode == 0


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_starting_and_leaves_what_runs(hood, sent):
    process = waiting(hood)
    process.send_signal(sent)
    if sent == signal.SIGINT:  # which waits for what runs
        go_on(hood)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + sent, errors
    result = {step["id"]: step["state"] for step in json.loads(out)["steps"]}
    assert result == {"first": "completed", "wait": "completed" if sent == signal.SIGINT else "left", "last": "waiting"}
    if sent == signal.SIGTERM:
        go_on(hood)
    answer = run(hood, verb="resume")
    assert answer.exit_code == 0 and runs_of(hood) == {"first": 1, "wait": 1, "last": 1}, answer.explain()


@pytest.mark.parametrize("how", ["twice", "kill"])
def test_a_second_signal_or_kill_ends_what_runs(hood, how):
    process = waiting(hood, *(["--kill"] if how == "kill" else []))
    process.send_signal(signal.SIGINT)
    if how == "twice":
        assert kernel.wait_until(lambda: signals_taken(process.pid), 60)
        process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    steps = {step["id"]: step for step in json.loads(out)["steps"]}
    assert hood.result(steps["wait"]["run_id"])["status"] == "KILLED"
    go_on(hood)
    answer = run(hood, verb="resume")
    assert answer.exit_code == 0 and runs_of(hood) == {"first": 1, "wait": 2, "last": 1}, answer.explain()


def signals_taken(pid):
    """Whether no signal waits to be read by the process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["ShdPnd"], 16) == 0 and int(fields["SigPnd"], 16) == 0


def test_resume_has_nothing_to_do_where_nothing_was_run(hood):
    pipeline(hood)
    answer = hood.call("pipeline", "resume", "p.yaml")
    assert answer.exit_code == 2 and "`fumehood pipeline run p.yaml` starts it" in answer.errors, answer.explain()


def test_a_pipeline_is_the_same_from_wherever_it_is_run(hood):
    pipeline(hood)
    assert run(hood).exit_code == 0
    elsewhere = hood.folder("elsewhere")
    answer = hood.call("pipeline", "status", "../work/p.yaml", cwd=elsewhere)
    assert answer.exit_code == 0 and "4 steps: 4 up to date" in answer.text, answer.explain()


def test_the_graph_has_each_step_with_its_state(hood):
    pipeline(hood)
    dot = hood.call("pipeline", "graph", "p.yaml").text
    assert dot.startswith('digraph "small" {') and '"each[1]" -> "all";' in dot and '"make" [fillcolor="#fee391", tooltip="to run"];' in dot
    run(hood)
    assert '"make" [fillcolor="#99d8c9", tooltip="up to date"];' in hood.call("pipeline", "graph", "p.yaml").text
    mermaid = hood.call("pipeline", "graph", "p.yaml", "--format", "mermaid").text
    assert mermaid.startswith("flowchart LR\n") and "s0 --> s1" in mermaid
    assert "all (up to date) <- each[1], each[2]" in hood.call("pipeline", "graph", "p.yaml", "--format", "text").text


def many(count):
    """Steps that hang together in a few ways: chains of ten, the last of each a part of one sum."""
    steps = []
    for i in range(count):
        step = {"id": f"s{i}", "command": f"echo {i} >o{i}.txt", "outputs": [f"o{i}.txt"]}
        if i % 10:
            step["inputs"] = [{"from": f"s{i - 1}", "path": f"o{i - 1}.txt"}]
            step["command"] += f"; cat o{i - 1}.txt >>o{i}.txt"
        steps.append(step)
    ends = [i for i in range(count) if i % 10 == 9]
    steps.append({"id": "sum", "inputs": [{"from": f"s{i}", "path": f"o{i}.txt", "to": f"in/{i}"} for i in ends], "command": "cat in/* | sort -n | uniq >sum.txt",
                  "outputs": ["sum.txt"]})
    return {"name": "many", "defaults": {"profile": "tool"}, "steps": steps}


def interrupted(hood, count, kills, seconds):
    hood.file("work/p.json", json.dumps(many(count)))
    known = {}  # of each step that was finished at a kill, how many runs of it there were then
    for i in range(kills):
        process = hood.start("pipeline", "run", "p.json", "--quiet")
        goal = (i + 1) * count // (kills + 1)
        assert kernel.wait_until(lambda: len(finished(hood)) >= goal or process.poll() is not None, seconds), len(finished(hood))
        assert process.poll() is None, process.communicate()
        kill_all(hood, process)
        counts = runs_of(hood)
        known.update({step: counts[step] for step in finished(hood) if step not in known})
        assert {step: counts[step] for step in known} == known
    assert kills * count // (kills + 1) <= len(known) <= count
    answer = run(hood, file="p.json", verb="resume", seconds=seconds)
    assert answer.exit_code == 0, answer.explain()
    assert output(answer, "sum", "sum.txt") == "".join(f"{i}\n" for i in range(count))
    after = runs_of(hood)
    assert len(after) == count + 1 and {step: after[step] for step in known} == known
    # At most what ran when it was killed was run once more.
    assert sum(after.values()) <= count + 1 + kills * (os.cpu_count() or 1), after
    again = run(hood, file="p.json", seconds=seconds)
    assert again.result["counts"]["up_to_date"] == count + 1, again.explain()


def test_sixty_steps_are_killed_three_times_and_none_that_was_finished_is_repeated(hood):
    interrupted(hood, 60, 3, 240)


@pytest.mark.on_host
@pytest.mark.only_as("root")
def test_a_thousand_steps_are_killed_five_times_and_none_that_was_finished_is_repeated(hood):
    interrupted(hood, 1000, 5, 900)
