"""Faults around a run: a full disk, a file system that no overlay can use, our own processes killed, commands in the wrong order."""

import errno
import json
import os
import signal
import subprocess

import pytest

from harness import kernel, machine


def mount(hood, *words):
    """Mounts at the state directory, as root of the machine, whoever starts Fumehood."""
    machine.need("root")
    hood.state.mkdir()
    subprocess.run(["mount", *words, str(hood.state)], check=True)
    hood.state.chmod(0o700)
    hood.give(hood.state)


def unmount(hood):
    # The last process of a run may still be on its way out.
    unmounted = kernel.wait_until(lambda: subprocess.run(["umount", str(hood.state)], capture_output=True).returncode == 0, 10)
    assert unmounted, "something of a run still uses the state directory"


@pytest.fixture
def small_state(hood):
    """A state directory of 16 MiB."""
    mount(hood, "-t", "tmpfs", "-o", "size=16m", "tmpfs")
    yield hood.state
    unmount(hood)


def fill(directory):
    """Takes all the room that is left; returns the file to remove."""
    path = directory / "ballast"
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC
    return path


def assert_nothing_is_left(hood, run):
    for run_id in hood.runs():
        assert not kernel.processes_with(run_id), run.explain()
        assert kernel.wait_until(lambda: not kernel.cgroups_named(run_id), 10), run.explain()


@pytest.mark.only_as("root", "user")
def test_a_disk_that_is_full_at_the_launch_is_named_and_the_next_run_goes_well(hood, small_state):
    assert hood.run("true").exit_code == 0
    ballast = fill(small_state)
    run = hood.run("echo", "started")
    assert run.exit_code == 125 and run.text == "", run.explain()
    for word in ("is full", str(small_state), "fumehood gc", "FUMEHOOD_STATE"):
        assert word in run.errors, run.explain()
    assert not any((small_state / "staging").iterdir()), run.explain()
    assert not list((small_state / "cache").glob("*.building-*")), run.explain()
    assert_nothing_is_left(hood, run)
    assert len(hood.runs()) == 1, run.explain()
    ballast.unlink()
    again = hood.run("echo", "started")
    assert (again.exit_code, again.text) == (0, "started\n"), again.explain()


@pytest.mark.only_as("root", "user")
def test_a_state_directory_that_never_had_room_is_named(hood, small_state):
    fill(small_state)
    run = hood.run("echo", "started")
    assert run.exit_code == 125 and "is full" in run.errors and str(small_state) in run.errors, run.explain()
    examined = hood.call("doctor")
    assert examined.exit_code != 0 and "make room" in examined.text, examined.explain()


def test_a_state_directory_that_others_could_write_to_is_not_trusted(hood):
    assert hood.run("true").exit_code == 0
    hood.state.chmod(0o777)
    run = hood.run("echo", "started")
    assert run.exit_code == 125 and run.text == "", run.explain()
    assert "cannot be trusted" in run.errors and f"chmod 700 {hood.state}" in run.errors, run.explain()
    hood.state.chmod(0o755)  # nobody else could write: it is closed, and used
    assert hood.run("true").exit_code == 0
    assert hood.state.stat().st_mode & 0o777 == 0o700


@pytest.mark.only_as("user")
def test_a_state_directory_of_another_user_is_refused(hood):
    machine.need("root")
    hood.state.mkdir(mode=0o777)
    hood.state.chmod(0o777)
    run = hood.run("true")
    assert run.exit_code == 125 and "belongs to another user" in run.errors, run.explain()


