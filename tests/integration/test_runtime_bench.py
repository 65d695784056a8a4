"""The benchmark of a damaged prefix, on a small one: that it measures what it says. How fast: docs/performance.md."""

import re
import subprocess


def test_the_damaged_byte_is_found_and_nothing_is_left(pytestconfig, tmp_path):
    program = pytestconfig.build_directory / "release/runtime_bench"
    words = ["--mib", "4", "--files", "900", "--rounds", "1", tmp_path]
    ran = subprocess.run([program, *words], capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"^One byte of lib/package-00\d/part-\d/file-\d{6} is damaged: by metadata it is found; "
                     r"with the file's time put back, only by its bytes\.$", ran.stdout, re.MULTILINE), ran.stdout
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in ran.stdout.splitlines() if line.startswith("|")]
    assert rows[0][0].startswith("4.0 MiB in 900 files") and len(rows) == 7, ran.stdout
    assert all(float(row[3]) >= 0 for row in rows[2:]), ran.stdout
    assert len(re.findall(r"has \d+\.\d\d of the speed of the (?:disk|hash)", ran.stdout)) == 2, ran.stdout
    assert not list(tmp_path.iterdir())


def test_a_wrong_call_is_refused(pytestconfig, tmp_path):
    for words in (["--mib"], ["--mib", "none"], ["--size", "4"], [tmp_path / "nowhere"]):
        ran = subprocess.run([pytestconfig.build_directory / "release/runtime_bench", *words], capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 1 and ran.stderr.startswith("runtime_bench: "), (words, ran)
