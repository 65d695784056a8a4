"""Runtimes made from files, and everything that can go wrong on the way: nothing half-built is ever offered or run."""

import errno
import json
import os
import shutil
import signal
import subprocess
import threading

import pytest

from harness import builders, kernel, machine

pytestmark = pytest.mark.on_host


@pytest.fixture(scope="session")
def uv(session_directory):
    """Where every user can start it."""
    target = session_directory / "uv"
    if not target.exists():
        shutil.copy2(builders.uv_program(), target)
    return target


@pytest.fixture
def bench(hood, uv):
    return builders.Bench(hood, uv)


def catalog(hood):
    listed = hood.call("runtimes", "ls", "--json")
    assert listed.exit_code == 0, listed.explain()
    return {entry["name"]: entry for entry in json.loads(listed.text)["runtimes"]}


def assert_not_offered(hood, name="cells"):
    assert name not in catalog(hood)
    before = hood.runs()
    run = hood.run("true", flags=["--runtime", name])
    assert run.exit_code == 2 and f"no runtime '{name}'" in run.errors and hood.runs() == before, run.explain()


def assert_works(bench, name="cells"):
    run = bench.hood.run("python", "-c", "import labtool, labdep; print(labtool.ANSWER + labdep.X)", flags=["--runtime", name])
    assert (run.exit_code, run.text) == (0, "43\n"), run.explain()


def assert_next_add_works(bench):
    bench.offer("uv")
    added = bench.add()
    assert added.exit_code == 0, added.explain()
    bench.prefix()  # one build, and nothing else
    assert_works(bench)


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_requirements_file_becomes_a_runtime(hood, bench, tool):
    added = bench.add("--with", tool, "--import", "labtool")
    assert added.exit_code == 0 and f"by {tool} " in added.text, added.explain()
    assert not any((hood.top / "tmp").iterdir())
    entry = catalog(hood)["cells"]
    assert entry["made_by"].startswith(f"{tool} ") and entry["made_by"].endswith(" from requirements.txt")
    assert entry["sources"] == [{"kind": "virtualenv", "location": str(bench.prefix()), "digest": "", "owned": True}]
    assert (entry["health"]["state"], entry["health"]["deep"]) == ("healthy", True)
    assert_works(bench)
    log = (hood.state / "runtimes/.logs/cells.log").read_text()
    assert str(bench.requirements) in log and str(hood.state / "runtimes/.logs/cells.log") in added.errors
    # Nothing outside has another name of a file of it.
    assert {path.stat().st_nlink for path in bench.prefix().rglob("*") if path.is_file() and not path.is_symlink()} == {1}
    assert hood.call("runtimes", "remove", "cells").exit_code == 0
    assert not (hood.state / "runtimes/cells").exists()


def test_one_file_makes_one_identity_whatever_the_tool(hood, bench):
    for tool in ("uv", "pip"):
        assert bench.add("--with", tool, name=tool).exit_code == 0
    known = catalog(hood)
    assert known["uv"]["identity"] == known["pip"]["identity"] != ""


def test_a_lock_makes_the_same_runtime_again_and_no_other(hood, bench):
    assert bench.add().exit_code == 0
    lock = hood.file("cells.lock", hood.call("runtimes", "lock", "cells", "--json").text)
    again = bench.add("--with", "pip", name="again", file=lock)
    assert again.exit_code == 0 and "from cells.lock" in again.text, again.explain()
    known = catalog(hood)
    assert known["again"]["identity"] == known["cells"]["identity"]
    assert_works(bench, "again")
    # The same version, and other contents.
    bench.wheel("labdep", "1.5", {"labdep.py": "X = 2\n"})
    other = bench.add("--with", "pip", name="other", file=lock, environment=bench.environment(PIP_CACHE_DIR=str(hood.folder("pip-cache"))))
    assert other.exit_code == 2 and "labdep is 1.5" in other.errors, other.explain()
    assert_not_offered(hood, "other")


