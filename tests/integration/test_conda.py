"""src/runtime against prefixes that conda's own tools made, and their activation against that of those tools."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import machine

TOP = Path(__file__).resolve().parents[2]
BED = TOP / "tests/testbeds/conda"
BASE = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere", "LAB_LEFTOVER": "old", "LANG": "C.UTF-8", "ODD": "two\nlines = 'x' \"y\" $z"}


class Maker:
    def __init__(self, tools, channel, folder):
        self.tools, self.channel, self.folder = tools, channel, folder

    def __call__(self, name, *specs):
        prefix = self.folder / "envs" / name
        prefix.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "HOME": str(self.folder)}
        subprocess.run([self.tools, BED, "prefix", self.channel, prefix, *specs], check=True, timeout=300, env=environment)
        return prefix

    def activated(self, prefix, base):
        """The environment after the tool's own program of activation."""
        script = subprocess.run([self.tools, BED, "activation", prefix, base["PATH"]], check=True, capture_output=True, text=True, timeout=60)
        command = ["/bin/bash", "--noprofile", "--norc", "-c", script.stdout + "\nexec /usr/bin/env -0 >&3"]
        with open(self.folder / "dump", "w+b") as dump:
            # As descriptor 3: what the scripts print is no part of it.
            shell = ["/bin/bash", "-c", f'exec 3<>{self.folder}/dump 1>&2; exec "$@"', "bash", *command]
            subprocess.run(shell, check=True, env=base, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
            items = dump.read().split(b"\0")[:-1]
        environment = dict(item.decode().split("=", 1) for item in items)
        return {name: value for name, value in environment.items() if name not in ("_", "PWD", "SHLVL", "OLDPWD")}


@pytest.fixture
def make(tools, channel, tmp_path):
    return Maker(tools, channel, tmp_path)


@pytest.fixture
def probe(pytestconfig):
    program = pytestconfig.build_directory / "release/tests/runtime_probe"
    if not program.exists():
        machine.unmet("driver", f"{program} is not built")

    def run(*words):
        answer = subprocess.run([program, *words], capture_output=True, text=True, timeout=120, check=False)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    return run


def faults(answer):
    return [(what, path) for what, path, _ in answer["faults"]]


# What micromamba and conda set, and rattler leaves to the shells that it writes for: see test_the_names_are_condas.
NAMES = ("CONDA_DEFAULT_ENV", "CONDA_PROMPT_MODIFIER")


def compare(probe, make, prefix, base):
    ours = probe("activate", prefix, *(f"{name}={value}" for name, value in base.items()))
    theirs = make.activated(prefix, base)
    assert {name: value for name, value in ours.items() if name not in NAMES} == {n: v for n, v in theirs.items() if n not in NAMES}
    return ours


def test_activation_is_that_of_the_tool(make, probe):
    prefix = make("lab", "labtools", "pylab-small")
    environment = compare(probe, make, prefix, BASE)
    # Not two empty environments: what the packages' scripts do is in it.
    assert environment["ORDER"] == "2Za"
    assert environment["PROJ_LIB"] == f"{prefix}/share/proj"
    assert environment["PATH"] == f"{prefix}/libexec/labtools:{prefix}/bin:/usr/bin:/bin"
    assert environment["TWO_LINES"] == "first\nsecond"
    assert "LAB_LEFTOVER" not in environment
    assert environment["ODD"] == BASE["ODD"]
    assert (environment["CONDA_DEFAULT_ENV"], environment["CONDA_PROMPT_MODIFIER"]) == ("lab", "(lab) ")


def test_activation_of_a_prefix_without_scripts(make, probe):
    prefix = make("bare", "python")
    environment = compare(probe, make, prefix, {"PATH": "/usr/bin:/bin"})
    assert sorted(environment) == ["CONDA_DEFAULT_ENV", "CONDA_PREFIX", "CONDA_PROMPT_MODIFIER", "CONDA_SHLVL", "PATH"]


def test_variables_of_the_user_win_over_those_of_packages(make, probe):
    prefix = make("lab", "labtools")
    state = {"env_vars": {"TOOLS_MODE": "user", "MINE": "1 2"}}
    (prefix / "conda-meta/state").write_text(json.dumps(state))
    environment = compare(probe, make, prefix, BASE)
    assert (environment["TOOLS_MODE"], environment["TOOLS_DATA"], environment["MINE"]) == ("user", "yes", "1 2")


def test_the_environment_runs(make, probe):
    """The interpreter of the prefix, by the environment that we worked out."""
    prefix = make("lab", "labtools")
    environment = probe("activate", prefix, *(f"{name}={value}" for name, value in BASE.items()))
    run = subprocess.run(["python", "-c", "import sys; print(sys.prefix)"], env=environment, executable=prefix / "bin/python",
                         capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == str(prefix)
    assert subprocess.run([prefix / "bin/tool"], env=environment, capture_output=True, text=True, check=True, timeout=60).stdout == "tool ok\n"


def test_prefixes_are_found_by_the_list_that_the_tools_keep(make, probe, tmp_path):
    prefix = make("lab", "pylab-small")
    (tmp_path / ".conda").mkdir(exist_ok=True)
    (tmp_path / ".conda/environments.txt").write_text(f"/gone\n{prefix}\n")
    found = probe("find", tmp_path)
    assert found[str(prefix)] == "lab"
    assert "/gone" not in found
    (tmp_path / ".conda/environments.txt").unlink()
    assert str(prefix) not in probe("find", tmp_path)
    assert probe("find", tmp_path, f"CONDA_ENVS_PATH={prefix.parent}")[str(prefix)] == "lab"


def test_a_prefix_is_whole_as_it_was_made(make, probe):
    prefix = make("lab", "labtools", "pylab-small")
    assert (prefix / "bin/pylab").exists(), "written by the tool, not by a package"
    quick = probe("check", "conda", prefix)
    assert (quick["faults"], quick["packages"]) == ([], 3)
    subprocess.run([prefix / "bin/python", "-c", "import json"], check=True, timeout=60)  # leaves compiled files
    deep = probe("deep", "conda", prefix)
    assert deep["faults"] == []
    assert deep["files"] > 200
    assert deep["bytes"] > 10_000_000
    assert deep["fingerprint"] == quick["fingerprint"]


def test_damage_is_found(make, probe):
    prefix = make("lab", "labtools", "pylab-small")
    site = next(prefix.glob("lib/python3*/site-packages"))
    whole = probe("check", "conda", prefix)["fingerprint"]
    (prefix / "etc/conda/activate.d/a.sh").unlink()
    (prefix / "share/labtools/current").unlink()
    (prefix / "share/labtools/current").symlink_to("nothing")
    (site / "foreign.py").write_text("")
    target = next(prefix.glob("lib/python3*/json/__init__.py"))
    content = target.read_bytes()
    times = target.stat()
    target.write_bytes(content.replace(b"dumps", b"dumpz", 1))
    name = str(target.relative_to(prefix))
    found = [("missing", "etc/conda/activate.d/a.sh"), ("broken link", "share/labtools/current")]
    quick = probe("check", "conda", prefix)
    assert faults(quick) == found
    assert quick["fingerprint"] != whole
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))  # whoever hides a change is found by its bytes
    assert sorted(faults(probe("deep", "conda", prefix))) == sorted([*found, ("changed", name), ("foreign", str((site / "foreign.py").relative_to(prefix)))])


