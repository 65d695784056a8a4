"""Each example, run as its reader would run it: whole, in a copy of its directory, with the answers that are known."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import machine

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GENOME = Path("/usr/share/doc/bowtie/examples/genomes/NC_008253.fna.gz")


def folder(hood, name):
    """A copy of an example's directory that belongs to whoever starts Fumehood."""
    directory = hood.folder(name)
    for source in (EXAMPLES / name).iterdir():
        if source.is_file():
            hood.give(Path(shutil.copy(source, directory)))
    return directory


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def run(hood, directory, *words):
    """`fumehood run` in an example's directory, which must be the same afterwards."""
    before = contents(directory)
    evidence = hood.top / "tmp" / "result.json"
    evidence.unlink(missing_ok=True)
    answer = hood.call("run", "--result", evidence, *words, cwd=directory, seconds=120)
    if evidence.exists():
        answer.result = json.loads(evidence.read_text(encoding="utf-8"))
    assert contents(directory) == before, "the run changed its project"
    return answer


def output(answer, name):
    return (answer.directory / "work" / name).read_text(encoding="utf-8")


def rows(answer, name):
    return [line.split("\t") for line in output(answer, name).splitlines()]


def test_the_pipeline_tells_the_mass_of_each_species(hood):
    answer = run(hood, folder(hood, "penguins"), "pipeline.toml")
    assert answer.exit_code == 0 and answer.result["status"] == "COMPLETED", answer.explain()
    table = rows(answer, "mass.tsv")
    assert table[0] == ["species", "sex", "penguins", "mean_mass_g"]
    assert ["Gentoo", "male", "61", "5484.8"] in table and len(table) == 7
    assert [each["path"] for each in answer.result["outputs"]] == ["mass.tsv"], answer.explain()


def test_a_pipeline_fails_with_the_step_that_fails(hood):
    directory = folder(hood, "penguins")
    (directory / "penguins.csv").unlink()
    answer = run(hood, directory, "pipeline.toml")
    assert answer.result["status"] == "FAILED" and answer.result["reason"] == "exited", answer.explain()


def test_the_database_is_read_from_a_snapshot_and_keeps_its_rows(hood):
    directory = folder(hood, "penguins")
    subprocess.run(["/usr/bin/python3", "make_database.py"], cwd=directory, check=True, timeout=60)
    hood.give(directory / "penguins.sqlite")
    answer = run(hood, directory, "database.yaml")  # which compares the database's bytes
    assert answer.exit_code == 0, answer.explain()
    assert ["Biscoe", "Gentoo", "123", "217.2", "5076.0"] in rows(answer, "by_island.tsv")
    assert "0 rows left in the snapshot" in answer.text


def test_the_limits_of_a_spec_are_those_of_the_record(hood):
    answer = run(hood, folder(hood, "penguins"), "limits.json")
    assert answer.exit_code == 0, answer.explain()
    estimate = json.loads(output(answer, "difference.json"))
    assert estimate["difference_g"] == 1375.4 and 1200 < estimate["from_g"] < 1375.4 < estimate["to_g"] < 1550
    spec = json.loads((EXAMPLES / "penguins/limits.json").read_text(encoding="utf-8"))
    limits = json.loads((answer.directory / "resolved.json").read_text(encoding="utf-8"))["limits"]
    assert {name: value for name, value in spec.items() if name in limits} == limits


@pytest.fixture
def genome():
    import importlib.util  # only here: what is asked of is the interpreter's own packages

    missing = [name for name in ("numpy", "matplotlib") if importlib.util.find_spec(name) is None]
    if not GENOME.exists():
        missing.append("bowtie-examples")
    if missing:
        machine.unmet("demo", f"{', '.join(missing)} not installed: tools/bootstrap demo")


@pytest.mark.only_as("root", "user")
def test_the_demo_finds_the_origin_of_replication(hood, genome):
    answer = run(hood, folder(hood, "demo"), "gc_skew.yaml")
    assert answer.exit_code == 0, answer.explain()
    found = {row[0]: row for row in rows(answer, "results/origin.tsv")}
    # oriC is known to the base; the lowest point of the skew comes within a thousandth of the chromosome.
    assert found["origin"][1] == "4109386" and int(found["origin"][4]) < 1000
    assert found["terminus"][1] == "1546779" and int(found["terminus"][4]) < 5000
    assert len(rows(answer, "results/gc_skew.tsv")) == 495
    assert (answer.directory / "work/results/gc_skew.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.only_as("root", "user")
def test_the_demo_shows_a_run_that_its_memory_limit_ends(hood, genome):
    answer = run(hood, folder(hood, "demo"), "kmers.yaml")
    assert answer.exit_code == 137 and answer.result["reason"] == "memory_limit", answer.explain()
    assert "256 MiB" in answer.notes and "--memory 512" in answer.notes


ANALYSES = {
    "classifier": ("sklearn", "weights.tsv", "roc.png", "mean area under the curve 0.9952 over 569 tumours"),
    "variants": ("samtools", "variants.tsv", "coverage.png", "planted 25, found 25"),
    "single_cell": ("r-bioc", "clusters.tsv", "clusters.png", "15661 genes, 268 cells, 5 clusters"),
}


@pytest.mark.on_host
@pytest.mark.only_as("root", "user")
@pytest.mark.parametrize("name", ANALYSES)
def test_an_analysis_has_its_known_answer_and_its_tables_twice(hood, name):
    need, table, figure, answer = ANALYSES[name]
    machine.need(need)
    directory = folder(hood, "analyses")
    first, second = (run(hood, directory, f"{name}.yaml") for _ in range(2))
    assert first.exit_code == second.exit_code == 0, first.explain()
    assert answer in first.text, first.explain()
    assert output(first, table) == output(second, table) and len(rows(first, table)) > 20
    assert (first.directory / "work" / figure).read_bytes().startswith(b"\x89PNG")
    assert {table, figure} <= {each["path"] for each in first.result["outputs"]}
    assert hood.call("verify", first.result["run_id"]).exit_code == 0
