"""What several files of this folder need, and takes long to make: kept between sessions."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import machine

TOP = Path(__file__).resolve().parents[2]
BED = TOP / "tests/testbeds/conda"
NOT_TO_BE_HAD = 75  # its exit status where pip cannot get what it wants


@pytest.fixture(scope="session")
def tools():
    """The interpreter of a virtual environment with py-rattler: kept between sessions."""
    folder = TOP / ".cache/conda-tools"
    made = subprocess.run([BED, "tools", folder], capture_output=True, text=True, timeout=600, check=False)
    if made.returncode == NOT_TO_BE_HAD:
        machine.unmet("pypi", f"py-rattler cannot be had: {made.stderr.strip()}")
    assert made.returncode == 0, made.stderr
    return folder / "bin/python"


@pytest.fixture(scope="session")
def channel(session_directory):
    """Packing takes longer than all the tests: kept between sessions, until what is packed changes."""
    if not shutil.which("cph"):
        machine.unmet("conda", "cph is not here (package conda-package-handling)")
    what = hashlib.sha256(BED.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = TOP / f".cache/conda-channel-{what}"
    if not folder.exists():
        for old in folder.parent.glob("conda-channel-*"):
            shutil.rmtree(old)
        made = session_directory / "channel"
        subprocess.run([BED, "channel", made], check=True, timeout=300)
        shutil.copytree(made, folder.with_suffix(".new"), dirs_exist_ok=True)
        folder.with_suffix(".new").rename(folder)
    return folder
