"""The pipeline of the examples: its known answer, and the same tables after everything was killed in its middle."""

import json
import shutil
from pathlib import Path

import pytest

from harness import kernel, machine

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/variants_pipeline"


def copy_of(hood, name):
    directory = hood.folder(name)
    for source in EXAMPLE.iterdir():
        hood.give(Path(shutil.copy(source, directory)))
    return directory


def run(hood, directory, *words, verb="run"):
    answer = hood.call("pipeline", verb, "variants.yaml", "--json", *words, cwd=directory, seconds=300)
    assert answer.exit_code == 0, answer.explain()
    return {step["id"]: step for step in json.loads(answer.text)["steps"]}


def tables(steps):
    names = {"call": "variants.tsv", "coverage": "coverage.tsv", "plant": "planted.tsv"}
    return {name: (Path(steps[step]["work_dir"]) / name).read_text(encoding="utf-8") for step, name in names.items()}


def finished(hood, directory):
    """Steps that the journal of this directory's pipeline knows to be done."""
    done, intents = set(), {}
    for path in (hood.state / "pipelines").glob("*/journal.jsonl"):
        for line in map(json.loads, path.read_bytes().split(b"\n")[:-1]):
            if line["type"] == "intent":
                intents[line["intent"]] = line["step"]
            if line["type"] == "ended" and line["status"] == "COMPLETED":
                done.add(intents[line["intent"]])
    return done


def runs_of(hood):
    counts = {}
    for run_id in hood.runs():
        step = json.loads((hood.run_directory(run_id) / "spec.json").read_text(encoding="utf-8"))["labels"]["step"]
        counts[step] = counts.get(step, 0) + 1
    return counts


@pytest.mark.on_host
@pytest.mark.only_as("root", "user")
def test_killed_in_its_middle_it_ends_with_the_same_tables_and_repeats_no_finished_step(hood):
    machine.need("samtools")
    directory = copy_of(hood, "variants_pipeline")
    process = hood.start("pipeline", "run", "variants.yaml", cwd=directory)
    assert kernel.wait_until(lambda: "align[0]" in finished(hood, directory) or process.poll() is not None, 300)
    assert process.poll() is None, process.communicate()
    process.kill()
    kernel.kill_processes_with(str(hood.top))
    process.communicate(timeout=60)
    done, before = finished(hood, directory), runs_of(hood)
    assert {"plant", "index", "lane[0]", "align[0]"} <= done and "call" not in done

    steps = run(hood, directory, verb="resume")
    after = runs_of(hood)
    assert {step: steps[step]["state"] for step in done} == dict.fromkeys(done, "up_to_date")
    assert {step: after[step] for step in done} == {step: before[step] for step in done} == dict.fromkeys(done, 1)
    lines = tables(steps)["variants.tsv"].splitlines()
    assert lines[0] == "position\tplanted\twas\tfound" and [line.split("\t")[3] for line in lines[1:]] == ["yes"] * 25
    assert (Path(steps["plot"]["work_dir"]) / "coverage.png").read_bytes().startswith(b"\x89PNG")

    # Another copy is another pipeline: nobody interrupts it, and its tables are the same bytes.
    results = hood.folder("results")
    whole = run(hood, copy_of(hood, "another"), "--out", results)
    assert {step["state"] for step in whole.values()} == {"completed"}
    assert tables(whole) == tables(steps)
    assert sorted(path.name for path in results.iterdir()) == ["coverage.png", "variants.tsv"]

    # Of a change in the plot only the plot is made anew.
    with open(directory / "plot.py", "a", encoding="utf-8") as script:
        script.write("# a word\n")
    third = run(hood, directory)
    assert [step for step in third if third[step]["state"] == "completed"] == ["plot"]
