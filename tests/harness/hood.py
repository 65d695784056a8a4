"""Starts Fumehood as one of the identities and reads what it leaves."""

import json
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from harness import kernel, machine, places


@dataclass
class Run:
    """One finished call of `fumehood run`, with its record where there is one."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    result: dict = field(default_factory=dict)

    @property
    def directory(self):
        return Path(self.result["run_dir"])

    @property
    def text(self):
        return self.stdout.decode("utf-8", "replace")

    @property
    def errors(self):
        return self.stderr.decode("utf-8", "replace")

    @property
    def notes(self):
        return self.result.get("completion_notes", "")

    @property
    def own_notes(self):
        """The notes but for what they say of this machine: a kernel without landlock."""
        return re.sub(r" ?It ran without these layers of the hood, as allowed: [a-z, ]+\.$", "", self.notes)

    def report(self):
        """The one line of JSON that a victim printed, or {} when it was ended before."""
        for line in reversed(self.text.splitlines()):
            if line.startswith('{"attack"'):
                return json.loads(line)
        return {}

    def events(self):
        lines = (self.directory / "events.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def explain(self):
        """What to print when an assertion about this run fails."""
        return (
            f"exit code {self.exit_code}\n--- stdout\n{self.text[-2000:]}\n--- stderr\n{self.errors[-2000:]}\n"
            f"--- result\n{json.dumps(self.result, indent=1)[:4000]}"
        )


ROOM_FOR_ALL = {
    "FUMEHOOD_BUDGET_CPUS": "4096",
    "FUMEHOOD_BUDGET_MEMORY_MB": "16777216",
    "FUMEHOOD_BUDGET_PIDS": "4194304",
    "FUMEHOOD_BUDGET_DISK_MB": "16777216",
}


class Hood:
    """Fumehood with a state, a home and a work directory of its own, used by one test and removed after it."""

    def __init__(self, place, programs, directory, options):
        self.place = place
        self.programs = programs
        self.options = options  # variables for the programs themselves
        self.top = Path(directory)
        self.uid, self.prefix = places.identity(place.who)
        self.give(self.top)
        self.work = self.folder("work")
        self.home = self.folder("home")
        self.state = self.top / "state"  # made by Fumehood, so that its mode is seen too
        self.folder("tmp")
        self.weakened = ["landlock"] if machine.lacks("landlock") else []
        # Goes into each run of victims: by it whatever they leave is found.
        self.mark = f"fh-mark-{self.top.parent.name}-{self.top.name}"

    def folder(self, name):
        """A directory that belongs to whoever starts Fumehood."""
        path = self.top / name
        path.mkdir(parents=True, exist_ok=True)
        self.give(path)
        return path

    def give(self, path):
        if os.geteuid() == 0 and self.uid != 0:
            os.chown(path, self.uid, self.uid, follow_symlinks=False)

    def file(self, path, text=""):
        """A file of whoever starts Fumehood; `path` is relative to the test's folder."""
        target = self.top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        self.give(target)
        return target

    def victim(self, name, folder=None):
        """Puts a victim into the work directory (or `folder`) and returns the path by which a run starts it."""
        target = (folder or self.work) / name
        shutil.copy2(self.programs / "victims" / name, target)
        self.give(target)
        return f"./{name}" if folder is None else str(target)

    def environment(self, **more):
        """Nothing of the test's own environment but the path."""
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.top / "tmp"),
            "FUMEHOOD_STATE": str(self.state),
            # A kernel without landlock starts no run unless that is allowed; test_isolation.py takes this away again.
            **({"FUMEHOOD_ALLOW_WEAKER": ",".join(self.weakened)} if self.weakened else {}),
            # Many tests start more at once than this machine has processors; test_queue.py says what it wants itself.
            **ROOM_FOR_ALL,
            **self.options,
            **places.session_of(self.uid),
        }
        return {**environment, **more}

    def start(self, *words, environment=None, cwd=None, stdin=subprocess.DEVNULL, program=None, prefix=(), **options):
        """Starts `fumehood WORDS` and returns the Popen; the caller waits for it."""
        command = [*prefix, *self.prefix, str(program or self.programs / "fumehood"), *map(str, words)]
        session = kernel.session_of(self.uid)
        if session:
            command = [*kernel.login(session, self.uid), *command]
        elif os.geteuid() == 0 and self.uid != 0:
            options.update(user=self.uid, group=self.uid, extra_groups=[])
        return subprocess.Popen(
            command,
            env=self.environment() if environment is None else environment,
            cwd=cwd or self.work,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **options,
        )

    def call(self, *words, input=None, seconds=60, **options):
        """Runs `fumehood WORDS` to its end. One that does not end is killed with all it started, and fails the test."""
        if input is not None:
            options["stdin"] = subprocess.PIPE
        process = self.start(*words, **options)
        try:
            out, err = process.communicate(input, timeout=seconds * machine.PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(
                f"`fumehood {' '.join(map(str, words))}` did not end in {seconds} s\n{out[-2000:]!r}\n{err[-2000:]!r}"
            ) from None
        return Run(process.returncode, out, err)

    def run(self, *words, flags=(), **options):
        """`fumehood run FLAGS -- WORDS`, with its RunResult."""
        evidence = self.top / "tmp" / "result.json"
        evidence.unlink(missing_ok=True)
        run = self.call("run", "--result", evidence, *flags, "--", *words, **options)
        if evidence.exists():
            run.result = json.loads(evidence.read_text(encoding="utf-8"))
            self.await_keeper(run.result["run_id"])
        return run

    def await_keeper(self, run_id):
        """Waits until the keeper, after the end of its run, has tidied up and gone."""
        keeper = json.loads((self.run_directory(run_id) / "keeper.json").read_text(encoding="utf-8"))
        gone = kernel.wait_until(lambda: not kernel.is_alive(keeper["pid"], keeper["start_ticks"]), 60)
        assert gone, f"the keeper of run {run_id} did not end"

    def run_victim(self, name, *arguments, flags=(), **options):
        """Runs a victim with the guard and the mark in its environment. A spec may set no FUMEHOOD_ name itself."""
        program = self.victim(name)
        guard = ["--env", "FH_VICTIM=1", "--env", f"FH_MARK={self.mark}"]
        return self.run(program, *arguments, flags=[*guard, *flags], **options)

    def submit(self, *words, flags=()):
        """`fumehood submit FLAGS -- WORDS`: the id of a run that goes on by itself."""
        run = self.call("submit", *flags, "--", *words)
        assert run.exit_code == 0, run.explain()
        run_id = run.text.strip()
        assert len(run_id) == 26 and run.text == run_id + "\n", run.explain()
        return run_id

    def run_directory(self, run_id):
        return self.state / "runs" / run_id

    def result(self, run_id):
        """The result.json of a run, or {} while it goes on."""
        try:
            return json.loads((self.run_directory(run_id) / "result.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    def wait(self, run_id, seconds=60):
        """Waits for the end without help of Fumehood's own `wait`."""
        result = kernel.wait_until(lambda: self.result(run_id), seconds)
        assert result, f"run {run_id} has no result after {seconds} s"
        return result

    def runs(self):
        """Ids of all runs that left a directory."""
        directory = self.state / "runs"
        return sorted(os.listdir(directory)) if directory.is_dir() else []

    def close(self):
        """Ends and removes everything. Returns what should not have been there."""
        left = [f"process {pid} was alive" for pid in kernel.kill_processes_with(self.mark)]
        kernel.kill_processes_with(str(self.top))  # keepers of runs that a test left going on purpose
        for point in reversed(kernel.mounts_below(self.top)):
            left.append(f"{point} was mounted")
            subprocess.run(["umount", "-l", point], check=False, stdin=subprocess.DEVNULL)
        if not kernel.mounts_below(self.top):  # never remove through a mount
            _remove(self.top)
        return left


def _remove(directory):
    def open_and_retry(function, path, _):
        os.chmod(os.path.dirname(path), 0o700)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
        function(path)

    shutil.rmtree(directory, onerror=open_and_retry)
