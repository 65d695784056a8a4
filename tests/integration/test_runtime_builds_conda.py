"""Conda prefixes made from files by real tools, out of a channel of our own; and what comes of a cache that somebody edited."""

import json
import os
import shutil
from pathlib import Path

import pytest

from harness import kernel, machine

# The tools lie below the checkout, which only root can be sure to enter.
pytestmark = [pytest.mark.on_host, pytest.mark.only_as("root")]


class Bench:
    def __init__(self, hood, tools, channel):
        self.hood, self.tools, self.channel = hood, tools, channel
        self.file = hood.file("environment.yml", f"name: ignored\nchannels: [{channel.as_uri()}]\ndependencies:\n  - labtools\n  - pylab-small >=2\n")

    def environment(self, **more):
        base = self.hood.environment()
        # Nothing of the network is wanted, and a tool that asks shall hear that at once.
        return {**base, "PATH": f"{self.tools.parent}:{base['PATH']}", "HTTPS_PROXY": "http://127.0.0.1:9", **more}

    def add(self, *flags, name="lab", file=None, environment=None):
        words = ["runtimes", "add", name, "--file", file or self.file, *flags]
        return self.hood.call(*words, environment=environment or self.environment(), seconds=300)

    def prefix(self, name="lab"):
        return Path(self.entry(name)["sources"][0]["location"])

    def entry(self, name="lab"):
        return {entry["name"]: entry for entry in json.loads(self.hood.call("runtimes", "ls", "--json").text)["runtimes"]}.get(name)

    def lock(self, name="lab"):
        return json.loads(self.hood.call("runtimes", "lock", name, "--json").text)["packages"]


@pytest.fixture
def bench(hood, tools, channel):
    return Bench(hood, tools, channel)


def test_an_environment_file_becomes_a_runtime(hood, bench):
    added = bench.add("--import", "json")
    assert added.exit_code == 0 and "by rattler 0.28.0 from environment.yml" in added.text, added.explain()
    assert {(p["manager"], p["name"]) for p in bench.lock()} == {("conda", "labtools"), ("conda", "pylab-small"), ("conda", "python")}
    run = hood.run("sh", "-c", "tool; echo $ORDER $CONDA_PREFIX", flags=["--runtime", "lab"])
    assert run.text == f"tool ok\n2Za {bench.prefix()}\n", run.explain()
    # What the tool linked into its cache is a copy now.
    assert "had linked into its cache" in added.errors
    assert {path.stat().st_nlink for path in bench.prefix().rglob("*") if path.is_file() and not path.is_symlink()} == {1}


def test_a_lock_and_an_explicit_list_make_the_same_again(hood, bench):
    assert bench.add().exit_code == 0
    lock = hood.file("lab.lock", hood.call("runtimes", "lock", "lab", "--json").text)
    unsaid = bench.add(name="again", file=lock)
    assert unsaid.exit_code == 2 and "--channel" in unsaid.errors, unsaid.explain()
    again = bench.add("--channel", bench.channel.as_uri(), name="again", file=lock)
    assert again.exit_code == 0, again.explain()
    packages = sorted(path for path in bench.channel.glob("*/*") if path.name != "repodata.json")
    digests = {package["name"]: package["digest"].removeprefix("sha256:") for package in bench.lock()}
    lines = [f"{path.as_uri()}#{digests[path.name.rsplit('-', 2)[0]]}" for path in packages]
    listed = hood.file("explicit.txt", "# by hand\n@EXPLICIT\n" + "\n".join(lines) + "\n")
    explicit = bench.add(name="explicit", file=listed)
    assert explicit.exit_code == 0, explicit.explain()
    assert bench.entry("lab")["identity"] == bench.entry("again")["identity"] == bench.entry("explicit")["identity"] != ""


