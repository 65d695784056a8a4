"""The unit-test programs of the C++ folders, each case a test: as an ordinary user, as root, on real cgroup v2, sanitized."""

import pytest

from harness import machine, programs

SOURCES = programs.TOP / "src"


def pytest_generate_tests(metafunc):
    if not {"program", "case"} & set(metafunc.fixturenames):
        return
    config = metafunc.config
    chosen = [*programs.PLACES, *(programs.SLOW_PLACES if config.option.slow else [])]
    found = [(place, program) for place in chosen for program in programs.built(config.build_directory, place)]
    if "case" in metafunc.fixturenames:
        rows = [(place, program, case) for place, program in found for case in programs.cases(program, place)]
        ids = [f"{program.name}:{case}-{place}" for place, program, case in rows]
        metafunc.parametrize(("place", "program", "case"), rows, ids=ids)
    else:
        metafunc.parametrize(("place", "program"), found, ids=[f"{program.name}-{place}" for place, program in found])


@pytest.fixture(scope="session")
def outcomes():
    return {}


@pytest.fixture
def outcome(place, program, outcomes, request, session_directory):
    """Of the program as a whole, which runs once, with the cases that are wanted of it."""
    for name in place.needs():
        machine.need(name)
    key = (place, program)
    if key not in outcomes:
        values = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
        wanted = [v["case"] for v in values if {"case", "program"} <= set(v) and (v["place"], v["program"]) == key]
        outcomes[key] = programs.run(program, place, wanted or ["*"], session_directory / f"{program.name}-{place}")
    return outcomes[key]


def test_unit(case, outcome):
    ended, text = outcome.cases.get(case, ("failed", "the program ended before this case"))
    if ended == "skipped":
        pytest.skip(text)
    if ended == "failed":
        pytest.fail(f"{text}\n{outcome.explain()}", pytrace=False)


def test_the_program_ends_as_its_cases_say(outcome):
    """What a program does wrong outside of its cases: crashes, leaks, races that a sanitizer finds at the end."""
    failed = any(ended == "failed" for ended, _ in outcome.cases.values())
    assert outcome.returncode == (1 if failed else 0), outcome.explain()


def test_every_folder_with_unit_tests_has_its_program(pytestconfig):
    folders = sorted({path.parent.relative_to(SOURCES) for path in SOURCES.glob("**/*_test.cc")})
    for build in ("release", "asan", "tsan") if pytestconfig.option.slow else ("release",):
        expected = [f"{build}/src/{folder}/{folder.name}_test" for folder in folders]
        missing = [name for name in expected if not (pytestconfig.build_directory / name).exists()]
        assert expected and not missing, f"{missing} not there: run tools/build {build}"
