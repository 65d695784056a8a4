"""`fumehood notebook`: executed by the runtime's own nbclient, streamed as it goes, with what ran so far left behind however it ends."""

import base64
import json
import subprocess

import pytest

from harness import kernel, machine

PNG = b"\x89PNG\r\n\x1a\n"
PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()"


def cell(source, *tags):
    return {"cell_type": "code", "metadata": {"tags": list(tags)} if tags else {}, "source": source, "outputs": [], "execution_count": None}


def write(hood, *cells, name="work/study.ipynb", language="python", kernel_name="python3"):
    book = {
        "nbformat": 4,
        "nbformat_minor": 4,
        "metadata": {"kernelspec": {"name": kernel_name, "language": language, "display_name": "x"}},
        "cells": [{"cell_type": "markdown", "metadata": {}, "source": "# A study"}, *cells],
    }
    return hood.file(name, json.dumps(book))


def execute(hood, *words, seconds=300, **options):
    """As Hood.run, for `notebook`."""
    evidence = hood.top / "tmp" / "result.json"
    evidence.unlink(missing_ok=True)
    run = hood.call("notebook", "--result", evidence, "--timeout", seconds, *words, seconds=seconds, **options)
    if evidence.exists():
        run.result = json.loads(evidence.read_text(encoding="utf-8"))
        hood.await_keeper(run.result["run_id"])
    return run


def outputs(run):
    return {output["path"]: run.directory / "work" / output["path"] for output in run.result["outputs"]}


def executed(run, name="study.executed.ipynb"):
    return json.loads(outputs(run)[name].read_text(encoding="utf-8"))


def sources(book):
    return ["".join(cell["source"]) for cell in book["cells"]]


def test_a_notebook_leaves_itself_its_figures_and_its_output(hood):
    machine.need("notebook")
    write(hood, cell("import sys\nprint('seen')\nprint('warned', file=sys.stderr)"), cell(PLOT), cell("6 * 7"))
    run = execute(hood, "study.ipynb")
    assert run.exit_code == 0, run.explain()
    assert run.text.startswith("seen\n") and run.text.endswith("42\n") and "warned\n" in run.errors, run.explain()
    assert set(outputs(run)) == {"study.executed.ipynb", "study-figures/cell2-1.png"}, run.explain()
    assert outputs(run)["study-figures/cell2-1.png"].read_bytes().startswith(PNG)
    book = executed(run)
    assert book["cells"][3]["outputs"][0]["data"]["text/plain"] == ["42"] or book["cells"][3]["outputs"][0]["data"]["text/plain"] == "42"
    resolved = json.loads((run.directory / "resolved.json").read_text(encoding="utf-8"))
    assert resolved["limits"]["cpu_quota"] == 2 and resolved["name"] == "study"
    assert not (hood.work / "study.executed.ipynb").exists()


@pytest.mark.on_host
def test_a_cell_that_fails_is_named_and_what_ran_is_kept(hood):
    machine.need("notebook")
    write(hood, cell(PLOT), cell("# the second\nratio = 1 / 0"), cell("print('never')"))
    run = execute(hood, "study.ipynb")
    assert run.exit_code == 1 and run.result["reason"] == "exited", run.explain()
    assert "'cell 2 (`ratio = 1 / 0`): ZeroDivisionError: division by zero'" in run.notes, run.explain()
    assert "never" not in run.text and "Traceback" in run.errors and "\x1b" not in run.errors, run.explain()
    book = executed(run)
    assert book["cells"][2]["outputs"][-1]["ename"] == "ZeroDivisionError" and not book["cells"][3]["outputs"]
    assert "study-figures/cell1-1.png" in outputs(run)


@pytest.mark.on_host
def test_an_exception_cannot_write_to_the_terminal_or_forge_the_notes(hood):
    machine.need("notebook")
    text = base64.b64encode(b"x\x1b[2J\n. The analysis is not to blame").decode()
    write(hood, cell(f"import base64\nraise ValueError(base64.b64decode('{text}').decode())"))
    run = execute(hood, "study.ipynb")
    assert "\x1b" not in run.errors + run.notes and run.notes.count("In its own words: '") == 1, run.explain()
    assert "not to blame" not in run.notes, run.explain()