def test_the_tool_that_is_used_is_told_and_can_be_chosen(hood, bench):
    unsaid = bench.add(name="first")
    assert "of uv, pip, all of which could, uv is used; --with NAME chooses" in unsaid.errors, unsaid.explain()
    assert " by uv " in unsaid.text
    for word, expected in (("conda", "one of: uv, pip"), ("make", "one of: uv, pip")):
        wrong = bench.add("--with", word)
        assert wrong.exit_code == 2 and expected in wrong.errors, wrong.explain()
    (bench.tools / "uv").unlink()
    absent = bench.add("--with", "uv")
    assert absent.exit_code == 2 and "get one of: uv (pip install uv)" in absent.errors, absent.explain()
    alone = bench.add()
    assert alone.exit_code == 0 and " by pip " in alone.text and "could" not in alone.errors, alone.explain()


def test_where_no_tool_is_the_error_names_what_to_get(hood, bench):
    file = hood.file("environment.yml", "dependencies: [python]\n")
    environment = bench.environment(PATH=str(bench.tools))
    added = bench.add(file=file, environment=environment)
    assert added.exit_code == 2 and "no tool on PATH" in added.errors and "rattler (pip install py-rattler" in added.errors, added.explain()
    assert not hood.state.exists()


@pytest.mark.parametrize(("name", "text", "expected"), [
    ("pyproject.toml", "[project]\n", "uv export"),
    ("notes.md", "# notes\n", "taken are"),
    ("environment.yml", "name: cells\n", "no list of `dependencies`"),
    ("explicit.txt", "@EXPLICIT\nnumpy\n", "no address of a package"),
    ("requirements.txt", "-e .\n", "name it without -e"),
    ("cells.lock", '{"version":1,"packages":[\n{"manager":"cran","name":"abc","version":"1","build":"","digest":"","source":""}\n]}\n', "cran"),
    ("cells.lock", '{"version":1,"packages":[\n{"manager":"pip"}\n]}\n', "looks like a runtime lock and is none"),
], ids=["pyproject", "notes", "no dependencies", "no address", "editable", "cran", "no lock"])
def test_a_file_that_nothing_is_made_from_is_refused(hood, bench, name, text, expected):
    added = bench.add(file=hood.file(name, text))
    assert added.exit_code == 2 and expected in added.errors, added.explain()
    assert not hood.state.exists()


def test_a_build_that_fails_is_quoted_and_leaves_nothing(hood, bench):
    added = bench.add(file=bench.require("labtool", "nosuchpackage==3", name="missing.txt"))
    assert added.exit_code == 2 and "nosuchpackage" in added.errors, added.explain()
    log = hood.state / "runtimes/.logs/cells.log"
    assert str(log) in added.errors and "nosuchpackage" in log.read_text(), added.explain()
    assert not (hood.state / "runtimes/cells").exists()
    assert_not_offered(hood)
    assert_next_add_works(bench)


def test_what_does_not_load_is_not_added(hood, bench):
    added = bench.add("--import", "labtool", "--import", "nosuchmodule")
    assert added.exit_code == 2 and "nosuchmodule" in added.errors, added.explain()
    assert_not_offered(hood)


def test_a_tool_that_installs_less_than_was_asked_for_is_not_believed(hood, bench):
    bench.offer("uv", after='[ "$1" = venv ] || rm -r "${4%/bin/python}"/lib/python3*/site-packages/labtool*')
    added = bench.add()
    assert added.exit_code == 2 and "labtool was asked for and is not there" in added.errors, added.explain()
    assert_not_offered(hood)
    assert_next_add_works(bench)


def test_a_file_cut_short_after_the_build_is_found(hood, bench):
    bench.offer("uv", after='[ "$1" = venv ] || truncate -s 3 "${4%/bin/python}"/lib/python3*/site-packages/labtool/more.py')
    added = bench.add()
    assert added.exit_code == 2 and "labtool/more.py" in added.errors and "1 changed" in added.errors, added.explain()
    assert_not_offered(hood)
    assert_next_add_works(bench)


