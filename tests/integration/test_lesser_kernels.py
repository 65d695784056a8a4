"""On a kernel without a layer, and below a filter of somebody else's: a run works, and its record tells how, or it is refused by an
error that names what is missing and what helps. Nothing half-made is left, and `doctor` says the same."""

import json
import shutil

import pytest

from harness import kernel, machine

pytestmark = pytest.mark.on_host  # the calls are denied by a filter, on whatever kernel

# Without these there is no hood. Named before anything is made.
ESSENTIAL = ["clone3", "close_range", "openat2", "pidfd_open", "pidfd_send_signal", "renameat2", "seccomp", "unshare"]
# The kernel checks privileges before all else in these, so that EPERM tells an ordinary user nothing until the run has a namespace.
OF_MOUNTS = ["fsmount", "fsopen", "mount_setattr", "move_mount", "open_tree", "pivot_root"]
# Has another way, or nothing that depends on it.
DISPENSABLE = ["copy_file_range", "memfd_create", "statx"]


class Lesser:
    """Fumehood below a filter, and whether it left anything."""

    def __init__(self, hood):
        self.hood = hood
        self.driver = hood.programs / "tests" / "without_calls"
        if not self.driver.exists():
            machine.unmet("driver", f"{self.driver} is not built")

    def call(self, error, calls, *words, environment=None):
        """`fumehood WORDS`, its processes and mounts and cgroups compared with those before."""
        before = kernel.mount_table()
        fumehood = self.hood.programs / "fumehood"
        run = self.hood.call(error, calls, "--", fumehood, *words, program=self.driver, environment=environment, seconds=30)
        assert kernel.mount_table() == before, run.explain()
        for run_id in self.hood.runs():
            assert kernel.wait_until(lambda: not kernel.processes_with(run_id), 10), f"a keeper is left\n{run.explain()}"
            assert kernel.wait_until(lambda: not kernel.cgroups_named(run_id), 10), f"a cgroup is left\n{run.explain()}"
            assert self.hood.call("verify", run_id).exit_code == 0, run.explain()
        return run

    def run(self, error, calls, *flags, **options):
        return self.call(error, calls, "run", *flags, "--", "sh", "-c", "echo started; echo 1 >made", **options)

    def doctor(self, error, calls):
        """Layers that are missing, with what was found."""
        answer = self.call(error, calls, "doctor", "--json")
        assert answer.exit_code == 1, answer.explain()
        return {layer["layer"]: layer for layer in json.loads(answer.text)["layers"] if not layer["good"]}


@pytest.fixture
def lesser(hood):
    return Lesser(hood)


@pytest.mark.parametrize("call", [*ESSENTIAL, *OF_MOUNTS])
def test_a_call_that_the_kernel_lacks_is_named_before_anything_is_made(lesser, call):
    run = lesser.run("ENOSYS", call)
    assert run.exit_code == 125 and "started" not in run.text, run.explain()
    assert call in run.errors and "Linux 5.14" in run.errors and "fumehood doctor" in run.errors, run.explain()
    assert lesser.hood.runs() == [], run.explain()
    missing = lesser.doctor("ENOSYS", call)
    assert call in missing["kernel"]["found"] and "Linux 5.14" in missing["kernel"]["mend"], missing


@pytest.mark.parametrize("call", ESSENTIAL)
def test_a_call_that_a_container_forbids_is_named_before_anything_is_made(lesser, call):
    run = lesser.run("EPERM", call)
    assert run.exit_code == 125 and "started" not in run.text, run.explain()
    assert call in run.errors and "container" in run.errors, run.explain()
    assert lesser.hood.runs() == [], run.explain()
    missing = lesser.doctor("EPERM", call)
    assert call in missing["kernel"]["found"] and "container" in missing["kernel"]["mend"], missing


@pytest.mark.parametrize("call", OF_MOUNTS)
def test_a_mount_that_a_container_forbids_fails_the_run_before_its_command(lesser, call):
    run = lesser.run("EPERM", call)
    assert run.exit_code == 125 and "started" not in run.text, run.explain()
    assert "fumehood doctor" in run.errors and "not permitted" in run.errors, run.explain()
    results = [lesser.hood.result(run_id) for run_id in lesser.hood.runs()]
    assert all((result["status"], result["reason"], result["outputs"]) == ("FAILED", "setup_failed", []) for result in results), results
    assert {"kernel", "filesystem"} & set(lesser.doctor("EPERM", call))