def test_an_edit_of_one_environment_is_found_in_its_siblings(make, probe):
    """Files are hard links into the cache of packages: whoever edits one edits all."""
    first, second = make("first", "pylab-small"), make("second", "pylab-small")
    edited = next(first.glob("lib/python3*/site-packages/pylab_small/__init__.py"))
    same = second / edited.relative_to(first)
    if edited.stat().st_ino != same.stat().st_ino:  # each prefix has a cache of its own beside it
        same.unlink()
        os.link(edited, same)
    with open(edited, "r+b") as file:
        file.write(b"VALUE = 43")
    expected = [("changed", str(edited.relative_to(first)))]
    assert faults(probe("deep", "conda", first)) == faults(probe("deep", "conda", second)) == expected


def test_a_prefix_that_was_moved_is_found(make, probe, tmp_path):
    prefix = make("lab", "labtools")
    prefix.rename(tmp_path / "elsewhere")
    assert faults(probe("check", "conda", tmp_path / "elsewhere")) == [("moved", "bin/tool")]


def test_a_record_that_was_cut_is_found(make, probe):
    prefix = make("lab", "pylab-small")
    record = next(prefix.glob("conda-meta/pylab-small-*.json"))
    record.write_bytes(record.read_bytes()[:100])
    assert ("unreadable record", f"conda-meta/{record.name}") in faults(probe("check", "conda", prefix))


