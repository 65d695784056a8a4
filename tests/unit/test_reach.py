"""harness/reach.py: the ordinary user must reach a checkout that lies in a directory of root's alone."""

import os
import subprocess

import pytest

from harness import machine, places, reach


@pytest.fixture
def closed_checkout(session_directory, request):
    machine.need("root")
    closed = session_directory / request.node.name
    checkout = closed / "deep" / "checkout"
    checkout.mkdir(parents=True)
    os.chmod(closed, 0o700)
    (checkout / "file").write_text("here")
    return checkout


def test_names_the_closed_directory(closed_checkout):
    assert reach.closed_ancestor(closed_checkout) == closed_checkout.parents[1]
    assert reach.closed_ancestor("/usr/bin/true") is None


def test_a_user_reads_a_file_at_its_own_path(closed_checkout):
    words = [*reach.as_user(places.ORDINARY_UID, closed_checkout), "sh", "-c", 'id -u; cat "$0"', str(closed_checkout / "file")]
    answer = subprocess.run(words, capture_output=True, text=True, check=False)
    assert answer.stdout == f"{places.ORDINARY_UID}\nhere", answer.stderr
