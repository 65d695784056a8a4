"""tools/get-julia: what it says where it cannot do its work. That it does it, and what comes of it: e2e/test_examples.py."""

import os
import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools/get-julia"


def call(*words, **variables):
    return subprocess.run([TOOL, *words], capture_output=True, text=True, env={**os.environ, **variables}, timeout=300, check=False)


@pytest.mark.parametrize("words", [[], ["one.tar", "two.tar"], ["--mirror"], ["--help"], ["--mirror", "URL"]])
def test_a_wrong_call_is_answered_with_the_right_one(words):
    answer = call(*words)
    assert answer.returncode == 2 and answer.stderr.startswith("usage: tools/get-julia"), answer


def test_what_cannot_be_written_is_said_before_anything_is_fetched(tmp_path):
    answer = call(tmp_path / "nowhere" / "julia.tar")
    assert answer.returncode == 1 and f"there is no directory {tmp_path}/nowhere" in answer.stderr, answer
    answer = call(tmp_path)
    assert answer.returncode == 1 and "is a directory" in answer.stderr, answer
    assert not list(tmp_path.iterdir())


def test_a_mirror_without_the_packages_leaves_nothing_behind(tmp_path):
    (tmp_path / "mirror").mkdir()
    answer = call("--mirror", f"file:{tmp_path}/mirror", tmp_path / "julia.tar")
    assert answer.returncode == 1 and "apt-get" in answer.stderr and "failed" in answer.stderr, answer
    assert [path.name for path in tmp_path.iterdir()] == ["mirror"]


def test_packages_that_nobody_signed_are_refused(tmp_path):
    lists = tmp_path / "mirror/dists/bullseye"
    lists.mkdir(parents=True)
    (lists / "Release").write_text("Origin: Debian\nSuite: oldoldstable\nCodename: bullseye\nComponents: main\nArchitectures: amd64 arm64\n")
    answer = call("--mirror", f"file:{tmp_path}/mirror", tmp_path / "julia.tar")
    assert answer.returncode == 1 and "is not signed" in answer.stderr, answer
    assert not (tmp_path / "julia.tar").exists()
