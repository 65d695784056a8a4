"""The distribution's runtimes: which packages they are, in the record of each run that they had, at no cost to a launch."""

import hashlib
import json
import subprocess

import pytest

PYTHON = "/usr/bin/python3"
# In a mount namespace of its own: an interpreter that looks into another folder than it did.
OTHER_FOLDER = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs "$0" && exec "$@"']


def record_of(hood, run):
    folder = hood.run_directory(run.result["run_id"])
    identity = json.loads((folder / "resolved.json").read_text())["runtime"]["identity"]
    lock = folder / "runtime.lock.json"
    return identity, lock.read_bytes() if lock.exists() else None


def test_a_launch_without_a_check_writes_nothing_of_the_runtime(hood):
    run = hood.run("true")
    assert record_of(hood, run) == ("", None), run.explain()
    assert not (hood.state / "runtimes/python3").exists()


@pytest.mark.parametrize("by", ["check", "lock"])
def test_the_record_has_the_packages_of_the_system(hood, by):
    made = hood.call("runtimes", by, "python3")
    assert made.exit_code == 0, made.explain()
    listed = hood.call("runtimes", "lock", "python3", "--json")
    packages = {(package["manager"], package["name"]): package for package in json.loads(listed.text)["packages"]}
    owner = subprocess.run(["dpkg-query", "-S", subprocess.check_output(["realpath", PYTHON], text=True).strip()], capture_output=True, text=True, check=True)
    name = owner.stdout.split(":")[0]
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=True).stdout
    assert packages["deb", name]["version"] == version and packages["deb", name]["digest"].startswith("sha256:")
    seen = "import importlib.metadata as m; print(*sorted({d.metadata['Name'] + ' ' + d.version for d in m.distributions()}), sep='\\n')"
    inside = hood.run(PYTHON, "-c", seen)
    assert {f"{p['name']} {p['version']}" for (manager, _), p in packages.items() if manager == "pip"} == set(inside.text.splitlines())
    identity, lock = record_of(hood, inside)
    assert lock == listed.text.encode() and identity == hashlib.sha256(lock).hexdigest() != ""
    assert hood.call("verify", inside.result["run_id"]).exit_code == 0


@pytest.mark.on_host
@pytest.mark.only_as("root")
def test_what_changed_since_is_not_claimed(hood):
    assert hood.call("runtimes", "check", "python3").exit_code == 0
    folder = "/usr/lib/python3/dist-packages"
    other = [*OTHER_FOLDER, folder]
    run = hood.run(PYTHON, "-c", "import json", prefix=other)
    assert run.exit_code == 0 and record_of(hood, run) == ("", None), run.explain()
    before = hood.call("runtimes", "lock", "python3", "--json").text
    after = hood.call("runtimes", "lock", "python3", "--json", prefix=other).text
    assert len(json.loads(after)["packages"]) < len(json.loads(before)["packages"])


def test_a_check_of_all_does_not_ask_for_what_nobody_added(hood):
    checked = hood.call("runtimes", "check", "--json")
    states = {entry["name"]: entry["health"]["state"] for entry in json.loads(checked.text)["runtimes"]}
    assert {"python3", "r-base", "julia"} <= set(states)
    assert set(states.values()) <= {"healthy", "absent"} and checked.exit_code == 0, checked.explain()
    one = next((name for name, state in states.items() if state == "absent"), None)
    if one:
        assert hood.call("runtimes", "check", one).exit_code == 1
