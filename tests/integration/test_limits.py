"""Limits: read back from the kernel while they are in force, and felt by programs that go beyond them."""

import re
from pathlib import Path

import pytest

from harness import kernel, machine


def process_of(hood, word):
    """The pid, as the host sees it, of the analysis that was started with `word` among its arguments."""

    def find():
        for pid in kernel.processes_with(word):
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if file.read().strip() == "sleep":
                    return pid
        return None

    pid = kernel.wait_until(find)
    assert pid, f"the analysis with {word} is not there"
    return pid


# PID 1 of the run is Fumehood's and does not count against what the analysis may have.
OURS = 1


@pytest.mark.core
def test_the_kernel_has_the_limits_that_were_asked_for(hood):
    run_id = hood.submit(
        "sh", "-c", f"exec sleep 60 # {hood.mark}", flags=["--memory", "300", "--pids", "33", "--cpus", "0.5", "--env", f"FH_MARK={hood.mark}"]
    )
    limits = kernel.limits_of(process_of(hood, hood.mark))
    assert limits == {"memory": 300 << 20, "pids": 33 + OURS, "cpu": 0.5}, limits
    assert hood.call("kill", run_id).exit_code == 0


def test_the_defaults_are_those_of_the_default_profile(hood):
    run_id = hood.submit("sleep", "60", flags=["--env", f"FH_MARK={hood.mark}"])
    limits = kernel.limits_of(process_of(hood, hood.mark))
    assert limits == {"memory": 2048 << 20, "pids": 256 + OURS, "cpu": 1.0}, limits
    assert hood.call("kill", run_id).exit_code == 0


@pytest.mark.parametrize(("profile", "memory", "pids", "cores"), [("notebook", 2048, 256, 2), ("post_process", 1024, 128, 1), ("tool", 512, 64, 0.5)])
def test_a_profile_sets_its_limits(hood, profile, memory, pids, cores):
    run_id = hood.submit("sleep", "60", flags=["--profile", profile, "--env", f"FH_MARK={hood.mark}"])
    limits = kernel.limits_of(process_of(hood, hood.mark))
    assert limits == {"memory": memory << 20, "pids": pids + OURS, "cpu": cores}, limits
    assert hood.call("kill", run_id).exit_code == 0


def test_memory_the_whole_run_dies_and_the_note_names_limit_peak_and_largest_process(hood):
    program = hood.victim("memory_anon")
    # The shell would go on and end well if only its child died.
    script = f"{program} 200; echo survived; sleep 20"
    # Where one processor is shared by all, and an emulated one at that, the kernel may have taken the victim away before the keeper
    # had its turn; not every time.
    for left in reversed(range(5 if machine.TESTBED else 1)):
        run = hood.run("sh", "-c", script, flags=["--memory", "64", "--env", "FH_VICTIM=1", "--env", f"FH_MARK={hood.mark}"])
        assert run.result["reason"] == "memory_limit" and "survived" not in run.text, run.explain()
        assert re.search(r"64 MiB.*peak.*Try --memory", run.notes), run.notes
        assert 55 <= run.result["usage"]["memory_peak_mb"] <= 66, run.explain()
        assert not kernel.processes_with(hood.mark)
        if "memory_anon" in run.notes:
            return
        assert left > 0, run.notes


def test_memory_below_the_limit_is_left_alone(hood):
    run = hood.run_victim("memory_anon", "100", flags=["--memory", "200"])
    assert run.report().get("succeeded") is True, run.explain()
    assert 100 <= run.result["usage"]["memory_peak_mb"] <= 130, run.explain()


@pytest.mark.core
def test_pids_a_fork_bomb_is_held_and_the_note_says_how_often(hood):
    run = hood.run_victim("fork_bomb", "300", flags=["--pids", "25"])
    assert run.report()["succeeded"] is False, run.explain()
    assert re.search(r"25 processes", run.notes) and re.search(r"\d+ times|\d+ more", run.notes), run.notes
    assert 20 <= run.result["usage"]["pids_peak"] <= 25, run.explain()


def test_cpu_the_quota_holds_and_throttling_is_reported(hood):
    run = hood.run_victim("cpu_burner", "2", "4", "30", flags=["--cpus", "0.2"])
    assert run.report()["succeeded"] is False, run.explain()
    usage = run.result["usage"]
    assert 0.2 < usage["cpu_user_s"] + usage["cpu_system_s"] < 1.3, run.explain()
    assert usage["throttled_s"] > 0.5, run.explain()


