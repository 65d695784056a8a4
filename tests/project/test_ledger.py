"""harness/ledger.py: a suite of four lines, skipped here and there, ends as its skips deserve."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
CONFTEST = """
import pytest
from harness import ledger
def pytest_addoption(parser):
    parser.addoption("--place", action="append", default=[])
def pytest_configure(config):
    config.pluginmanager.register(ledger.Ledger(config), "ledger")
"""
SUITE = """
import pytest
@pytest.mark.parametrize("place", ["here", "there"])
def test_it(place):
    if {when}:
        pytest.skip("{reason}")
"""


def ends(tmp_path, when, reason, required):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(SUITE.format(when=when, reason=reason))
    environment = {**os.environ, "FUMEHOOD_REQUIRE": required, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return run.returncode, run.stdout


@pytest.mark.parametrize(
    ("when", "reason", "required", "closing"),
    [
        ("place == 'here'", "needs landlock: none", "landlock", "1 passed, 1 left to another place"),
        ("True", "needs landlock: none", "cgroup1", "2 skipped"),
        ("True", "needs landlock: none", "cgroup1,landlock", "1 failed, 2 skipped"),
        ("place == 'here'", "none of this", "", "1 failed, 1 passed, 1 left to another place"),
        ("place == 'here'", "needs unicorns: none", "", "1 failed, 1 passed, 1 left to another place"),
    ],
)
def test_a_session_ends_as_its_skips_deserve(tmp_path, when, reason, required, closing):
    code, text = ends(tmp_path, when, reason, required)
    assert closing in text.splitlines()[-1], text
    assert code == (1 if "failed" in closing else 0), text
    if code == 1:
        assert "test_it[*]" in text, text