def test_a_list_whose_archive_is_another_is_refused(hood, bench):
    package = next(bench.channel.glob("linux-64/labtools-*.conda"))
    python = next(bench.channel.glob("linux-64/python-*.conda"))
    listed = hood.file("explicit.txt", f"@EXPLICIT\n{python.as_uri()}\n{package.as_uri()}#{'0' * 64}\n")
    added = bench.add(file=listed)
    assert added.exit_code == 2 and "labtools is another archive than that of the list" in added.errors, added.explain()
    assert bench.entry() is None and not (hood.state / "runtimes/lab").exists()


# One that is linked as it is; two into which the prefix is written, by which no digest of the tool's own tells an edit.
EDITED = {"lib": "site-packages/pylab_small/__init__.py", "script": "bin/tool", "binary": "share/labtools/where.bin"}


@pytest.mark.parametrize("what", EDITED)
def test_a_cache_that_was_edited_is_found_by_the_name_of_the_file(hood, bench, what):
    assert bench.add(name="before").exit_code == 0
    cache = hood.state / "cache/packages/rattler"
    (target,) = [path for path in cache.rglob(Path(EDITED[what]).name) if str(path).endswith(EDITED[what])]
    with open(target, "r+b") as file:
        content = bytearray(file.read())
        content[-3] ^= 1
        file.seek(0)
        file.write(content)
    added = bench.add()
    assert added.exit_code == 2 and target.name in added.errors and f"rm -r {cache}" in added.errors, added.explain()
    assert bench.entry() is None
    # What was built before has no part in it.
    assert hood.call("runtimes", "check", "--deep", "before").exit_code == 0
    shutil.rmtree(cache)
    again = bench.add()
    assert again.exit_code == 0, again.explain()


def test_a_tool_killed_while_it_links_leaves_nothing_that_is_offered(hood, bench):
    environment = bench.environment()
    process = hood.start("runtimes", "add", "lab", "--file", bench.file, environment=environment)
    assert kernel.wait_until(lambda: list(hood.state.glob("runtimes/lab/build-*/prefix/*")) or process.poll() is not None, 120)
    process.kill()
    process.communicate(timeout=60 * machine.PATIENCE)
    assert kernel.wait_until(lambda: not kernel.processes_with("make_prefix.py"), 60)
    entry = bench.entry()
    assert entry is None or entry["health"]["state"] == "healthy"
    added = bench.add()
    assert added.exit_code == 0, added.explain()
    assert len(list((hood.state / "runtimes/lab").glob("build-*"))) == 1


def test_packages_of_pip_in_it_are_refused_with_what_can(hood, bench):
    file = hood.file("environment.yml", f"channels: [{bench.channel.as_uri()}]\ndependencies:\n  - python\n  - pip:\n    - labtool\n")
    added = bench.add(file=file)
    assert added.exit_code == 2 and "--with pixi" in added.errors, added.explain()
    assert bench.entry() is None


def test_pixi_makes_the_same_as_rattler(hood, bench):
    """By a pixi that is on PATH: `cargo install --locked pixi` takes a quarter of an hour."""
    pixi = shutil.which("pixi")
    if not pixi:
        machine.unmet("pixi", "pixi is not on PATH")
    environment = bench.environment()
    environment["PATH"] += f":{os.path.dirname(pixi)}"
    assert bench.add("--with", "rattler", name="rattler", environment=environment).exit_code == 0
    unsaid = bench.add(name="pixi", environment=environment)
    assert unsaid.exit_code == 0 and "of pixi, rattler, all of which could, pixi is used" in unsaid.errors, unsaid.explain()
    lock = hood.file("lab.lock", hood.call("runtimes", "lock", "rattler", "--json").text)
    locked = bench.add("--with", "pixi", "--channel", bench.channel.as_uri(), name="locked", file=lock, environment=environment)
    assert locked.exit_code == 0, locked.explain()
    assert bench.entry("pixi")["identity"] == bench.entry("rattler")["identity"] == bench.entry("locked")["identity"] != ""
    run = hood.run("sh", "-c", "tool; echo $ORDER", flags=["--runtime", "pixi"])
    assert run.text == "tool ok\n2Za\n", run.explain()
