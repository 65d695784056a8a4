"""`isolation` in the record is what the kernel says of the analysis while it runs, and what the analysis sees around it."""

import json
import os

import pytest

from harness import kernel, machine

LOOK = """
import json, os
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(json.dumps({
    "namespaces": {name: os.readlink("/proc/self/ns/" + name) for name in os.listdir("/proc/self/ns")},
    "seccomp": status["Seccomp"], "no_new_privs": status["NoNewPrivs"], "capabilities": status["CapEff"] + status["CapBnd"],
    "descriptors": sorted(os.listdir("/proc/self/fd")), "environment": dict(os.environ), "root": sorted(os.listdir("/")),
    "dev": sorted(os.listdir("/dev")), "interfaces": sorted(os.listdir("/sys/class/net")) if os.path.isdir("/sys/class/net") else [],
    "processes": sorted(name for name in os.listdir("/proc") if name.isdigit()), "cwd": os.getcwd(), "uid": os.getuid(),
    "tmp": os.listdir("/tmp"), "sid": os.getsid(0),
}))
"""


@pytest.fixture
def seen(hood):
    run = hood.run("/usr/bin/python3", "-c", LOOK, environment=hood.environment(PYTHONPATH="/nowhere", HOST_SECRET="x"))
    assert run.exit_code == 0, run.explain()
    return json.loads(run.text), run


def test_every_namespace_is_its_own(seen):
    inside, run = seen
    outside = {name: os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")}
    own = {name for name in outside if inside["namespaces"].get(name) != outside[name]}
    assert {"user", "mnt", "pid", "ipc", "uts", "net", "cgroup"} <= own, own
    assert {"user", "mount", "pid", "ipc", "uts", "net", "cgroup"} <= set(run.result["isolation"]["namespaces"])


@pytest.mark.core
def test_no_privilege_is_left(seen):
    inside, run = seen
    assert set(inside["capabilities"]) <= set("0\n"), inside
    assert inside["no_new_privs"] == "1" and inside["seccomp"] == "2", inside
    isolation = run.result["isolation"]
    assert isolation["seccomp"] and isolation["no_new_privs"] and isolation["no_capabilities"], isolation
    assert inside["uid"] != 0


def test_the_record_names_what_was_weakened_and_nothing_else(hood, seen):
    assert seen[1].result["isolation"]["weakened"] == hood.weakened


def test_the_uid_is_never_roots(hood, seen):
    uid = seen[1].result["isolation"]["uid"]
    if hood.place.who == "user":
        assert uid == hood.uid
    if hood.place.who == "root":
        assert uid not in (0, 65534) and uid > 1000


def test_nothing_is_inherited(hood, seen):
    inside, _ = seen
    assert len(inside["descriptors"]) <= 4, inside["descriptors"]  # 0, 1, 2 and the one that lists them
    assert not {"HOST_SECRET", "PYTHONPATH", "FUMEHOOD_STATE"} & set(inside["environment"]), inside["environment"]
    assert inside["tmp"] == [hood.work.parts[2]]  # the work directory of this test lies below /tmp


def test_only_system_directories_are_seen(hood, seen):
    inside, _ = seen
    assert not {"root", "boot", "mnt", "srv", "media", "lost+found"} & set(inside["root"]), inside["root"]
    assert {"null", "zero", "full", "random", "urandom"} <= set(inside["dev"]), inside["dev"]
    assert not {"kmsg", "mem", "sda", "vda", "kvm"} & set(inside["dev"]), inside["dev"]
    assert len(inside["processes"]) <= 3, inside["processes"]
    assert inside["cwd"] == str(hood.work)


@pytest.mark.core
def test_the_cgroup_version_is_that_of_the_kernel(hood, seen):
    isolation = seen[1].result["isolation"]
    expected = "v2" if not machine.lacks_native_cgroup2() else "v1"
    assert isolation["cgroup"] == expected, isolation
    assert set(isolation["controllers"]) == {"memory", "cpu", "pids"}, isolation


@pytest.mark.core
def test_landlock_is_in_force_where_the_kernel_has_it(seen):
    abi = seen[1].result["isolation"]["landlock_abi"]
    assert (abi > 0) == (machine.lacks("landlock") is None), abi


def test_network_none_reaches_nothing(hood, seen):
    inside, run = seen
    assert run.result["isolation"]["network"] == "none"
    assert set(inside["interfaces"]) <= {"lo"}
    other = hood.run("/usr/bin/python3", "-c", "import socket; s = socket.socket(); s.settimeout(3); print(s.connect_ex(('192.0.2.1', 9)) != 0)")
    assert other.text == "True\n", other.explain()


def test_network_host_is_the_hosts_by_name(hood):
    run = hood.run("readlink", "/proc/self/ns/net", flags=["--network", "host"])
    assert run.text.strip() == os.readlink("/proc/self/ns/net"), run.explain()
    assert run.result["isolation"]["network"] == "host" and "net" not in run.result["isolation"]["namespaces"]


def test_a_run_sees_nothing_of_the_state_directory(hood):
    first = hood.run("true")
    run = hood.run("sh", "-c", f"ls -A {hood.state} {first.directory} 2>/dev/null; true")
    assert run.text == "", run.explain()


@pytest.mark.core
def test_the_cgroup_is_gone_with_the_run(hood):
    run = hood.run("true")
    assert kernel.wait_until(lambda: kernel.cgroups_named(run.result["run_id"]) == [], 5)


def test_a_layer_that_is_missing_is_refused_unless_allowed_by_name(hood):
    """Landlock: some kernels of the testbeds have none; where there is one it is denied. Other layers: test_lesser_kernels.py."""
    denied = [hood.programs / "tests/without_calls", "ENOSYS", "landlock_create_ruleset", "--"]
    prefix = denied if machine.lacks("landlock") is None else []
    environment = hood.environment()
    environment.pop("FUMEHOOD_ALLOW_WEAKER", None)
    refused = hood.run("touch", "started", environment=environment, prefix=prefix)
    assert refused.exit_code == 125 and "landlock" in refused.errors + refused.notes, refused.explain()
    allowed = hood.run("true", flags=["--allow-weaker", "landlock"], environment=environment, prefix=prefix)
    assert allowed.exit_code == 0 and allowed.result["isolation"]["weakened"] == ["landlock"], allowed.explain()
    assert "landlock" in allowed.notes, allowed.notes