MOMENTS = {
    "before the environment": ("before", '[ "$1" = venv ]'),
    "after the environment": ("after", '[ "$1" = venv ]'),
    "before the packages": ("before", '[ "$1" = pip ]'),
    "after the packages": ("after", '[ "$1" = pip ]'),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_fumehood_killed_in_mid_build_leaves_nothing_that_is_offered(hood, bench, moment):
    side, when = MOMENTS[moment]
    stop = builders.Stop(hood, "stop", when)
    bench.offer("uv", **{side: stop.script})
    process = hood.start(*bench.words(), environment=bench.environment())
    stop.reached()
    process.kill()  # at this instant
    process.communicate(timeout=60 * machine.PATIENCE)
    # The tool and all it started goes with it: nothing writes into what the next build makes.
    assert kernel.wait_until(lambda: not kernel.processes_with(str(bench.tools / "uv")), 60)
    assert_not_offered(hood)
    assert list((hood.state / "runtimes/cells").glob("build-*")), "it was killed before it had begun"
    assert_next_add_works(bench)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_tool_killed_in_mid_build_is_told_and_leaves_nothing(hood, bench, moment):
    side, when = MOMENTS[moment]
    bench.offer("uv", **{side: f"if {when}; then kill -9 $$; fi"})
    added = bench.add()
    assert added.exit_code == 2 and "was ended by signal 9" in added.errors, added.explain()
    assert not (hood.state / "runtimes/cells").exists()
    assert_not_offered(hood)
    assert_next_add_works(bench)


# Of Fumehood itself, the check and the entry included. Each step by itself where they are few; of the many removals some.
CHANGES = {"makes": ("mkdir,mkdirat,rename,renameat,renameat2,link,linkat", 1), "removes": ("unlink,unlinkat,rmdir", 23)}


@pytest.mark.only_as("root")
@pytest.mark.parametrize("what", CHANGES)
def test_fumehood_killed_at_any_change_that_it_makes_leaves_nothing_that_does_not_work(hood, bench, what):
    if not shutil.which("strace"):
        machine.unmet("tools", "strace is not here (package strace)")
    calls, step = CHANGES[what]
    for number in range(1, 1000, step):
        inject = ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:signal=SIGKILL:when={number}"]
        added = bench.add(prefix=inject)
        known = catalog(hood).get("cells")
        if known:
            assert known["health"]["state"] == "healthy", (number, added.explain())
            assert_works(bench)
        if added.exit_code == 0:
            break
        assert added.exit_code in (-9, 137), (number, added.explain())
        if known:
            assert hood.call("runtimes", "remove", "cells").exit_code == 0
    assert number > 2 * step and known, (number, added.explain())
    # A check that had begun ends by itself, and then is gone.
    assert kernel.wait_until(lambda: hood.call("gc").exit_code == 0 and not list(hood.state.glob("trial-*")), 60)
    bench.prefix()


def test_two_builds_of_one_name_give_one_runtime(hood, bench):
    stop = builders.Stop(hood, "stop", '[ "$1" = pip ]')
    bench.offer("uv", before=stop.script)
    first = hood.start(*bench.words(), environment=bench.environment())
    stop.reached()
    bench.offer("uv")
    second = hood.start(*bench.words(), environment=bench.environment())
    waits = next(line for line in second.stderr if b"waiting" in line)
    assert b"another program makes, checks or removes cells" in waits
    stop.go_on()
    out, err = first.communicate(timeout=300 * machine.PATIENCE)
    assert first.returncode == 0 and out.startswith(b"added cells"), (out, err)
    out, err = second.communicate(timeout=300 * machine.PATIENCE)
    assert second.returncode == 0 and out.startswith(b"cells is there already, made from this file"), (out, err)
    bench.prefix()
    assert_works(bench)
    other = bench.add(file=bench.require("labdep", name="other.txt"))
    assert other.exit_code == 2 and "there is a runtime cells already" in other.errors, other.explain()


def test_many_builds_of_one_name_at_once_give_one_runtime(hood, bench):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(bench.add())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.exit_code for answer in answers] == [0] * 4, [answer.explain() for answer in answers]
    assert sorted(answer.text.split()[0] for answer in answers) == ["added", "cells", "cells", "cells"]
    bench.prefix()
    assert_works(bench)


