"""Each fuzzer of the parsers for its share of ten minutes, from its corpus if it has one. Only with --slow."""

import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
SOURCES = sorted(TOP.glob("src/**/*_fuzz.cc"))
TEN_MINUTES = 600


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_finds_no_crash(pytestconfig, session_directory, source):
    build = pytestconfig.build_directory / "fuzz"
    programs = [path for path in build.rglob(source.stem) if path.is_file()]
    assert programs, f"{source.stem} is not built: tools/build fuzz"
    corpus = session_directory / f"corpus-{source.stem}"
    corpus.mkdir()
    command = [str(programs[0]), f"-max_total_time={max(10, TEN_MINUTES // len(SOURCES))}", "-timeout=10", "-rss_limit_mb=2048"]
    command += [f"-artifact_prefix={corpus}/", str(corpus)]
    seeds = source.parent / "testdata"
    run = subprocess.run([*command, *([str(seeds)] if seeds.is_dir() else [])], cwd=corpus, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-4000:]
