"""Keeps account of skips: which test ran nowhere, and for want of what.

A test that is skipped in one place and runs in another has been run. One that was skipped in all of its places, for a need
that FUMEHOOD_REQUIRE names, fails the session; so does a skip that names no need.
"""

import pytest

from harness import machine, relay


class Ledger:
    def __init__(self, config):
        self.config = config
        self.names = {}  # node id -> the test, whatever the place
        self.locations = {}
        self.ran = set()
        self.skips = {}  # test -> reasons
        self.reports = []  # of skips, with the test

    def pytest_collection_finish(self, session):
        for item in session.items:
            place = relay.place_of(item)
            name = item.nodeid if place is None else item.nodeid.replace(str(place), "*")
            self.names[item.nodeid] = name
            self.locations[name] = item.location

    def pytest_runtest_logreport(self, report):
        name = self.names.get(report.nodeid)
        if report.skipped and not hasattr(report, "wasxfail"):
            text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skips.setdefault(name, set()).add(text.removeprefix("Skipped: "))
            self.reports.append((name, report))
        elif report.when == "call":
            self.ran.add(name)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtestloop(self, session):
        outcome = yield
        if outcome.excinfo is not None:  # interrupted: what did not run was not asked
            return
        for name, text in self.unmet():
            report = pytest.TestReport(name, self.locations[name], {}, "failed", text, "call")
            session.config.hook.pytest_runtest_logreport(report=report)
        self.tell_apart()

    def tell_apart(self):
        """In the closing line, what ran in another place is not counted with what ran nowhere."""
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        for name, report in self.reports:
            if name in self.ran and report in terminal.stats.get("skipped", []):
                terminal.stats["skipped"].remove(report)
                # Not into `stats` alone: the closing line names the kinds that this call has noted.
                terminal._add_stats("left to another place", [report])

    def unmet(self):
        """(test, why) of each that has to fail for its skips."""
        required = machine.required()
        known = {*machine.CHECKS, *machine.OF_TESTS}
        for name, reasons in sorted(self.skips.items()):
            needs = {reason: machine.SKIP_FORM.match(reason) for reason in sorted(reasons)}
            for reason, found in needs.items():
                if found is None or found.group(1) not in known:
                    yield name, f"a skip must say `needs NAME: reason`, with a NAME of harness/machine.py; this one says: {reason}"
            # With --place, others were not even asked.
            if name in self.ran or self.config.option.place:
                continue
            missed = {found.group(1) for found in needs.values() if found} & required
            if missed:
                yield name, f"ran nowhere, though FUMEHOOD_REQUIRE names {', '.join(sorted(missed))}: {'; '.join(needs)}"
