"""Collecting outputs from a tree that its maker may have turned into a trap."""

import hashlib
import json

import pytest


def listed(run):
    return {entry["path"]: entry for entry in json.loads((run.directory / "outputs.json").read_text())["files"]}


def test_planted_links_and_fifos_are_not_followed(hood):
    secret = hood.file("host/secret", "of the host\n")
    run = hood.run_victim("plant_links", secret, flags=["--output", "out-*"])
    text = (run.directory / "outputs.json").read_text()
    assert hashlib.sha256(secret.read_bytes()).hexdigest() not in text, text
    assert listed(run) == {}, text
    for name in ("out-link.txt", "out-fifo.txt"):
        assert name in text, "what was left out is not named"


def test_a_naive_collector_would_have_read_the_secret(hood):
    """The trap works: without the collector's care the digest of the secret would be in the list."""
    secret = hood.file("host/secret", "of the host\n")
    run = hood.run_victim("plant_links", secret)
    assert (run.directory / "work" / "out-link.txt").read_bytes() == secret.read_bytes()


@pytest.mark.parametrize("glob", ["../host/*", "/etc/passwd", "a/../../host/secret", ".."])
def test_outputs_outside_of_the_work_directory_are_refused(hood, glob):
    hood.file("host/secret", "of the host\n")
    run = hood.run("true", flags=["--output", glob])
    assert run.exit_code == 2 and "--output" in run.errors and not hood.runs(), run.explain()


def test_globs_choose_and_a_directory_stands_for_all_in_it(hood):
    script = "mkdir -p d/e; echo 1 >d/1; echo 2 >d/e/2; echo 3 >t.csv; echo 4 >u.tmp"
    run = hood.run("sh", "-c", script, flags=["--output", "*.csv", "--output", "d"])
    assert set(listed(run)) == {"d/1", "d/e/2", "t.csv"}, run.explain()


def test_a_sparse_file_of_a_terabyte_does_not_hold_the_collector(hood):
    run = hood.run("truncate", "-s", "1G", "sparse", flags=["--disk", "20"])
    assert run.result, run.explain()
