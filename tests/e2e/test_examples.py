"""Each example, run as its reader would run it: whole, in a copy of its directory, with the answers that are known."""

import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness import machine

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
JULIA = EXAMPLES.parent / "tests/testbeds/julia"
NOT_TO_BE_HAD = 75  # its exit status where the packages cannot be had
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


@pytest.fixture(scope="session")
def julia(session_directory):
    """The archive of Julia's root file system, where every user can read it."""
    made = subprocess.run([JULIA], capture_output=True, text=True, timeout=600, check=False)
    if made.returncode == NOT_TO_BE_HAD:
        machine.unmet("julia", made.stderr.strip())
    assert made.returncode == 0, made.stderr
    return shutil.copy(made.stdout.strip(), session_directory)


def least_angles():
    """The same path by another's code: scikit-learn's, one row of coefficients a step."""
    code = """
import json, numpy
from sklearn.datasets import load_diabetes
from sklearn.linear_model import lars_path
data = load_diabetes(scaled=False)
X = data.data - data.data.mean(axis=0)
_, _, coefficients = lars_path(X / numpy.sqrt((X ** 2).sum(axis=0)), data.target - data.target.mean(), method="lasso")
print(json.dumps([data.feature_names, coefficients.T.tolist()]))
"""
    return json.loads(subprocess.run(["/usr/bin/python3", "-c", code], check=True, capture_output=True, timeout=300).stdout)


@pytest.mark.on_host
@pytest.mark.only_as("root", "user")
def test_julia_comes_from_packages_and_its_analysis_has_the_published_answer(hood, julia):
    machine.need("sklearn")
    added = hood.call("runtimes", "add", "julia", "--root", julia, "--import", "LinearAlgebra", "--import", "Statistics", seconds=600)
    assert added.exit_code == 0 and "rootfs" in added.text, added.explain()
    known = json.loads(hood.call("runtimes", "show", "julia", "--json").text)
    assert known["language"] == "julia" and known["health"]["state"] == "healthy" and not known["built_in"], known
    directory = folder(hood, "analyses")
    first, second = (run(hood, directory, "diabetes.yaml") for _ in range(2))
    assert first.exit_code == second.exit_code == 0, first.explain()
    # The order of the measurements, their number by Cp, and the twelve steps are those of Efron et al. 2004, section 1 to 4.
    assert "442 patients, 12 steps; Cp is least after 7, with bmi s5 bp s3 sex s6 s1" in first.text, first.explain()
    for name in ("path.tsv", "path.svg"):
        assert output(first, name) == output(second, name)
    header, *steps = rows(first, "path.tsv")
    names, coefficients = least_angles()
    assert header[3:] == names and [float(cell) for row in steps for cell in row[3:]] == pytest.approx(
        [cell for row in coefficients[1:] for cell in row], abs=0.001)
    drawn = ElementTree.fromstring(output(first, "path.svg"))
    assert len(drawn.findall("{http://www.w3.org/2000/svg}polyline")) == len(names)
    assert {"path.tsv", "path.svg"} <= {each["path"] for each in first.result["outputs"]}
    resolved = json.loads((first.directory / "resolved.json").read_text(encoding="utf-8"))
    assert resolved["runtime"]["kind"] == "rootfs" and known["identity"] and resolved["runtime"]["identity"] == known["identity"], resolved["runtime"]
    assert hood.call("verify", first.result["run_id"]).exit_code == 0
