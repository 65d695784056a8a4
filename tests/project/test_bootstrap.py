"""tools/bootstrap: its groups can be had together. One whose packages push out another's would break the next build."""

import re
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def test_no_group_removes_what_another_needs():
    text = (TOP / "tools/bootstrap").read_text(encoding="utf-8")
    table = text[text.index("declare -A packages=(") : text.index("\n)\n", text.index("declare -A packages=("))]
    words = re.sub(r"declare -A packages=\(|\[\w+\]=|\"", " ", table).split()
    choices = [word.rstrip("?").split("|") for word in words]
    names = sorted({name for choice in choices for name in choice})
    listed = subprocess.run(["apt-cache", "madison", *names], capture_output=True, text=True, check=True).stdout
    offered = {line.split("|")[0].strip() for line in listed.splitlines()}
    wanted = [next(name for name in choice if name in offered) for choice in choices if offered & set(choice)]
    assert {"libseccomp-dev", "python3-pytest", "shellcheck", "samtools"} <= set(wanted)
    planned = subprocess.run(["apt-get", "install", "--simulate", "--no-install-recommends", "-qq", *wanted], capture_output=True, text=True, check=False)
    assert planned.returncode == 0, planned.stderr
    assert not [line for line in planned.stdout.splitlines() if line.startswith("Remv")], planned.stdout
