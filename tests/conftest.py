"""Fixtures of all suites, and the choice of where each test runs. See README.md."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import kernel, ledger, machine, places, relay, sanitizers
from harness.hood import Hood

TESTS = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("FUMEHOOD_BUILD", TESTS.parent / "build"))


def pytest_addoption(parser):
    group = parser.getgroup("fumehood")
    group.addoption("--place", action="append", default=[], help="run only in this place, such as host-root or cgroup2-user")
    group.addoption("--slow", action="store_true", help="run also what takes minutes")
    group.addoption("--relay-to", help="used inside a testbed: write reports to this file")
    group.addoption("--only-items", help="used inside a testbed: run only the items this file names")


def pytest_configure(config):
    config.build_directory = BUILD
    config.session_directory = relay.session_directory()
    if config.option.relay_to:
        config.pluginmanager.register(relay.Writer(config, config.option.relay_to), "relay")
    else:
        config.pluginmanager.register(relay.Reader(config), "relay")
        config.pluginmanager.register(ledger.Ledger(config), "ledger")


def pytest_unconfigure(config):
    directory = getattr(config, "session_directory", None)
    if directory and not kernel.mounts_below(directory):
        subprocess.run(["rm", "-rf", str(directory)], check=False)  # some trees in it are deeper than rmtree can go


def pytest_generate_tests(metafunc):
    # Attacks and unit-test programs choose their places themselves.
    if "place" not in metafunc.fixturenames or {"attack", "outcome"} & set(metafunc.fixturenames):
        return
    only = metafunc.definition.get_closest_marker("only_as")
    chosen = [place for place in places.PLACES if only is None or place.who in only.args]
    core = metafunc.definition.get_closest_marker("core") is not None
    if not metafunc.config.option.slow:  # only `make test-full` builds the sanitized programs and runs everything in every place
        chosen = [place for place in chosen if (core or not place.lengthy) and place.build == "release"]
    if metafunc.definition.get_closest_marker("unsanitized") is not None:
        chosen = [place for place in chosen if place.build != "asan"]
    if metafunc.definition.get_closest_marker("threaded") is None:
        chosen = [place for place in chosen if place.build != "tsan"]
    if metafunc.definition.get_closest_marker("on_host") is not None:
        chosen = [place for place in chosen if not place.remote]
    if metafunc.definition.get_closest_marker("quota") and machine.lacks_native_quota():
        chosen = [place for place in chosen if place.bed == "cgroup2"]  # whose kernel has quotas
    metafunc.parametrize("place", chosen, ids=str)


def pytest_collection_modifyitems(config, items):
    wanted = config.option.place
    if config.option.only_items:
        items[:] = relay.keep_only(items, config.option.only_items)
    if wanted:
        items[:] = [item for item in items if str(relay.place_of(item)) in wanted]
    if not config.option.slow:
        items[:] = [item for item in items if item.get_closest_marker("slow") is None]
    # What runs in a bed comes last: the bed works on it while the items of this machine run.
    def is_remote(item):
        place = relay.place_of(item)
        return place is not None and place.remote

    items.sort(key=is_remote)


@pytest.fixture(scope="session")
def session_directory(pytestconfig):
    return Path(pytestconfig.session_directory)


@pytest.fixture(scope="session")
def victims(session_directory):
    """Copies of the victims where every user can start them."""
    source, target = BUILD / "release" / "victims", session_directory / "victims"
    if not source.is_dir():
        pytest.fail(f"{source} is not there: run `make build`", pytrace=False)
    shutil.copytree(source, target)
    return target


@pytest.fixture(scope="session")
def findings(session_directory):
    return sanitizers.Findings(session_directory / "findings")


@pytest.fixture(scope="session")
def staged_programs(session_directory, victims, findings):
    """Copies of the built programs where every user can start them, made once for each build."""

    def stage(build):
        target = session_directory / build
        if target.exists():
            return target
        target.mkdir()
        for program in ("fumehood", "fumehood-keeper"):
            # A keeper has one thread: what runs beside the thread sanitizer is the keeper as it is installed.
            source = BUILD / ("release" if build == "tsan" else build) / program
            if not source.exists():
                pytest.fail(f"{source} is not there: run `make build` (or, for asan, `make test-full`)", pytrace=False)
            if program == "fumehood-keeper" and build == "asan":
                sanitizers.stage_keeper(source, target, findings)
            else:
                shutil.copy2(source, target)
        shutil.copy2(BUILD / "release" / "execute_notebook.py", target)  # shown to runs; the same in each build
        if (BUILD / build / "tests").is_dir():
            shutil.copytree(BUILD / build / "tests", target / "tests", ignore=shutil.ignore_patterns("CMakeFiles", "*.cmake"))
        (target / "victims").symlink_to(victims)  # a sanitized build has none of its own
        return target

    return stage


@pytest.fixture(scope="session")
def delegation(session_directory):
    """Gives the ordinary user cgroups of their own, once, by the product's own command; takes them back at the end."""
    before = _cgroups_owned_by(places.ORDINARY_UID)
    done = []

    def delegate(programs):
        # In the systemd guest the user's manager gives them, as it does on a laptop.
        if done or os.geteuid() != 0 or machine.TESTBED == "systemd":
            return
        environment = {"PATH": os.environ["PATH"], "FUMEHOOD_STATE": str(session_directory / "setup-state")}
        command = [str(programs / "fumehood"), "setup", "--user", str(places.ORDINARY_UID)]
        answer = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        assert answer.returncode == 0, f"{command} failed: {answer.stdout!r} {answer.stderr!r}"
        done.append(True)

    yield delegate
    if not done:
        return
    for path in sorted(_cgroups_owned_by(places.ORDINARY_UID) - before, key=len, reverse=True):
        os.rmdir(path)


def _cgroups_owned_by(uid):
    owned = set()
    for top, directories, _ in os.walk("/sys/fs/cgroup"):
        owned |= {os.path.join(top, name) for name in directories if os.lstat(os.path.join(top, name)).st_uid == uid}
    return owned


@pytest.fixture
def hood(request, place, staged_programs, delegation, session_directory, findings):
    """Fumehood in one of the places, with everything of its own; fails a test that leaves something behind."""
    for name in place.needs():
        machine.need(name)
    programs = staged_programs(place.build)
    if place.who != "root":
        delegation(programs)
    directory = session_directory / f"t{request.config.stash.setdefault(_COUNT, 0)}"
    request.config.stash[_COUNT] += 1
    directory.mkdir()
    instance = Hood(place, programs, directory, findings.options("fumehood") if place.build != "release" else {})
    yield instance
    left = instance.close()
    found = findings.take()
    assert not left, f"left behind: {left}"
    assert not found, f"found by the sanitizers:\n{found}"


_COUNT = pytest.StashKey()