def test_time_sigterm_first_and_a_program_that_heeds_it_may_clean_up(hood):
    script = "trap 'echo cleaned >done.txt; exit 3' TERM; sleep 60 & wait"
    run = hood.run("sh", "-c", script, flags=["--timeout", "1", "--grace", "10"])
    assert (run.exit_code, run.result["reason"], run.result["exit_code"]) == (124, "timeout", 3), run.explain()
    assert [output["path"] for output in run.result["outputs"]] == ["done.txt"], run.explain()
    assert run.result["usage"]["wall_s"] < 9, run.explain()


def test_time_sigkill_for_a_program_that_ignores_sigterm(hood):
    run = hood.run_victim("sigterm_ignorer", "60", flags=["--timeout", "1", "--grace", "1"])
    assert (run.exit_code, run.result["reason"]) == (124, "timeout"), run.explain()
    assert not run.report() and "SIGTERM" in run.notes, run.explain()


def test_idle_a_program_that_waits_for_ever_is_ended(hood):
    run = hood.run("sleep", "60", flags=["--idle-timeout", "2", "--grace", "1"])
    assert run.result["reason"] == "idle_timeout" and "2 s" in run.notes, run.explain()


def test_idle_a_program_that_prints_is_not_idle(hood):
    run = hood.run("sh", "-c", "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.5; done", flags=["--idle-timeout", "3"])
    assert run.result["status"] == "COMPLETED", run.explain()


def test_disk_a_filler_is_ended_and_the_record_says_by_which_method(hood):
    run = hood.run_victim("disk_filler", ".", "300", flags=["--disk", "30"])
    assert run.report().get("succeeded", False) is False, run.explain()
    assert run.result["isolation"]["disk"] in ("quota", "sampled"), run.explain()
    assert run.result["reason"] in ("disk_limit", "exited"), run.explain()


def test_disk_files_that_were_deleted_and_are_held_open_count(hood):
    run = hood.run_victim("unlinked_filler", ".", "200", flags=["--disk", "30"])
    assert run.report().get("succeeded", False) is False, run.explain()
    assert run.result["reason"] == "disk_limit" and "30 MiB of disk" in run.notes, run.explain()


def test_disk_what_is_held_open_of_the_memory_is_not_disk(hood):
    script = "import os, time; f = os.memfd_create('m'); os.write(f, bytes(40 << 20)); time.sleep(2)"
    run = hood.run("python3", "-c", script, flags=["--disk", "20", "--memory", "300"])
    assert run.result["status"] == "COMPLETED", run.explain()


@pytest.mark.only_as("user")
def test_disk_a_quota_by_name_is_refused_where_it_cannot_be_had_unless_that_is_allowed(hood):
    environment = hood.environment(FUMEHOOD_DISK_METHOD="quota")
    refused = hood.run("true", environment=environment)
    assert refused.exit_code == 125 and "only root can set project quotas" in refused.errors and not hood.runs(), refused.explain()
    answer = hood.call("doctor", environment=environment)
    assert answer.exit_code == 1 and "start runs as root" in answer.text, answer.explain()
    run = hood.run("true", flags=["--allow-weaker", "disk"], environment=environment)
    assert run.result["isolation"]["disk"] == "sampled" and "disk" in run.result["isolation"]["weakened"], run.explain()


def test_inodes_a_maker_of_many_files_is_ended(hood):
    run = hood.run_victim("inode_filler", ".", "50000", flags=["--inodes", "1000"])
    assert run.report().get("succeeded", False) is False, run.explain()
    assert run.result["reason"] in ("disk_limit", "exited"), run.explain()


def test_output_a_flood_is_cut_in_the_middle_and_the_run_goes_on(hood):
    script = "echo first; head -c 6000000 /dev/zero | tr '\\0' x; echo; echo last"
    run = hood.run("sh", "-c", script, flags=["--output-limit", "1"])
    assert run.exit_code == 0 and len(run.stdout) > 6000000, run.errors  # the caller gets all of it
    log = Path(run.result["stdout_path"]).read_bytes()
    assert log.startswith(b"first\n") and log.endswith(b"last\n")
    assert (1 << 20) <= len(log) < (1 << 20) + 1000
    assert re.search(rb"\d+ bytes|MiB", log), "the log does not say what is missing"
    assert "MiB" in run.notes, run.notes


def test_a_limit_above_the_maximum_is_refused(hood):
    run = hood.run("true", flags=["--pids", "99999999"])
    assert run.exit_code == 2 and "pids" in run.errors and not hood.runs(), run.explain()