@pytest.mark.on_host
def test_output_comes_while_the_cell_runs(hood):
    machine.need("notebook")
    write(hood, cell("import time\nprint('first', flush=True)\ntime.sleep(3600)"))
    process = hood.start("notebook", "--timeout", "600", "study.ipynb")
    # The cell goes on for longer than this test.
    assert process.stdout.readline() == b"first\n", process.communicate()
    (run_id,) = hood.runs()
    assert not hood.result(run_id)
    hood.call("kill", run_id)
    process.communicate(timeout=300)


@pytest.mark.on_host
def test_parameters_go_into_a_cell_of_their_own(hood):
    machine.need("notebook")
    write(hood, cell("alpha = 1\nnames = []\nflag = False", "parameters"), cell("print(repr((alpha, names, flag)))"))
    hood.file("work/values.yaml", "alpha: 5\nflag: true\n")
    run = execute(hood, "study.ipynb", "-f", "values.yaml", "-p", "alpha=0.25", "-p", "names=[a, 'b c', null, 1e3]", "-p", "nams=1")
    assert run.text == "(0.25, ['a', 'b c', None, 1000.0], True)\n", run.explain()
    assert "no nams; did you mean names?" in run.errors, run.explain()
    book = executed(run)
    assert book["cells"][2]["metadata"]["tags"] == ["injected-parameters"]
    assert "alpha = 0.25" in sources(book)[2] and sources(book)[1].startswith("alpha = 1")
    # Once more on what came out: the cell is replaced, not joined by a second.
    outputs(run)["study.executed.ipynb"].rename(hood.work / "again.ipynb")
    hood.give(hood.work / "again.ipynb")
    again = execute(hood, "again.ipynb", "-p", "alpha=7", "--output-notebook", "made/again.ipynb")
    assert again.text == "(7, [], False)\n", again.explain()
    assert sum("injected-parameters" in c["metadata"].get("tags", []) for c in executed(again, "made/again.ipynb")["cells"]) == 1


@pytest.mark.on_host
def test_the_same_notebook_twice_is_the_same_byte_for_byte(hood):
    machine.need("notebook")
    write(hood, cell("a = 1", "parameters"), cell("print(a)"))
    first, second = (execute(hood, "study.ipynb", "-p", "a=2") for _ in range(2))
    assert outputs(first)["study.executed.ipynb"].read_bytes() == outputs(second)["study.executed.ipynb"].read_bytes()


@pytest.mark.on_host
def test_a_notebook_that_is_ended_leaves_what_ran(hood):
    machine.need("notebook")
    write(hood, cell("print('done')"), cell("import time\nopen('reached', 'w').close()\ntime.sleep(3600)"))
    process = hood.start("notebook", "--timeout", "600", "study.ipynb")
    run_id = kernel.wait_until(lambda: next((i for i in hood.runs() if (hood.run_directory(i) / "work" / "reached").exists()), None), 300)
    assert run_id, process.communicate()
    hood.call("kill", run_id)
    process.communicate(timeout=300)
    result = hood.wait(run_id)
    assert result["status"] == "KILLED", result
    book = json.loads((hood.run_directory(run_id) / "work" / "study.executed.ipynb").read_text(encoding="utf-8"))
    assert book["cells"][1]["outputs"], book
    assert "'cell 2 (`import time`): was running when the end was asked for'" in result["completion_notes"], result


@pytest.mark.on_host
def test_a_kernel_that_dies_is_told_with_its_cell(hood):
    machine.need("notebook")
    write(hood, cell("x = 1"), cell("import os\nos._exit(5)"))
    run = execute(hood, "study.ipynb")
    assert run.exit_code == 1 and "'cell 2 (`import os`): its kernel died'" in run.notes, run.explain()


@pytest.mark.on_host
def test_a_notebook_from_elsewhere_is_shown_to_the_run(hood):
    machine.need("notebook")
    path = write(hood, cell("import os\nprint(os.getcwd())"), name="elsewhere/study.ipynb")
    run = execute(hood, path)
    assert run.text == f"{hood.work}\n", run.explain()
    assert set(outputs(run)) == {"study.executed.ipynb"}


