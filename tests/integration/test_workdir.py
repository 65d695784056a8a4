"""The work directory by copy-on-write: the project stays as it was, `diff` shows what a run wrote, `apply` brings it over."""

import os
import stat

import pytest


def contents(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in sorted(directory.rglob("*"))
    }


@pytest.fixture
def project(hood):
    hood.file("work/keep.txt", "kept\n")
    hood.file("work/change.txt", "old\n")
    hood.file("work/remove.txt", "soon gone\n")
    return hood.work


SCRIPT = "echo new >change.txt; rm remove.txt; mkdir made; echo made >made/file.txt; cat keep.txt"


def test_a_script_writes_where_it_likes_and_the_project_is_untouched(hood, project):
    before = contents(project)
    run = hood.run("sh", "-c", SCRIPT + "; cat change.txt made/file.txt; test ! -e remove.txt")
    assert (run.exit_code, run.text) == (0, "kept\nnew\nmade\n"), run.explain()
    assert contents(project) == before


def test_diff_shows_what_was_made_changed_and_removed(hood, project):
    run = hood.run("sh", "-c", SCRIPT)
    diff = hood.call("diff", run.result["run_id"])
    for word in ("change.txt", "made/file.txt", "remove.txt"):
        assert word in diff.text, diff.explain()
    assert "keep.txt" not in diff.text, diff.explain()


def test_apply_brings_everything_over(hood, project):
    run = hood.run("sh", "-c", SCRIPT)
    applied = hood.call("apply", run.result["run_id"])
    assert applied.exit_code == 0, applied.explain()
    assert contents(project) == {"keep.txt": b"kept\n", "change.txt": b"new\n", "made": None, "made/file.txt": b"made\n"}
    assert (project / "made/file.txt").stat().st_uid == hood.uid


def test_apply_of_one_path_leaves_the_others(hood, project):
    run = hood.run("sh", "-c", SCRIPT)
    assert hood.call("apply", run.result["run_id"], "made/file.txt").exit_code == 0
    assert contents(project)["change.txt"] == b"old\n" and contents(project)["made/file.txt"] == b"made\n"


def test_apply_refuses_to_overwrite_what_changed_meanwhile(hood, project):
    run = hood.run("sh", "-c", SCRIPT)
    (project / "change.txt").write_text("changed by hand\n")
    refused = hood.call("apply", run.result["run_id"])
    assert refused.exit_code != 0 and "change.txt" in refused.errors and "--force" in refused.errors, refused.explain()
    assert (project / "change.txt").read_text() == "changed by hand\n"
    assert hood.call("apply", "--force", run.result["run_id"]).exit_code == 0
    assert (project / "change.txt").read_text() == "new\n"


def test_run_with_apply_brings_over_on_success_only(hood, project):
    failed = hood.run("sh", "-c", SCRIPT + "; exit 3", flags=["--apply"])
    assert failed.exit_code == 3 and (project / "change.txt").read_text() == "old\n", failed.explain()
    done = hood.run("sh", "-c", SCRIPT, flags=["--apply"])
    assert done.exit_code == 0 and (project / "change.txt").read_text() == "new\n", done.explain()


def test_apply_takes_no_privilege_and_no_special_file_over(hood, project):
    script = "cp /bin/true tool; chmod 4755 tool; mkfifo pipe; ln -s /etc/passwd out; ln -s keep.txt in"
    run = hood.run("sh", "-c", script)
    assert run.exit_code == 0, run.explain()
    hood.call("apply", run.result["run_id"])
    assert not (project / "pipe").exists() and not os.path.lexists(project / "out")
    if (project / "tool").exists():
        assert stat.S_IMODE((project / "tool").stat().st_mode) & 0o7000 == 0


def test_names_with_control_characters_are_escaped_on_the_way_out(hood, project):
    run = hood.run("/usr/bin/python3", "-c", "open('a\\x1b[2Jb\\nc', 'w').write('x')")
    assert run.exit_code == 0, run.explain()
    diff = hood.call("diff", run.result["run_id"])
    assert b"\x1b" not in diff.stdout + run.stderr, diff.explain()


def test_an_input_is_read_only_and_shown_where_it_is_wanted(hood):
    hood.file("data/reads.txt", "ACGT\n")
    hood.give(hood.top / "data")
    run = hood.run("sh", "-c", "cat /data/reads.txt; echo x >/data/reads.txt", flags=["--input", f"{hood.top / 'data'}:/data"])
    assert run.text == "ACGT\n" and run.exit_code != 0, run.explain()
    assert (hood.top / "data/reads.txt").read_text() == "ACGT\n"


@pytest.mark.parametrize("mode", ["cow", "copy"])
def test_an_input_that_may_be_written_catches_the_writes(hood, mode):
    hood.file("data/reads.txt", "ACGT\n")
    hood.give(hood.top / "data")
    run = hood.run("sh", "-c", "echo x >>/data/reads.txt; cat /data/reads.txt", flags=["--input", f"{hood.top / 'data'}:/data:{mode}"])
    assert run.text == "ACGT\nx\n", run.explain()
    assert (hood.top / "data/reads.txt").read_text() == "ACGT\n"


@pytest.mark.parametrize("where", ["/", "home", "state"])
def test_a_work_directory_that_shows_too_much_is_refused(hood, where):
    place = {"/": "/", "home": hood.home, "state": hood.state.parent}[where]
    run = hood.run("true", cwd=place)
    assert run.exit_code == 2 and "workdir" in run.errors and not hood.runs(), run.explain()