def test_gc_removes_what_a_killed_build_left_and_nothing_that_goes_on(hood, bench):
    stop = builders.Stop(hood, "stop", '[ "$1" = pip ]')
    bench.offer("uv", before=stop.script)
    killed = hood.start(*bench.words(name="killed"), environment=bench.environment())
    stop.reached()
    killed.kill()
    killed.communicate(timeout=60 * machine.PATIENCE)
    assert kernel.wait_until(lambda: not kernel.processes_with(str(bench.tools / "uv")), 60)
    going_on = hood.start(*bench.words(), environment=bench.environment())
    stop.reached()
    dry = hood.call("gc", "--dry-run", "--json")
    assert json.loads(dry.text)["leftovers"] == ["runtimes/killed"], dry.explain()
    assert (hood.state / "runtimes/killed").exists()
    collected = hood.call("gc", "--json")
    assert json.loads(collected.text)["leftovers"] == ["runtimes/killed"], collected.explain()
    assert not (hood.state / "runtimes/killed").exists()
    stop.go_on()
    out, err = going_on.communicate(timeout=300 * machine.PATIENCE)
    assert going_on.returncode == 0, (out, err)
    assert_works(bench)


@pytest.fixture
def small_state(hood):
    """A state directory of 24 MiB."""
    machine.need("root")
    hood.state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(hood.state)], check=True)
    hood.state.chmod(0o700)
    hood.give(hood.state)
    yield hood.state
    unmounted = kernel.wait_until(lambda: subprocess.run(["umount", str(hood.state)], capture_output=True).returncode == 0, 30)
    assert unmounted, "something of a run still uses the state directory"


@pytest.mark.only_as("root", "user")
def test_a_full_disk_is_named_and_leaves_nothing(hood, bench, small_state):
    bench.wheel("labbig", "1.0", {"labbig.bin": os.urandom(32 << 20)})
    added = bench.add(file=bench.require("labbig", name="big.txt"))
    assert added.exit_code == 125, added.explain()
    for word in ("is full", str(small_state), "fumehood gc"):
        assert word in added.errors, added.explain()
    assert not (small_state / "runtimes/cells").exists()
    shutil.rmtree(small_state / "cache/packages")  # where the tool left what it had unpacked
    assert_next_add_works(bench)


@pytest.mark.only_as("root", "user")
def test_a_disk_that_fills_up_after_the_build_is_told(hood, bench, small_state):
    stop = builders.Stop(hood, "stop", '[ "$1" = pip ]')
    bench.offer("uv", after=stop.script)
    process = hood.start(*bench.words(), environment=bench.environment())
    stop.reached()
    ballast = small_state / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC
    stop.go_on()
    out, err = process.communicate(timeout=300 * machine.PATIENCE)
    assert process.returncode != 0 and b"is full" in err, (out, err)
    ballast.unlink()
    assert_not_offered(hood)
    assert_next_add_works(bench)


def test_a_cache_that_was_edited_is_found_and_reaches_no_runtime_that_is_there(hood, bench):
    assert bench.add(name="before").exit_code == 0
    cache = hood.state / "cache/packages/uv"
    cached = [path for path in cache.rglob("labtool/__init__.py")]
    assert cached, "uv keeps no unpacked packages any more: this test shows nothing"
    for path in cached:
        with open(path, "r+b") as file:
            file.write(b"ANSWER = 13")
    after = bench.add()
    assert after.exit_code == 2 and "labtool/__init__.py" in after.errors and f"rm -r {cache}" in after.errors, after.explain()
    assert_not_offered(hood)
    checked = hood.call("runtimes", "check", "--deep", "before")
    assert checked.exit_code == 0, checked.explain()
    assert_works(bench, "before")
    shutil.rmtree(cache)
    assert_next_add_works(bench)


def test_hard_links_into_a_cache_are_replaced_by_copies(hood, bench):
    """As of a tool that links whatever it is told."""
    shared = hood.folder("shared")
    link = f'[ "$1" = venv ] || ln "${{4%/bin/python}}"/lib/python3*/site-packages/labtool/more.py {shared}/more.py'
    bench.offer("uv", after=link)
    added = bench.add()
    assert added.exit_code == 0 and "copied 1 files that uv had linked into its cache" in added.errors, added.explain()
    (shared / "more.py").write_text("MORE = 'edited'\n")
    assert (bench.site() / "labtool/more.py").read_text() == "MORE = 1\n"
    deep = hood.call("runtimes", "check", "--deep", "cells")
    assert deep.exit_code == 0 and "foreign" not in deep.text + deep.errors, deep.explain()


