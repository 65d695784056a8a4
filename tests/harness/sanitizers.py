"""Fumehood built with sanitizers: where its processes write what they find, and that somebody looks."""

import shlex
import shutil

# A keeper is started with an empty environment, so a script in its place gives it the options; exec keeps its process id and
# its name. The run's first process cannot write here, nor anywhere else: what is found in it ends it, and so fails its run.
_KEEPER = """#!/bin/sh
{assignments} exec "$0.real" "$@"
"""


class Findings:
    """The reports of one build's processes, in files of a directory that every user may write to."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()
        directory.chmod(0o1777)

    def options(self, process):
        """Environment of a process that puts its findings here. A leak is one too."""
        reports = self.directory / process
        return {
            "ASAN_OPTIONS": f"detect_leaks=1:exitcode=199:log_path={reports}.asan",
            "UBSAN_OPTIONS": f"print_stacktrace=1:exitcode=199:log_path={reports}.ubsan",
            "TSAN_OPTIONS": f"exitcode=199:log_path={reports}.tsan",
        }

    def take(self):
        """What was found since the last look, as one text."""
        text = ""
        for path in sorted(self.directory.iterdir()):
            text += f"{path.name}:\n{path.read_text(encoding='utf-8', errors='replace')}\n"
            path.unlink()
        return text


def stage_keeper(program, target, findings):
    """Puts a keeper, and the script that gives it its options, into a directory of staged programs."""
    shutil.copy2(program, target / "fumehood-keeper.real")
    assignments = " ".join(f"{name}={shlex.quote(value)}" for name, value in findings.options("keeper").items())
    script = target / "fumehood-keeper"
    script.write_text(_KEEPER.format(assignments=assignments), encoding="utf-8")
    script.chmod(0o755)