@pytest.mark.only_as("root", "user")
def test_a_disk_that_is_full_when_a_run_ends_is_told(hood, small_state):
    process = hood.start("run", "--", "sh", "-c", "echo started; read -r line; echo made >made", stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"started\n"
    ballast = fill(small_state)
    out, err = process.communicate(b"go on\n", timeout=60 * machine.PATIENCE)
    assert process.returncode in (0, 1, 2, 125), (out, err)
    (run_id,) = hood.runs()
    ballast.unlink()
    status = hood.call("status", run_id, "--json")
    result = json.loads(status.text)
    assert result["status"] in ("COMPLETED", "FAILED"), (status.explain(), err)
    # It was told, by the note of the record or by the program itself, unless there was room enough after all.
    told = (result["completion_notes"] + err.decode()).lower()
    assert result["status"] == "COMPLETED" or "no space left" in told, (status.explain(), err)
    assert not kernel.processes_with(run_id)


@pytest.mark.only_as("root")
def test_a_state_directory_that_no_overlay_can_use_is_named(hood):
    parts = [hood.folder(f"overlay/{name}") for name in ("lower", "upper", "work")]
    mount(hood, "-t", "overlay", "-o", "lowerdir={},upperdir={},workdir={}".format(*parts), "overlay")
    try:
        run = hood.run("echo", "started")
        assert run.exit_code == 125 and run.text == "", run.explain()
        assert "overlay" in run.errors and "state directory" in run.errors, run.explain()
        assert_nothing_is_left(hood, run)
    finally:
        unmount(hood)


def keeper_of(hood, run_id):
    """Pid of the keeper, once it has said so."""
    path = hood.run_directory(run_id) / "keeper.json"
    text = kernel.wait_until(lambda: path.exists() and path.read_text())
    assert text, "no keeper.json"
    return json.loads(text)["pid"]


def has_event(hood, run_id, name):
    path = hood.run_directory(run_id) / "events.jsonl"
    return kernel.wait_until(lambda: path.exists() and f'"{name}"' in path.read_text(), 30)


MOMENTS = ["at once", "started", "logs_finished", "outputs_collected"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_whenever_its_keeper_is_killed_a_run_has_an_end_and_a_record_that_holds(hood, moment):
    work = "head -c 20000000 /dev/zero >big; for i in $(seq 200); do echo $i >file$i; done"
    run_id = hood.submit("sh", "-c", work, flags=["--env", f"FH_MARK={hood.mark}"])
    keeper = keeper_of(hood, run_id)
    if moment != "at once":
        assert has_event(hood, run_id, moment)
    try:
        os.kill(keeper, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it was faster: then its record is whole
    assert kernel.wait_until(lambda: kernel.processes_with(hood.mark) == []), "the analysis outlived its keeper"
    assert kernel.wait_until(lambda: not os.path.exists(f"/proc/{keeper}"), 10), "the keeper is still there"
    result = json.loads(hood.call("status", run_id, "--json").text)
    assert result["status"] == "COMPLETED" or (result["status"], result["reason"]) == ("FAILED", "host_lost"), result
    verified = hood.call("verify", run_id)
    assert verified.exit_code == 0, verified.explain()
    # Killed when the result was there already, it had no time to tidy up: that is for gc.
    if result["status"] == "COMPLETED":
        assert hood.call("gc").exit_code == 0
    assert kernel.wait_until(lambda: not kernel.cgroups_named(run_id), 10)


@pytest.mark.parametrize("moment", ["run directory", "keeper", "output"])
def test_whenever_its_launcher_is_killed_a_run_goes_on_to_its_end(hood, moment):
    process = hood.start("run", "--", "sh", "-c", "echo started; echo made >made.txt")
    if moment == "output":
        assert process.stdout.readline() == b"started\n"
    else:
        assert kernel.wait_until(hood.runs), "no run directory"
    if moment == "keeper":
        keeper_of(hood, hood.runs()[0])
    process.kill()
    process.communicate(timeout=30 * machine.PATIENCE)
    for run_id in hood.runs():
        # Killed before the keeper had its order, it is lost; and nothing was executed.
        status = hood.call("wait", run_id, "--json", seconds=100)
        result = json.loads(hood.call("status", run_id, "--json").text)
        assert result["status"] == "COMPLETED" or result["reason"] == "host_lost", (result, status.explain())
        assert kernel.wait_until(lambda: not kernel.processes_with(run_id), 10), result


@pytest.fixture
def going_on(hood):
    """A run that goes on, with a file written in its work directory."""
    run_id = hood.submit("sh", "-c", "echo 1 >made; echo written; sleep 60", flags=["--env", f"FH_MARK={hood.mark}"])
    log = hood.run_directory(run_id) / "stdout.log"
    assert kernel.wait_until(lambda: log.exists() and b"written" in log.read_bytes())
    yield run_id
    assert hood.call("kill", run_id).exit_code == 0


def test_apply_before_the_end_is_refused_and_brings_nothing(hood, going_on):
    answer = hood.call("apply", going_on)
    assert answer.exit_code != 0 and going_on in answer.errors, answer.explain()
    assert not (hood.work / "made").exists()


def test_verify_of_a_run_that_goes_on_says_so(hood, going_on):
    answer = hood.call("verify", going_on)
    assert "not ended" in answer.text + answer.errors or "running" in (answer.text + answer.errors).lower(), answer.explain()


def test_gc_leaves_a_run_alone_that_goes_on(hood, going_on):
    answer = hood.call("gc", "--older-than", "0")
    assert answer.exit_code == 0 and hood.runs() == [going_on], answer.explain()
    assert json.loads(hood.call("status", going_on, "--json").text)["status"] == "RUNNING"


@pytest.mark.parametrize("command", ["wait", "status", "logs", "kill", "inspect", "diff", "apply", "verify"])
def test_a_run_that_is_not_there_is_an_error_that_names_it(hood, command):
    answer = hood.call(command, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert answer.exit_code not in (0, -6, -11) and "01ARZ3NDEKTSV4RRFFQ69G5FAV" in answer.errors, answer.explain()


@pytest.mark.only_as("root", "user")
def test_a_disk_that_a_run_fills_is_its_own_error_and_its_record_is_whole(hood, small_state):
    run = hood.run("sh", "-c", "dd if=/dev/zero of=big bs=64k count=1000 || exit 9")
    assert run.exit_code == 9 and b"No space left" in run.stderr, run.explain()
    (run_id,) = hood.runs()
    assert hood.result(run_id)["status"] == "FAILED", run.explain()
    verified = hood.call("verify", run_id)
    assert verified.exit_code == 0, verified.explain()
    assert_nothing_is_left(hood, run)