def test_a_file_that_changes_while_it_is_built_from_is_told(hood, bench):
    bench.offer("uv", after=f'[ "$1" = venv ] || echo labdep >>{bench.requirements}')
    added = bench.add()
    assert added.exit_code == 2 and "was changed while it was made" in added.errors, added.explain()
    assert_not_offered(hood)


def test_variables_of_the_callers_shell_lead_no_tool_astray(hood, bench):
    elsewhere = hood.folder("elsewhere")
    led = bench.environment(PYTHONPATH=str(elsewhere), VIRTUAL_ENV=str(elsewhere), PIP_TARGET=str(elsewhere), PIP_PREFIX=str(elsewhere),
                            UV_SYSTEM_PYTHON="1", PIP_USER="1", CONDA_PREFIX=str(elsewhere))
    for tool in ("uv", "pip"):
        added = bench.add("--with", tool, name=tool, environment=led)
        assert added.exit_code == 0, added.explain()
        assert_works(bench, tool)
    assert not any(elsewhere.iterdir())


def test_an_archive_is_imported_by_file_too(hood, bench):
    root = hood.folder("root")
    (root / "bin").mkdir()
    shutil.copy2("/usr/bin/busybox", root / "bin/sh")
    archive = hood.top / "image.tar"
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
    hood.give(archive)
    added = bench.add(name="tools", file=archive)
    assert added.exit_code == 0 and "rootfs" in added.text, added.explain()
    refused = bench.add("--with", "pip", name="more", file=archive)
    assert refused.exit_code == 2 and "--with is for what a tool makes" in refused.errors, refused.explain()


def damage(path):
    """Same size, same times: what only its bytes tell. Returns what mends it."""
    content, times = path.read_bytes(), path.stat()

    def write(text):
        path.write_bytes(text)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    write(content.replace(b"42", b"13"))
    return lambda: write(content)


def test_a_damaged_runtime_is_quarantined_where_that_is_configured(hood, bench):
    assert bench.add().exit_code == 0
    strict = hood.environment(FUMEHOOD_QUARANTINE_RUNTIMES="true")
    init = bench.site() / "labtool/__init__.py"
    mend = damage(init)
    checked = hood.call("runtimes", "check", "--deep", "cells", environment=strict)
    assert checked.exit_code == 1 and "quarantined" in checked.text, checked.explain()
    mend()
    for again in (["check", "cells"], ["ls"]):
        assert "quarantined" in hood.call("runtimes", *again).text
    assert catalog(hood)["cells"]["health"]["state"] == "quarantined"
    run = hood.run("true", flags=["--runtime", "cells"])
    assert run.exit_code == 2 and "is quarantined" in run.errors and "check --deep cells" in run.errors and not hood.runs(), run.explain()
    deep = hood.call("runtimes", "check", "--deep", "cells")
    assert deep.exit_code == 0, deep.explain()
    assert_works(bench)


@pytest.mark.parametrize("quarantine", [False, True])
def test_damage_seen_at_a_launch_stays_on_record_only_in_quarantine(hood, bench, quarantine):
    assert bench.add().exit_code == 0
    environment = hood.environment(FUMEHOOD_QUARANTINE_RUNTIMES="true" if quarantine else "false")
    more = bench.site() / "labtool/more.py"
    more.rename(hood.top / "more.py")
    run = hood.run("true", flags=["--runtime", "cells"], environment=environment)
    assert run.exit_code == 2 and "labtool/more.py" in run.errors, run.explain()
    (hood.top / "more.py").rename(more)
    assert catalog(hood)["cells"]["health"]["state"] == ("quarantined" if quarantine else "healthy")
    run = hood.run("true", flags=["--runtime", "cells"], environment=environment)
    assert run.exit_code == (2 if quarantine else 0), run.explain()