@pytest.mark.parametrize("error", ["ENOSYS", "EPERM"])
@pytest.mark.parametrize("call", DISPENSABLE)
def test_without_a_call_that_has_another_way_the_run_is_the_same(lesser, call, error):
    run = lesser.run(error, call)
    assert (run.exit_code, run.text) == (0, "started\n"), run.explain()
    (run_id,) = lesser.hood.runs()
    result = lesser.hood.result(run_id)
    assert result["isolation"]["weakened"] == lesser.hood.weakened, result
    assert [output["path"] for output in result["outputs"]] == ["made"], result


@pytest.mark.parametrize("error", ["ENOSYS", "EPERM"])
def test_where_namespaces_are_forbidden_the_run_is_refused_and_doctor_says_so(lesser, error):
    run = lesser.run(error, "namespaces")
    assert run.exit_code == 125 and "started" not in run.text, run.explain()
    assert "namespaces" in run.errors and "fumehood doctor" in run.errors and "container" in run.errors, run.explain()
    assert lesser.hood.runs() == [], run.explain()
    missing = lesser.doctor(error, "namespaces")
    assert "namespaces" in missing and missing["namespaces"]["mend"], missing


@pytest.mark.parametrize("error", ["ENOSYS", "EPERM"])
def test_a_missing_landlock_is_refused_unless_allowed_by_name(lesser, error):
    environment = lesser.hood.environment()
    environment.pop("FUMEHOOD_ALLOW_WEAKER", None)
    refused = lesser.run(error, "landlock_create_ruleset", environment=environment)
    assert refused.exit_code == 125 and "started" not in refused.text and lesser.hood.runs() == [], refused.explain()
    assert "landlock" in refused.errors and "allow_weaker" in refused.errors, refused.explain()
    assert "landlock" in lesser.doctor(error, "landlock_create_ruleset")
    allowed = lesser.run(error, "landlock_create_ruleset", "--allow-weaker", "landlock", environment=environment)
    assert (allowed.exit_code, allowed.text) == (0, "started\n"), allowed.explain()
    (run_id,) = lesser.hood.runs()
    result = lesser.hood.result(run_id)
    assert result["isolation"]["weakened"] == ["landlock"] and result["isolation"]["landlock_abi"] == 0, result
    assert "landlock" in result["completion_notes"], result


def test_without_key_rings_there_is_none_to_leak(lesser):
    run = lesser.run("ENOSYS", "keyctl")
    assert (run.exit_code, run.text) == (0, "started\n"), run.explain()


def test_key_rings_that_a_container_forbids_fail_the_run_before_its_command(lesser):
    run = lesser.run("EPERM", "keyctl")
    assert run.exit_code == 125 and "started" not in run.text, run.explain()
    assert "key ring" in run.errors and "fumehood doctor" in run.errors, run.explain()


def test_a_run_inside_a_run_is_refused(hood):
    inner = hood.work / "fumehood"
    for name in ("fumehood", "fumehood-keeper"):
        target = hood.work / name
        target.write_bytes((hood.programs / name).read_bytes())
        target.chmod(0o755)
        hood.give(target)
    run = hood.run("env", "FUMEHOOD_STATE=/tmp/state", str(inner), "run", "--", "echo", "started")
    assert run.exit_code == 125 and "started" not in run.text, run.explain()
    assert "clone3" in run.errors or "namespaces" in run.errors, run.explain()
    assert "fumehood doctor" in run.errors and "container" in run.errors, run.explain()
    assert not [output for output in run.result["outputs"] if "state" in output["path"]], run.result["outputs"]


@pytest.mark.only_as("root", "user")
@pytest.mark.parametrize("shared", [["--unshare-all", "--proc", "/proc"], ["--unshare-user", "--proc", "/proc"]], ids=["all", "user"])
def test_a_run_inside_bubblewrap_works_or_is_refused(hood, shared):
    if shutil.which("bwrap") is None:
        machine.unmet("tools", "bwrap is not installed")
    before = kernel.mount_table()
    run = hood.run("echo", "started", prefix=["bwrap", "--bind", "/", "/", "--dev-bind", "/dev", "/dev", *shared, "--"])
    if run.exit_code != 0:
        assert run.exit_code == 125 and "started" not in run.text, run.explain()
        assert "fumehood doctor" in run.errors and "container" in run.errors, run.explain()
    assert kernel.mount_table() == before, run.explain()
    for run_id in hood.runs():
        assert hood.result(run_id)["status"] in ("FAILED", "COMPLETED"), run.explain()
        assert not kernel.cgroups_named(run_id), run.explain()
