"""/tmp/failure_note: what a run says itself of why it failed, quoted in its notes and never obeyed."""

import pytest

WRITE = "import os, sys; open('/tmp/failure_note', 'wb').write(eval(sys.argv[1])); sys.exit(int(sys.argv[2]))"


def leave(hood, note, code=1):
    return hood.run("/usr/bin/python3", "-c", WRITE, repr(note), str(code))


def test_the_notes_quote_it(hood):
    run = leave(hood, b"step 3 (align): no reads left after trimming\nmore\n")
    assert run.own_notes == "ended with exit code 1. In its own words: 'step 3 (align): no reads left after trimming'.", run.explain()


def test_a_run_that_ended_well_has_nothing_to_say(hood):
    assert leave(hood, b"all wrong\n", 0).own_notes == ""


def test_no_byte_of_it_reaches_a_terminal(hood):
    run = leave(hood, b"\x1b]0;owned\x07\xe2\x80\xae\xff\x9b2J ok")
    assert "In its own words: '\\x1b]0;owned\\x07\\xff\\x9b2J ok'." in run.notes, run.explain()
    assert not any(byte < 0x20 and byte != 0x0A for byte in run.stderr), run.explain()


@pytest.mark.parametrize("make", [
    "os.mkfifo(p)", "os.mkdir(p)", "os.symlink('/etc/hostname', p)", "os.symlink('/proc/self/environ', p)",
    "open(p, 'wb').truncate(1 << 30)", "open(p, 'w').close()",
])
def test_what_is_no_text_is_passed_over(hood, make):
    run = hood.run("/usr/bin/python3", "-c", f"import os, sys; p = '/tmp/failure_note'; {make}; sys.exit(3)")
    assert run.exit_code == 3 and (make.startswith("open(p, 'wb')") or "own words" not in run.notes), run.explain()
    assert len(run.notes) < 2000, run.explain()


def test_a_limit_stays_the_first_cause(hood):
    run = hood.run("/usr/bin/python3", "-c", "open('/tmp/failure_note', 'w').write('in cell 4'); import time; time.sleep(600)",
                   flags=["--timeout", "1", "--grace", "1"])
    assert run.result["reason"] == "timeout", run.explain()
    assert run.notes.startswith("ended: ran longer than its 1 s") and "In its own words: 'in cell 4'." in run.notes, run.explain()
