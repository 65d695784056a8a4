"""The disk limit as a project quota: on a file system of its own, on kernels that have such quotas."""

import json
import os
import signal

import pytest

from harness import kernel, machine, quota_disk

pytestmark = [pytest.mark.only_as("root"), pytest.mark.quota]
MIB = 1 << 20


@pytest.fixture(params=["xfs", "ext4"])
def disk(hood, request):
    """The mount point of a file system with project quotas that the state directory lies on."""
    machine.need("quota")
    with quota_disk.mounted(hood.top, request.param) as point:
        hood.state = point / "state"
        yield point
        kernel.kill_processes_with(hood.mark)  # what would hold the file system, where a test failed


def write(mebibytes, name, count=1):
    return f"dd if=/dev/zero of={name} bs={mebibytes}M count={count} 2>/dev/null"


def limits_left(disk, run_dir):
    """What limits the kernel still has for a run's project, and its number."""
    project = quota_disk.project_of(run_dir / "attempts/1/work")
    assert project != 0, "the run had no project"
    limit_bytes, _, limit_inodes, _ = quota_disk.quota_of(disk, project)
    return limit_bytes, limit_inodes


def test_the_limit_on_bytes_bites_at_once_wherever_the_run_writes(hood, disk):
    data = hood.folder("data")
    script = f"{write(1, 'a', 6)} && {write(1, '/tmp/b', 6)} && {write(1, '$HOME/c', 4)} && {write(1, data / 'd', 6)}; e=$?; sync; exit $e"
    run = hood.run("sh", "-c", script, flags=["--disk", "20", "--input", f"{data}:{data}:cow"])
    assert (run.result["reason"], run.result["exit_code"], run.exit_code) == ("disk_limit", 1, 1), run.explain()
    assert run.result["isolation"]["disk"] == "quota", run.explain()
    assert "20 MiB of disk" in run.notes and "Try --disk 40" in run.notes, run.notes
    written = sum(path.stat().st_blocks * 512 for path in (run.directory / "attempts/1").glob("cow*/upper/d"))
    assert 3 * MIB <= written <= 4 * MIB, f"{written} bytes in the last of four files"
    assert limits_left(disk, run.directory) == (0, 0)


def test_the_limit_on_files_bites_at_once(hood, disk):
    run = hood.run_victim("inode_filler", ".", "5000", flags=["--inodes", "300"])
    assert run.report()["succeeded"] is False, run.explain()
    # The victim reports and ends well.
    assert run.result["status"] == "COMPLETED" and "refused more than its 300 files" in run.notes, run.notes
    files = sum(len(names) for _, _, names in os.walk(run.directory / "attempts/1/work"))
    assert 290 <= files <= 310, files


def test_a_failure_for_want_of_files_is_the_limits(hood, disk):
    run = hood.run("sh", "-c", "set -e; for i in $(seq 100); do : >f$i; done", flags=["--inodes", "50"])
    assert run.result["reason"] == "disk_limit" and "more files than its 50" in run.notes, run.explain()


def test_a_large_refusal_is_known_although_much_is_left(hood, disk):
    run = hood.run("sh", "-c", f"{write(8, 'a')}; {write(14, 'b')} || exit 7", flags=["--disk", "15"])
    assert (run.result["reason"], run.exit_code) == ("disk_limit", 7), run.explain()


def test_a_run_may_make_room_and_go_on_and_the_note_says_what_happened(hood, disk):
    run = hood.run("sh", "-c", f"{write(1, 'a', 30)}; rm a; {write(1, 'b', 10)} && echo went on", flags=["--disk", "16"])
    assert run.result["status"] == "COMPLETED" and run.text == "went on\n", run.explain()
    assert "refused more than its 16 MiB of disk" in run.notes, run.notes


def test_a_run_below_its_limit_is_left_alone_and_says_nothing(hood, disk):
    run = hood.run("sh", "-c", write(1, "a", 10), flags=["--disk", "16"])
    assert run.result["status"] == "COMPLETED" and "refused" not in run.notes, run.explain()


def test_files_that_were_deleted_and_are_held_open_count(hood, disk):
    run = hood.run_victim("unlinked_filler", ".", "60", flags=["--disk", "20"])
    assert run.report()["succeeded"] is False, run.explain()
    assert "20 MiB of disk" in run.notes, run.notes


def test_a_neighbour_of_another_state_directory_has_a_limit_of_its_own(hood, disk):
    other = hood.environment(FUMEHOOD_STATE=str(disk / "other"))
    flags = ["--disk", "20", "--env", f"FH_MARK={hood.mark}"]
    neighbour = hood.start("run", *flags, "--", "sh", "-c", f"{write(1, 'a', 15)} && sleep 3 && {write(1, 'b', 3)}", environment=other)
    filler = hood.run("sh", "-c", f"while {write(1, '$$-$(date +%N)', 5)}; do :; done; exit 1", flags=["--disk", "10"])
    out, err = neighbour.communicate(timeout=60 * machine.PATIENCE)
    assert neighbour.returncode == 0, (out, err)
    assert filler.result["reason"] == "disk_limit", filler.explain()
    (directory,) = (disk / "other/runs").iterdir()
    assert quota_disk.project_of(directory / "attempts/1/work") != quota_disk.project_of(filler.directory / "attempts/1/work")


def test_after_the_keeper_was_killed_gc_lifts_the_limits(hood, disk):
    run_id = hood.submit("sh", "-c", f"{write(1, 'a', 5)}; exec sleep 60", flags=["--disk", "20", "--env", f"FH_MARK={hood.mark}"])
    directory = hood.run_directory(run_id)
    assert kernel.wait_until(lambda: (directory / "attempts/1/work/a").exists()), "the run did not start"
    project = quota_disk.project_of(directory / "attempts/1/work")
    limit_bytes, _, limit_inodes, _ = quota_disk.quota_of(disk, project)
    assert 20 * MIB <= limit_bytes <= 21 * MIB and limit_inodes > 0, (limit_bytes, limit_inodes)
    os.kill(json.loads((directory / "keeper.json").read_text(encoding="utf-8"))["pid"], signal.SIGKILL)
    assert kernel.wait_until(lambda: not kernel.processes_with(hood.mark)), "the run outlived its keeper"
    answer = hood.call("gc")
    assert answer.exit_code == 0 and hood.result(run_id)["reason"] == "host_lost", answer.explain()
    assert limits_left(disk, directory) == (0, 0)
    assert hood.call("gc", "--older-than", "0").exit_code == 0 and not hood.runs()
    assert kernel.wait_until(lambda: quota_disk.quota_of(disk, project)[3] == 0), "files of the run are left"


def test_by_name_and_automatic_and_sampled(hood, disk):
    for asked, method in (("quota", "quota"), ("auto", "quota"), ("sampled", "sampled")):
        run = hood.run("true", environment=hood.environment(FUMEHOOD_DISK_METHOD=asked))
        assert run.result["isolation"]["disk"] == method, run.explain()
    answer = hood.call("doctor")
    assert "project quota" in answer.text, answer.explain()


def test_a_state_directory_under_a_quota_of_its_administrators_stays_there(hood, disk):
    hood.state.mkdir(mode=0o700)
    quota_disk.set_project(hood.state, 42)
    run = hood.run("true")
    assert run.result["isolation"]["disk"] == "sampled", run.explain()
    assert quota_disk.project_of(run.directory / "attempts/1/work") == 42
    refused = hood.run("true", environment=hood.environment(FUMEHOOD_DISK_METHOD="quota"))
    assert refused.exit_code == 125 and "project 42" in refused.errors, refused.explain()
