"""The unit-test programs of the C++ folders: each is run once for each place, and taken apart into its cases."""

import os
import re
import subprocess
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field
from pathlib import Path

from harness import machine, places, reach

TOP = Path(__file__).resolve().parents[2]
# What also runs on the kernel of a testbed: the programs that ask the kernel for what only that one has.
IN_BEDS = {"cgroup2": ["hood_test"], "systemd": ["hood_test"]}
# Of these, nothing but what needs that manager is worth an emulated processor. Elsewhere it is a skip that shows.
OF_SYSTEMD = "SystemdScope.HoldsARunWithItsLimitsBesideItsKeeper"
PLACES = [places.Place("host", "user"), places.Place("host", "root"), places.Place("cgroup2", "root")]
PLACES += [places.Place("systemd", "root"), places.Place("systemd", "user")]
SLOW_PLACES = [places.Place("host", "user", "asan"), places.Place("host", "root", "asan"), places.Place("host", "user", "tsan")]
SECONDS = 600


def built(build_directory, place):
    """The programs of a place. The build has no other files of such names."""
    found = sorted((build_directory / place.build / "src").glob("**/*_test"))
    return [path for path in found if place.bed == "host" or path.name in IN_BEDS[place.bed]]


def in_bed(build_directory, bed):
    return {path for place in [*PLACES, *SLOW_PLACES] if place.bed == bed for path in built(build_directory, place)}


def cases(program, place):
    """What a program calls its cases that are for a place: Suite.Case, or Instance/Suite.Case/0."""
    return [OF_SYSTEMD] if place.bed == "systemd" else _all_cases(program)


def _all_cases(program):
    listing = subprocess.run([program, "--gtest_list_tests"], capture_output=True, check=True, text=True, timeout=60).stdout
    names, suite = [], ""
    for line in listing.splitlines():
        word = line.split("#")[0].strip()
        if line.startswith("  "):
            names.append(suite + word)
        elif word.endswith("."):
            suite = word
    return names


@dataclass
class Outcome:
    """How a program ended, and each of its cases: (passed, failed or skipped; what it said)."""

    returncode: int
    output: str
    cases: dict = field(default_factory=dict)

    def explain(self):
        return f"exit code {self.returncode}\n{self.output[-6000:]}"


def run(program, place, wanted, scratch):
    """Runs the wanted cases, in one process."""
    scratch.mkdir()
    prefix = []
    if place.who == "user" and os.geteuid() == 0:
        os.chown(scratch, places.ORDINARY_UID, places.ORDINARY_UID)
        prefix = reach.as_user(places.ORDINARY_UID, TOP)
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "TSAN_OPTIONS": "halt_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        **places.session_of(places.identity(place.who)[0]),
    }
    report = scratch / "report.xml"
    command = [*prefix, str(program), f"--gtest_output=xml:{report}", f"--gtest_filter={':'.join(wanted)}"]
    ended = subprocess.run(
        command, env=environment, cwd=scratch, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=SECONDS * machine.PATIENCE, check=False,
    )
    outcome = Outcome(ended.returncode, ended.stdout.decode("utf-8", "replace"))
    outcome.cases = _from_report(report) if report.exists() else _from_output(outcome.output)
    return outcome


def _from_report(path):
    found = {}
    for case in xml.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        failures = [failure.get("message", "") for failure in case.iter("failure")]
        skips = [skip.get("message", "") for skip in case.iter("skipped")]
        if failures:
            found[name] = ("failed", "\n".join(failures))
        elif case.get("result") == "completed":
            found[name] = ("passed", "")
        elif case.get("result") == "skipped":
            # The first line is where it skipped; what it said follows.
            found[name] = ("skipped", "\n".join(text.partition("\n")[2] for text in skips).strip())
    return found


def _from_output(output):
    """A program that crashes writes no report: then what it printed tells how far it came."""
    found = {name: ("failed", "it ended the program") for name in re.findall(r"^\[ RUN +\] (\S+)", output, re.MULTILINE)}
    words = {"OK": "passed", "FAILED": "failed"}  # why one was skipped is not in its last line: it counts as the last
    for word, name in re.findall(r"^\[ +(OK|FAILED) +\] ([^\s,]+).* \(\d+ ms\)$", output, re.MULTILINE):
        found[name] = (words[word], "see the output of the program, which ended early")
    return found
