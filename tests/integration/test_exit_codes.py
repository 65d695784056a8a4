"""What `fumehood run` ends with: the analysis' own code, and the codes of DESIGN.md section 9 for everything else."""

import os

import pytest


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_passes_the_exit_code_of_the_analysis_on(hood, code):
    run = hood.run("sh", "-c", f"exit {code}")
    assert run.exit_code == code, run.explain()
    assert run.result["exit_code"] == code and run.result["reason"] == "exited", run.explain()
    assert run.result["status"] == ("COMPLETED" if code == 0 else "FAILED"), run.explain()


def test_passes_output_and_input_through_unchanged(hood):
    run = hood.run("sh", "-c", "cat; printf 'to stderr' >&2", input=b"\x00\xff line\n")
    assert (run.exit_code, run.stdout) == (0, b"\x00\xff line\n"), run.explain()
    assert b"to stderr" in run.stderr, run.explain()


def test_says_by_which_signal_an_analysis_ended_itself(hood):
    run = hood.run("sh", "-c", "kill -SEGV $$")
    assert run.exit_code == 128 + 11, run.explain()
    assert (run.result["status"], run.result["reason"], run.result["signal"]) == ("FAILED", "signaled", 11), run.explain()


def test_ends_with_127_for_a_missing_command(hood):
    run = hood.run("no-such-command-anywhere")
    assert run.exit_code == 127, run.explain()
    assert "no-such-command-anywhere" in run.errors + run.notes, run.explain()


def test_ends_with_126_for_a_file_that_is_no_program(hood):
    hood.file("work/notes.txt", "not a program\n")
    run = hood.run("./notes.txt")
    assert run.exit_code == 126, run.explain()
    assert "notes.txt" in run.errors + run.notes, run.explain()


def test_ends_with_124_for_a_timeout(hood):
    run = hood.run("sleep", "30", flags=["--timeout", "1", "--grace", "1"])
    assert (run.exit_code, run.result["reason"]) == (124, "timeout"), run.explain()


def test_ends_with_137_for_too_much_memory(hood):
    run = hood.run_victim("memory_anon", "200", flags=["--memory", "64"])
    assert (run.exit_code, run.result["reason"]) == (137, "memory_limit"), run.explain()


def test_a_named_output_that_is_missing_fails_the_run(hood):
    run = hood.run("true", flags=["--output", "table.csv"])
    assert (run.result["status"], run.result["reason"]) == ("FAILED", "output_missing"), run.explain()
    assert run.exit_code != 0 and "table.csv" in run.notes, run.explain()


def test_reads_a_file_as_standard_input(hood):
    hood.file("work/in.txt", "from a file\n" * 10000)
    run = hood.run("cat", flags=["--stdin", "in.txt"], input=b"not this")
    assert (run.exit_code, run.text) == (0, "from a file\n" * 10000), run.explain()


@pytest.mark.parametrize("words", [["run", "nosuch.yaml"], ["run", "--stdin", "/nosuch", "--", "cat"], ["manual", "configuration"]], ids=" ".join)
def test_ends_with_2_for_a_mistake_of_the_callers(hood, words):
    answer = hood.call(*words)
    assert answer.exit_code == 2 and answer.stdout == b"", answer.explain()
    assert words[-1] in answer.errors or "nosuch" in answer.errors or "manual" in answer.errors, answer.explain()


@pytest.mark.parametrize("command", ["status", "wait", "logs", "kill", "inspect", "diff", "apply", "verify"])
def test_ends_with_2_for_a_run_that_is_not_there(hood, command):
    for name in ("last", "01ZZZZZZZZ"):
        answer = hood.call(command, name)
        assert answer.exit_code == 2 and answer.stdout == b"", answer.explain()


def test_keeps_the_code_of_the_run_when_its_result_cannot_be_written(hood):
    """The directory of the result goes while the run goes on."""
    place = hood.folder("results")
    run = hood.start("run", "--result", place / "r.json", "--", "sh", "-c", "echo ran; read -r line; exit 3", stdin=-1)
    assert run.stdout.readline() == b"ran\n"
    place.rmdir()
    out, err = run.communicate(b"go on\n", timeout=60)
    assert run.returncode == 3 and b"the result could not be written" in err, (out, err)


def test_apply_says_by_its_code_what_it_could_not_do(hood):
    hood.file("work/a.txt", "old")
    run = hood.run("sh", "-c", "echo new > a.txt; echo b > b.txt")
    assert run.exit_code == 0, run.explain()
    assert hood.call("apply", "last", "nosuch").exit_code == 2
    hood.file("work/a.txt", "changed meanwhile")
    refused = hood.call("apply", "last", "a.txt")
    assert refused.exit_code == 1 and "fumehood apply --force" in refused.errors, refused.explain()
    assert (hood.work / "a.txt").read_text() == "changed meanwhile"
    assert hood.call("apply", "last", "b.txt").exit_code == 0
    assert hood.call("apply", "--force", "last").exit_code == 0
    assert (hood.work / "a.txt").read_text() == "new\n"


@pytest.mark.parametrize("case", ["directory", "slash", "loop", "interpreter", "windows"])
def test_says_why_a_command_could_not_be_started(hood, case):
    os.symlink("loop", hood.work / "loop")
    hood.folder("work/folder")
    for name, line in (("badint", "#!/no/such/interpreter -x\n"), ("windows", "#!/bin/sh\r\n")):
        hood.file(f"work/{name}", line).chmod(0o755)
    command, code, said = {
        "directory": ("./folder", 126, "is a directory"),
        "slash": ("./", 126, "is a directory"),
        "loop": ("./loop", 126, "leads back to itself"),
        "interpreter": ("./badint", 127, "'/no/such/interpreter'"),
        "windows": ("./windows", 127, "sed -i 's/\\r$//' ./windows"),
    }[case]
    run = hood.run(command)
    assert run.exit_code == code and said in run.notes and "chmod" not in run.notes, run.explain()
    assert run.result["name"], run.explain()