def test_an_installation_that_was_killed_is_found(make, probe):
    """rattler marks the prefix as an environment first, and links the packages side by side: python's takes longest."""
    for attempt in range(10):
        prefix = make.folder / "envs" / f"killed{attempt}"
        prefix.parent.mkdir(exist_ok=True)
        command = [make.tools, BED, "prefix", make.channel, prefix, "labtools", "pylab-small"]
        with subprocess.Popen(command, env={**os.environ, "HOME": str(make.folder)}) as tool:
            while tool.poll() is None and not list(prefix.glob("conda-meta/labtools-*.json")):
                pass
            tool.kill()
        if list(prefix.glob("conda-meta/python-*.json")) or not list(prefix.glob("conda-meta/labtools-*.json")):
            continue  # it was faster
        found = faults(probe("check", "conda", prefix))
        assert ("half made", "conda-meta/labtools-1.0-0.json") in found
        return
    pytest.fail("in ten attempts no installation was caught in the middle")


def test_the_lock_is_that_of_the_packages(make, probe):
    first, second = (probe("lock", "conda", make(name, "labtools")) for name in ("first", "second"))
    assert first == second, "the same packages, in two places"
    assert [(p["manager"], p["name"], p["build"]) for p in first["packages"]] == [("conda", "labtools", "0"), ("conda", "python", "0")]
    assert all(p["digest"].startswith("sha256:") and len(p["digest"]) == 71 for p in first["packages"])


def test_a_virtualenv_that_pip_filled(tools, probe, tmp_path):
    """The one that holds the tools: made by venv and pip from PyPI."""
    prefix = tools.parent.parent
    assert probe("deep", "virtualenv", prefix)["faults"] == []
    packages = {p["name"]: p for p in probe("lock", "virtualenv", prefix)["packages"]}
    assert packages["py-rattler"]["manager"] == "pip"
    copy = tmp_path / "copy"
    shutil.copytree(prefix, copy, symlinks=True)
    target = next(copy.glob("lib/python3*/site-packages/rattler/__init__.py"))
    target.write_text(target.read_text() + "\n# edited\n")
    assert sorted(faults(probe("check", "virtualenv", copy))) == sorted([("moved", "bin/pip"), ("changed", str(target.relative_to(copy)))])


def runtimes(hood, *words):
    called = hood.call("runtimes", *words, seconds=120)
    return called


@pytest.fixture
def lab(hood, make):
    """A prefix with scripts of activation, in the catalog."""
    prefix = make("lab", "labtools", "pylab-small")
    for path in [prefix.parents[1], *prefix.parents[1].rglob("*")]:
        hood.give(path)
    prefix.parents[1].chmod(0o755)
    for parent in list(prefix.parents)[2:4]:
        parent.chmod(0o755)
    added = runtimes(hood, "add", "lab", "--prefix", prefix, "--import", "json")
    assert added.exit_code == 0, added.explain()
    return prefix


