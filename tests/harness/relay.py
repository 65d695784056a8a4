"""Runs the items of a testbed in that testbed and reports them here, one by one, as if they had run here.

Outside: all items of a bed are handed to one boot of it, started as soon as they are known, while the items of this
machine run; then each one's reports are taken over. Inside: every report is written as a line of JSON to a file that
both sides see. The same way pytest-xdist carries reports.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from harness import machine, programs

TESTS = Path(__file__).resolve().parent.parent


def _lighten(folder):
    """Without what only a debugger reads, nine tenths of them: a bed holds all this in its memory."""
    programs_there = [path for path in folder.rglob("*") if path.is_file() and os.access(path, os.X_OK)]
    subprocess.run(["strip", "--strip-debug", *programs_there], check=True, timeout=300)


class Writer:
    """Inside a testbed: reports go to a file."""

    def __init__(self, config, path):
        self.config = config
        self.file = open(path, "a", encoding="utf-8", buffering=1)

    def pytest_runtest_logreport(self, report):
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self.file.write(json.dumps(data) + "\n")


class Bed:
    """One boot of a testbed with the items that run in it."""

    def __init__(self, name, items, config):
        self.name = name
        self.config = config
        self.folder = Path(config.session_directory) / f"bed-{name}"
        self.folder.mkdir()
        self.reports_path = self.folder / "reports.jsonl"
        self.reports_path.touch()
        (self.folder / "items").write_text("\n".join(item.nodeid for item in items), encoding="utf-8")
        self.reports = {}
        self.read = 0
        self.process = self._boot(sorted({item.nodeid.split("::")[0] for item in items}))

    def _boot(self, files):
        checkout = self._copy_of_what_is_tested()
        command = [str(TESTS / "testbeds" / self.name), "-s", str(self.folder), sys.executable, "-B", "-m", "pytest"]
        command += ["-c", str(checkout / "tests/pytest.ini"), "--rootdir", str(checkout / "tests"), "-v"]
        # With = : pytest looks for its first conftest.py beside anything that might be a path.
        command += [f"--relay-to={self.reports_path}", f"--only-items={self.folder / 'items'}"]
        command += ["--slow"] if self.config.option.slow else []
        command += [str(checkout / "tests" / file) for file in files]
        environment = {name: value for name, value in os.environ.items() if name != "FUMEHOOD_BUILD"}
        with open(self.folder / "console", "wb") as console:
            return subprocess.Popen(
                command, cwd=checkout / "tests", env=environment, stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )

    def _copy_of_what_is_tested(self):
        """The suites and the release build in the folder that the bed sees; the checkout itself may be out of its sight."""
        checkout = self.folder / "checkout"
        for folder in (TESTS, TESTS.parent / "examples"):
            shutil.copytree(folder, checkout / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
        release = self.config.build_directory / "release"
        unit_tests = [str(path.relative_to(release)) for path in programs.in_bed(self.config.build_directory, self.name)]
        for name in ("fumehood", "fumehood-keeper", "execute_notebook.py", "victims", "tests", *unit_tests):
            target = checkout / "build/release" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (release / name).is_dir():
                shutil.copytree(release / name, target, ignore=shutil.ignore_patterns("CMakeFiles", "*.cmake"))
            elif (release / name).exists():
                shutil.copy2(release / name, target)
        _lighten(checkout / "build/release")
        return checkout

    def _take_in(self):
        with open(self.reports_path, encoding="utf-8") as file:
            file.seek(self.read)
            for line in iter(file.readline, ""):
                if not line.endswith("\n"):
                    break
                self.read += len(line.encode())
                report = self.config.hook.pytest_report_from_serializable(config=self.config, data=json.loads(line))
                if isinstance(report.longrepr, list):  # where a test was skipped: a tuple, until it went through JSON
                    report.longrepr = tuple(report.longrepr)
                self.reports.setdefault(report.nodeid, []).append(report)

    def _finished(self, nodeid):
        return any(report.when == "teardown" for report in self.reports.get(nodeid, []))

    def reports_of(self, item):
        """Waits until the item has run in the bed, or the bed has ended without it."""
        while not self._finished(item.nodeid):
            ended = self.process.poll() is not None
            self._take_in()
            if ended and not self._finished(item.nodeid):
                return [self._lost(item)]
            time.sleep(0.1)
        return self.reports[item.nodeid]

    def _lost(self, item):
        console = (self.folder / "console").read_text(encoding="utf-8", errors="replace")
        text = f"the testbed {self.name} ended with {self.process.returncode} before this test did:\n{console[-3000:]}"
        return pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


class Reader:
    """Outside: items that belong to a bed are not run but reported."""

    def __init__(self, config):
        self.config = config
        self.beds = {}

    def pytest_runtestloop(self, session):
        if session.config.option.collectonly:
            return
        items = {}
        for item in session.items:
            place = place_of(item)
            if place is not None and place.remote and machine.lacks(place.bed) is None:
                items.setdefault(place.bed, []).append(item)
        for name, chosen in items.items():
            self.beds[name] = Bed(name, chosen, self.config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item):
        place = place_of(item)
        if place is None or not place.remote:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        bed = self.beds.get(place.bed)
        for report in bed.reports_of(item) if bed else [no_bed(item, place.bed)]:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_sessionfinish(self):
        for bed in self.beds.values():
            bed.close()


def place_of(item):
    return item.callspec.params.get("place") if hasattr(item, "callspec") else None


def no_bed(item, bed):
    """A skip, or a failure where FUMEHOOD_REQUIRE names the bed."""
    reason = machine.lacks(bed)
    if bed in machine.required():
        return pytest.TestReport(item.nodeid, item.location, {}, "failed", f"FUMEHOOD_REQUIRE names {bed}, but: {reason}", "call")
    where = (str(item.path), (item.location[1] or 0) + 1, f"Skipped: needs {bed}: {reason}")
    return pytest.TestReport(item.nodeid, item.location, {}, "skipped", where, "call")


def keep_only(items, path):
    """The items whose ids a file names, for the inside of a bed."""
    wanted = set(Path(path).read_text(encoding="utf-8").splitlines())
    return [item for item in items if item.nodeid in wanted]


def session_directory():
    """A short path that everybody may enter: unix sockets have 107 bytes, and ordinary users take part."""
    path = tempfile.mkdtemp(prefix="fh-", dir=os.environ.get("TMPDIR", "/tmp"))
    os.chmod(path, 0o755)
    return path