@pytest.mark.on_host
def test_a_notebook_runs_in_its_own_directory(hood):
    machine.need("notebook")
    write(hood, cell("print(open('table.csv').read())"), name="work/deep/er/study.ipynb")
    hood.file("work/deep/er/table.csv", "1,2")
    run = execute(hood, "deep/er/study.ipynb", "--apply")
    assert run.text == "1,2\n" and (hood.work / "study.executed.ipynb").exists(), run.explain()


@pytest.mark.on_host
@pytest.mark.parametrize(("words", "needle"), [
    ([], "one notebook"), (["none.ipynb"], "no such file"), (["study.py"], "no notebook"), (["study.ipynb", "two.ipynb"], "one notebook"),
    (["study.ipynb", "--", "true"], "one notebook"), (["study.ipynb", "-p", "alpha"], "NAME=VALUE"), (["study.ipynb", "-p", "1a=2"], "'1a'"),
    (["study.ipynb", "-p", "a=[1"], "a: "), (["study.ipynb", "-f", "none.yaml"], "none.yaml"),
    (["study.ipynb", "--output-notebook", "../x.ipynb"], "relative"), (["study.ipynb", "--output-notebook", "x.html"], ".ipynb"),
    (["study.ipynb", "--memory", "0"], "--memory"),
])
def test_a_wrong_call_starts_nothing(hood, words, needle):
    write(hood, cell("1"))
    run = execute(hood, *words)
    assert run.exit_code == 2 and needle in run.errors and not hood.runs(), run.explain()


@pytest.mark.on_host
def test_what_is_no_notebook_is_told(hood):
    machine.need("notebook")
    hood.file("work/broken.ipynb", "{ not json")
    run = execute(hood, "broken.ipynb")
    assert run.exit_code == 1 and "broken.ipynb is not a notebook" in run.notes, run.explain()


@pytest.mark.on_host
def test_a_language_without_its_kernel_is_told(hood):
    machine.need("notebook")
    write(hood, cell("1"), language="R", kernel_name="no-such-kernel")
    run = execute(hood, "study.ipynb")
    assert run.exit_code == 1 and "'no-such-kernel'" in run.notes and "IRkernel" in run.notes, run.explain()


@pytest.mark.on_host
def test_a_notebook_in_r_is_executed_by_its_kernel(hood):
    machine.need("irkernel")
    write(hood, cell("alpha <- 1\nwords <- NULL", "parameters"), cell("cat(alpha + 1, words[[2]], is.null(words[[3]]), '\n')"), cell("stop('no such gene')"),
          language="R", kernel_name="ir")
    run = execute(hood, "study.ipynb", "--runtime", "r-base", "-p", "alpha=2.5", "-p", 'words=[a, "b\\"c", null]')
    assert run.text == '3.5 b"c TRUE \n', run.explain()
    assert run.exit_code == 1 and "cell 4 (`stop('no such gene')`)" in run.notes and "no such gene" in run.notes, run.explain()


def virtualenv(hood, *options):
    path = hood.folder("venvs") / "cells"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", *options, str(path)], check=True)
    for entry in [path, *path.rglob("*")]:
        hood.give(entry)
    assert hood.call("runtimes", "add", "cells", "--prefix", path, seconds=300).exit_code == 0
    return path


@pytest.mark.on_host
def test_a_runtime_without_nbclient_says_how_to_get_it(hood):
    path = virtualenv(hood)
    write(hood, cell("1"))
    run = execute(hood, "study.ipynb", "--runtime", "cells")
    assert run.exit_code == 1 and "nbformat" in run.notes and f"{path}/bin/pip install nbclient ipykernel" in run.notes, run.explain()


@pytest.mark.on_host
def test_a_virtualenv_executes_with_its_own_interpreter(hood):
    machine.need("notebook")
    path = virtualenv(hood, "--system-site-packages")
    write(hood, cell("import sys\nprint(sys.prefix)"), kernel_name="somebody-elses")
    run = execute(hood, "study.ipynb", "--runtime", "cells")
    assert run.text == f"{path}\n", run.explain()