@pytest.mark.on_host
def test_a_run_has_the_environment_of_the_tools_own_activation(hood, lab, make):
    run = hood.run("env", "-0", flags=["--runtime", "lab"])
    ours = dict(entry.split("=", 1) for entry in run.text.split("\0") if entry)
    bare = hood.run("env", "-0", flags=["--env", "CONDA_PREFIX=none"])
    base = dict(entry.split("=", 1) for entry in bare.text.split("\0") if entry)
    base.pop("CONDA_PREFIX")
    theirs = make.activated(lab, base)
    skip = {*NAMES, "PATH", "PWD"}
    assert {n: v for n, v in ours.items() if n not in skip} == {n: v for n, v in theirs.items() if n not in skip}, run.explain()
    assert ours["PATH"] == f"{lab}/libexec/labtools:{lab}/bin:{base['PATH']}"
    assert ours["CONDA_DEFAULT_ENV"] == "lab"
    assert ours["ORDER"].endswith("2Za")


@pytest.mark.on_host
def test_scripts_run_once_and_again_when_they_changed(hood, lab):
    script = lab / "etc/conda/activate.d/zz-count.sh"
    kept = hood.state / "runtimes/lab"

    def value():
        assert runtimes(hood, "check", "lab").exit_code == 0
        run = hood.run("sh", "-c", "echo $COUNTED", flags=["--runtime", "lab"])
        return run.text.strip()

    script.write_text("export COUNTED=first\n")
    assert value() == "first"
    files = {path: path.stat().st_ino for path in kept.glob("activation*")}
    assert files and value() == "first"
    assert files == {path: path.stat().st_ino for path in kept.glob("activation*")}
    script.write_text("export COUNTED=second\n")
    assert value() == "second"


@pytest.mark.on_host
def test_a_script_that_hangs_or_harms_is_told_and_harms_nobody(hood, lab):
    (lab / "etc/conda/activate.d/zz-harm.sh").write_text(f"echo hacked > {hood.home}/planted\nexit 7\n")
    assert runtimes(hood, "check", "lab").exit_code == 0
    run = hood.run("true", flags=["--runtime", "lab"])
    assert run.exit_code == 2 and "zz-harm.sh" in run.errors and not (hood.home / "planted").exists(), run.explain()
    assert not hood.runs()


@pytest.mark.on_host
def test_a_damaged_prefix_is_refused_before_the_run_and_by_the_check(hood, lab):
    target = next(lab.glob("lib/python3*/site-packages/pylab_small/__init__.py"))
    target.write_text("VALUE = 43\n")
    run = hood.run("true", flags=["--runtime", "lab"])
    assert run.exit_code == 2 and "runtime_unhealthy" in run.errors and not hood.runs(), run.explain()
    checked = runtimes(hood, "check", "--deep", "lab")
    assert checked.exit_code == 1 and "1 changed" in checked.text and str(target.relative_to(lab)) in checked.text, checked.explain()
    listed = {entry["name"]: entry["health"]["state"] for entry in json.loads(runtimes(hood, "ls", "--json").text)["runtimes"]}
    assert listed["lab"] == "unhealthy"


@pytest.mark.on_host
def test_the_record_proves_which_runtime_it_was(hood, lab):
    run = hood.run("true", flags=["--runtime", "lab"])
    folder = hood.run_directory(run.result["run_id"])
    lock = (folder / "runtime.lock.json").read_bytes()
    assert json.loads((folder / "resolved.json").read_text())["runtime"]["identity"] == hashlib.sha256(lock).hexdigest()
    assert runtimes(hood, "lock", "lab", "--json").text.encode() == lock
    assert {"labtools", "pylab-small", "python"} == {p["name"] for p in json.loads(lock)["packages"]}
    assert hood.call("verify", run.result["run_id"]).exit_code == 0
    (folder / "runtime.lock.json").write_bytes(lock.replace(b"3.11", b"3.12"))
    assert hood.call("verify", run.result["run_id"]).exit_code == 1


@pytest.mark.on_host
def test_prefixes_are_discovered_and_say_what_takes_them_in(hood, lab):
    (hood.home / ".conda").mkdir()
    (hood.home / ".conda/environments.txt").write_text(f"{lab}\n")
    found = json.loads(runtimes(hood, "discover", "--json").text)["prefixes"]
    assert [(p["name"], p["path"], p["runtime"]) for p in found if p["path"] == str(lab)] == [("lab", str(lab), "lab")]
