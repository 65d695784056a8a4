"""Named runtimes: what is offered works, what does not is refused with its reason, and nothing of the host leaks in."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import machine

PYTHON = "/usr/bin/python3"
TOP = Path(__file__).resolve().parents[2]


def catalog(hood):
    listed = hood.call("runtimes", "ls", "--json")
    assert listed.exit_code == 0, listed.explain()
    return {entry["name"]: entry for entry in json.loads(listed.text)["runtimes"]}


@pytest.fixture
def virtualenv(hood):
    path = hood.top / "venvs" / "cells"
    hood.folder("venvs")
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", str(path)], check=True)
    packages = next(path.glob("lib/python3*/site-packages"))
    (packages / "labtool.py").write_text("ANSWER = 42\n")
    for entry in [path, *path.rglob("*")]:
        hood.give(entry)
    return path


def test_the_built_in_runtimes_are_listed_and_the_absent_is_told_apart(hood):
    known = catalog(hood)
    assert {"python3", "r-base", "julia"} <= set(known)
    for name, interpreter in (("r-base", "/usr/bin/Rscript"), ("julia", "/usr/bin/julia")):
        if os.path.exists(interpreter):
            continue
        assert known[name]["health"]["state"] == "absent"
        run = hood.run("true", flags=["--runtime", name])
        assert run.exit_code == 2 and "runtime_unhealthy" in run.errors and interpreter in run.errors, run.explain()
        assert "get it with" in run.errors and not hood.runs(), run.explain()
        if name == "julia":
            assert "tools/get-julia " in run.errors, run.explain()
            assert machine.TESTBED or os.access(TOP / "tools/get-julia", os.X_OK)  # a bed has no sources


def test_a_check_runs_the_interpreter_and_is_kept(hood):
    checked = hood.call("runtimes", "check", "python3")
    assert (checked.exit_code, "healthy" in checked.text) == (0, True), checked.explain()
    health = catalog(hood)["python3"]["health"]
    version = subprocess.run([PYTHON, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True, check=True)
    assert (health["state"], health["version"]) == ("healthy", version.stdout.strip())
    assert not hood.runs()  # a check is no run of the user's


def test_a_virtualenv_is_added_and_a_run_gets_exactly_it(hood, virtualenv):
    added = hood.call("runtimes", "add", "cells", "--prefix", virtualenv, "--import", "labtool")
    assert added.exit_code == 0, added.explain()
    entry = catalog(hood)["cells"]
    assert entry["sources"] == [{"kind": "virtualenv", "location": str(virtualenv), "digest": "", "owned": False}]
    run = hood.run("python", "-c", "import labtool, sys; print(labtool.ANSWER, sys.prefix)", flags=["--runtime", "cells"])
    assert run.text == f"42 {virtualenv}\n", run.explain()
    resolved = json.loads((hood.run_directory(run.result["run_id"]) / "resolved.json").read_text())
    assert (resolved["runtime"]["name"], resolved["runtime"]["location"]) == ("cells", str(virtualenv))
    written = hood.run("python", "-c", f"open('{virtualenv}/planted', 'w')", flags=["--runtime", "cells"])
    assert written.exit_code == 1 and not (virtualenv / "planted").exists(), written.explain()


def test_what_fails_its_check_is_not_added(hood, virtualenv):
    added = hood.call("runtimes", "add", "cells", "--prefix", virtualenv, "--import", "nosuchpackage", "--import", "labtool")
    assert added.exit_code != 0 and "nosuchpackage" in added.errors and "cells" not in catalog(hood), added.explain()


def test_what_breaks_later_is_refused_with_its_reason_and_a_healthy_name(hood, virtualenv):
    assert hood.call("runtimes", "add", "cells", "--prefix", virtualenv, "--import", "labtool").exit_code == 0
    assert hood.call("runtimes", "check", "python3").exit_code == 0
    next(virtualenv.glob("lib/python3*/site-packages/labtool.py")).write_text("raise ImportError('damaged')\n")
    checked = hood.call("runtimes", "check", "cells")
    assert checked.exit_code == 1 and "damaged" in checked.text, checked.explain()
    run = hood.run("true", flags=["--runtime", "cells"])
    assert run.exit_code == 2 and not hood.runs(), run.explain()
    for word in ("runtime_unhealthy", "labtool", "damaged", "python3", "runtimes check cells"):
        assert word in run.errors, run.explain()


def test_what_has_gone_is_refused(hood, virtualenv):
    assert hood.call("runtimes", "add", "cells", "--prefix", virtualenv).exit_code == 0
    shutil.rmtree(virtualenv)
    run = hood.run("true", flags=["--runtime", "cells"])
    assert run.exit_code == 2 and "runtime_unhealthy" in run.errors and str(virtualenv) in run.errors, run.explain()
    assert catalog(hood)["cells"]["health"]["state"] == "absent"
    assert hood.call("runtimes", "remove", "cells").exit_code == 0
    assert "cells" not in catalog(hood)


def test_an_unknown_name_is_answered_with_the_nearest(hood):
    run = hood.run("true", flags=["--runtime", "pyhton3"])
    assert run.exit_code == 2 and "did you mean python3" in run.errors, run.explain()


@pytest.mark.parametrize("words", [["add"], ["add", "../x", "--prefix", "/usr"], ["add", "x", "--prefix", "/nosuch"], ["add", "x", "--prefix", "/usr"],
                                   ["lss"], ["show"], ["remove", "python3"], ["ls", "--deep"], ["show", "python3", "more"]])
def test_a_wrong_call_changes_nothing(hood, words):
    called = hood.call("runtimes", *words)
    assert called.exit_code == 2 and called.errors, called.explain()
    assert not any(hood.state.glob("runtimes/*/entry.json"))


# Each with a program that shows it, as the host's own interpreter is led by it.
PLANT = "import plant; print('LEAKED')"
LEAKS = {
    "PYTHONPATH": ("{top}/plants", [PYTHON, "-c", PLANT]),
    "PYTHONHOME": ("{top}/plants", [PYTHON, "-c", "print('in')"]),
    "PYTHONSTARTUP": ("{top}/plants/plant.py", [PYTHON, "-c", "import os; print('LEAKED' if 'PYTHONSTARTUP' in os.environ else 'in')"]),
    "PYTHONUSERBASE": ("{top}/userbase", [PYTHON, "-c", PLANT]),
    "LD_LIBRARY_PATH": ("{top}/plants", ["sh", "-c", "echo ${LD_LIBRARY_PATH+LEAKED}"]),
    "LD_PRELOAD": ("{top}/plants/none.so", ["sh", "-c", "echo ${LD_PRELOAD+LEAKED}"]),
    "R_LIBS": ("{top}/plants", ["Rscript", "-e", "cat(if (any(grepl('plants', .libPaths()))) 'LEAKED')"]),
    "R_LIBS_USER": ("{top}/plants", ["Rscript", "-e", "cat(if (any(grepl('plants', .libPaths()))) 'LEAKED')"]),
    "R_LIBS_SITE": ("{top}/plants", ["Rscript", "-e", "cat(if (any(grepl('plants', .libPaths()))) 'LEAKED')"]),
    "R_PROFILE_USER": ("{top}/plants/profile.R", ["Rscript", "-e", "cat('')"]),
    "R_ENVIRON_USER": ("{top}/plants/environ", ["Rscript", "-e", "cat(Sys.getenv('PLANTED'))"]),
    "JULIA_LOAD_PATH": ("{top}/plants", ["sh", "-c", "echo ${JULIA_LOAD_PATH+LEAKED}"]),
    "JULIA_DEPOT_PATH": ("{top}/plants", ["sh", "-c", "echo ${JULIA_DEPOT_PATH+LEAKED}"]),
    "JULIA_PROJECT": ("{top}/plants", ["sh", "-c", "echo ${JULIA_PROJECT+LEAKED}"]),
    "LC_ALL": ("de_DE.UTF-8", ["sh", "-c", "echo ${LC_ALL+LEAKED}"]),
    "TZ": ("Asia/Tokyo", [PYTHON, "-c", "import time; print('LEAKED' if time.timezone else 'in')"]),
    "MY_LAB_TOKEN": ("hunter2", ["sh", "-c", "echo ${MY_LAB_TOKEN+LEAKED}"]),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_variable_of_the_host_does_not_reach_a_run(hood, name):
    value, command = LEAKS[name]
    if command[0] == "Rscript":
        machine.need("r")
    value = value.format(top=hood.top)
    hood.file("plants/plant.py")
    hood.file("plants/profile.R", "cat('LEAKED')\n")
    hood.file("plants/environ", "PLANTED=LEAKED\n")
    version = subprocess.run([PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True, check=True).stdout.strip()
    hood.file(f"userbase/lib/python{version}/site-packages/plant.py")
    environment = hood.environment(**{name: value})
    bare = subprocess.run(command, env=environment, cwd=hood.work, capture_output=True, text=True, check=False)
    # Without the hood it acts: it shows itself, or (PYTHONHOME) nothing works any more.
    assert "LEAKED" in bare.stdout or bare.returncode != 0, (bare.stdout, bare.stderr)
    sealed = hood.run(*command, environment=environment)
    assert "LEAKED" not in sealed.text, sealed.explain()
    if command[-1] != PLANT:
        assert sealed.exit_code == 0, sealed.explain()


def test_a_run_sees_no_variable_that_nobody_listed(hood):
    run = hood.run("env", "-0", flags=["--env", "ASKED=for"], environment=hood.environment(ANYTHING="else"))
    names = {entry.partition("=")[0] for entry in run.text.split("\0") if entry}
    documented = {"FUMEHOOD", "HOME", "LANG", "LOGNAME", "USER", "SHELL", "PATH", "PWD", "TMPDIR", "TZ", "PYTHONNOUSERSITE", "R_LIBS_USER", "R_ENVIRON_USER",
                  "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"}
    assert names == documented | {"ASKED"}, run.explain()


def test_the_time_zone_is_utc_unless_asked_for(hood):
    clock = [PYTHON, "-c", "import time; print(time.strftime('%Z', time.localtime(0)))"]
    assert hood.run(*clock).text == "UTC\n"
    assert hood.run(*clock, flags=["--env", "TZ=Asia/Tokyo"]).text == "JST\n"
