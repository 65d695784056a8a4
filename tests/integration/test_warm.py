"""Warm starts: an interpreter that waits in a sealed box with its packages loaded takes the run (docs/warm.md)."""

import json
import os
import signal
import threading

import pytest

from harness import kernel, machine

PYTHON = "/usr/bin/python3"

# What a program can see of itself and of where it is.
LOOK = """
import json, os, resource, signal, sys
main = sys.modules["__main__"]
seen = {
    "main": sorted(vars(main)),
    "names": {k: repr(vars(main).get(k)).partition(" object at ")[0] for k in ("__name__", "__file__", "__spec__", "__doc__", "__package__", "__cached__")},
    "loader": type(main.__loader__).__name__,
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path, "executable": sys.executable, "flags": repr(sys.flags),
    "environment": dict(os.environ), "cwd": os.getcwd(), "files": sorted(os.listdir(".")), "root": sorted(os.listdir("/")),
    "tmp": os.listdir("/tmp"), "home": os.listdir(os.environ["HOME"]), "pid": os.getpid(), "parent": os.getppid(),
    "session": os.getsid(0), "signals": [str(signal.getsignal(n)) for n in range(1, 32)],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "streams": [(s.name, s.mode, s.encoding, s.errors, s.line_buffering, s.seekable()) for s in (sys.stdin, sys.stdout, sys.stderr)],
    "descriptors": sorted(os.listdir("/proc/self/fd")), "command": open("/proc/self/cmdline").read().rstrip("\\0"),
    "name": open("/proc/self/comm").read(), "shared": os.statvfs("/dev/shm").f_blocks,
    "limits": {n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT")},
    "mounts": [line.split()[4:6] + line.split(" - ")[1].split()[:1] for line in open("/proc/self/mountinfo")],
    "status": [line for line in open("/proc/self/status") if line.split(":")[0] in
               ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "SigIgn", "SigBlk", "SigCgt", "Groups", "Umask", "Threads")],
    "input": sys.stdin.read(),
}
print(json.dumps(seen, indent=1, sort_keys=True))
"""


def places(hood):
    """What lies in the parking place: the boxes that wait, and those in the making."""
    folder = hood.state / "warm"
    return sorted(name for name in os.listdir(folder) if not name.startswith(".")) if folder.is_dir() else []


def waiting(hood):
    return [name for name in places(hood) if not name.startswith("making.")]


def staged(hood):
    folder = hood.state / "staging"
    return sorted(os.listdir(folder)) if folder.is_dir() else []


@pytest.fixture(name="warm")
def warm_runtime(hood):
    """Marks python3, and parks one. Afterwards nothing that waited is left."""

    def park(*packages, count=1, **options):
        words = [word for package in packages for word in ("--import", package)]
        answer = hood.call("runtimes", "warm", "python3", *words, "--count", count, seconds=120, **options)
        assert answer.exit_code == 0, answer.explain()
        return answer

    park("json", "decimal")
    yield park
    hood.call("runtimes", "warm", "python3", "--off")
    assert kernel.wait_until(lambda: places(hood) == [], 60), places(hood)
    assert kernel.wait_until(lambda: staged(hood) == [], 60), staged(hood)


def start_of(run):
    """The event that says whether it was warm."""
    return next(event for event in run.events() if event["type"] == "warm")


def run_warm(hood, *words, flags=(), **options):
    run = hood.run(*words, flags=["--warm", *flags], **options)
    assert run.result, run.explain()
    return run


def run_both(hood, *words, flags=(), **options):
    """Cold and warm; the second was really warm."""
    assert kernel.wait_until(lambda: waiting(hood), 120), places(hood)
    warm = run_warm(hood, *words, flags=flags, **options)
    assert start_of(warm)["used"], (start_of(warm), warm.explain())
    cold = hood.run(*words, flags=flags, **options)
    assert not [event for event in cold.events() if event["type"] == "warm"]
    return cold, warm


def assert_same(cold, warm):
    assert (warm.exit_code, warm.stdout) == (cold.exit_code, cold.stdout)
    for key in ("status", "reason", "exit_code", "signal", "completion_notes"):
        assert warm.result[key] == cold.result[key], key
    assert warm.result["isolation"] | {"uid": 0} == cold.result["isolation"] | {"uid": 0}


def error_log(run):
    return (run.directory / "attempts/1/stderr.log").read_text()


@pytest.mark.core
def test_a_warm_run_sees_what_a_cold_one_sees(hood, warm):
    hood.file("work/look.py", LOOK)
    for words in ([PYTHON, "-c", LOOK, "a b", "--c"], ["python3", "look.py", "a b", ""], ["python3", "./look.py"], ["python3", "-m", "look", "x"]):
        if words[0] == PYTHON:
            words = ["python3", *words[1:]]
        cold, warm_run = run_both(hood, *words, flags=["--env", "COLOUR=blue", "--env", "EMPTY="], input=b"one line\n")
        assert json.loads(warm_run.text) == json.loads(cold.text)
        assert_same(cold, warm_run)
        assert hood.call("verify", warm_run.result["run_id"]).exit_code == 0


@pytest.mark.parametrize("program", [
    "print('fine')",
    "import sys; print('told', file=sys.stderr); sys.exit(7)",
    "import sys; sys.exit('a text')",
    "raise SystemExit",
    "def f():\n    return 1 / 0\nf()\n",
    "raise KeyboardInterrupt",
    "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "import os; os.abort()",
    "import atexit, threading\natexit.register(print, 'last')\nthreading.Thread(target=print, args=('first',)).start()\n",
    "this is no python\n",
    "import sys; sys.stdout.write('no newline')",
    "import os; os._exit(3)",
    "print(int('x'))",
    "import json, pickle\nclass C: pass\nprint(pickle.dumps(C()), C.__module__)\n",
    "from multiprocessing import Pool\nif __name__ == '__main__':\n    with Pool(2) as pool: print(pool.map(abs, [-1, -2]))\n",
    "open('made', 'w').write('x'); print(open('made').read())",
], ids=range(16))  # fmt: skip
def test_its_end_is_what_it_is_cold(hood, warm, program):
    hood.file("work/s.py", program)
    cold, warm_run = run_both(hood, "python3", "s.py", seconds=120)
    assert_same(cold, warm_run)
    assert error_log(warm_run) == error_log(cold)
    assert [output["path"] for output in warm_run.result["outputs"]] == [output["path"] for output in cold.result["outputs"]]


@pytest.mark.parametrize("form", ["-c", "-m"])
def test_tracebacks_of_the_other_forms_are_the_same(hood, warm, form):
    text = "def f():\n    raise ValueError('no')\nf()\n"
    hood.file("work/s.py", text)
    cold, warm_run = run_both(hood, "python3", form, text if form == "-c" else "s")
    assert_same(cold, warm_run)
    assert error_log(warm_run) == error_log(cold)


@pytest.mark.core
def test_a_box_is_used_once_and_another_takes_its_place(hood, warm):
    first = waiting(hood)
    run = run_warm(hood, "python3", "-c", "open('/tmp/mine', 'w'); open('mine', 'w')", flags=["--env", "TOKEN=from-the-first-run"])
    assert start_of(run)["used"]
    assert kernel.wait_until(lambda: waiting(hood), 60)
    assert not set(first) & set(waiting(hood))
    look = "import os; print(os.listdir('/tmp'), os.listdir('.'), os.environ.get('TOKEN'))"
    cold, second = run_both(hood, "python3", "-c", look)
    assert second.text == cold.text and "mine" not in second.text and second.text.endswith(" [] None\n"), second.text


def test_nothing_of_a_run_is_in_a_box_that_waits(hood, warm):
    """The memory of the interpreters that wait, as root sees it, holds no word of a run before them."""
    if os.geteuid() != 0:
        machine.unmet("root", "only root may look into another's memory")
    secret = "xyzzy-" + hood.mark
    run = run_warm(hood, "python3", "-c", "import time; print('x')", flags=["--env", f"TOKEN={secret}"])
    assert start_of(run)["used"]
    assert kernel.wait_until(lambda: waiting(hood), 60)
    found = [pid for pid in kernel.processes_with(str(hood.work)) if os.path.exists(f"/proc/{pid}/mem")]
    assert found, "no interpreter waits"
    for pid in found:
        memory = b""
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
            for line in maps:
                span, rights = line.split()[:2]
                start, end = (int(number, 16) for number in span.split("-"))
                if rights.startswith("rw") and end - start < 1 << 28:
                    mem.seek(start)
                    memory = mem.read(end - start) or b""
                    assert secret.encode() not in memory


def test_of_two_launchers_one_gets_the_box(hood, warm):
    runs = []
    threads = [threading.Thread(target=lambda: runs.append(hood.call("run", "--warm", "--json", "--", "python3", "-c", "pass"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.exit_code for run in runs] == [0, 0], [run.explain() for run in runs]
    used = []
    for run_id in hood.runs():
        events = (hood.run_directory(run_id) / "events.jsonl").read_text(encoding="utf-8").splitlines()
        used += [json.loads(line)["used"] for line in events if json.loads(line)["type"] == "warm"]
    assert sorted(used) in ([False, True], [True, True]) and True in used, used
    tokens = [json.loads((hood.run_directory(run_id) / "keeper.json").read_text())["cgroup"]["name"] for run_id in hood.runs()]
    assert len(set(tokens)) == 2


@pytest.mark.parametrize(("words", "flags", "why"), [
    (["sh", "-c", "exit 0"], [], "python3 SCRIPT"),
    (["python3", "-u", "-c", "pass"], [], "python3 SCRIPT"),
    (["python3", "-c", "pass"], ["--env", "PYTHONHASHSEED=0"], "PYTHONHASHSEED"),
    (["python3", "-c", "pass"], ["--env", "OMP_NUM_THREADS=7"], "OMP_NUM_THREADS"),
    (["python3", "-c", "pass"], ["--memory", "100"], "no interpreter waited"),
    (["python3", "-c", "pass"], ["--network", "host"], "no interpreter waited"),
])  # fmt: skip
def test_what_cannot_start_warm_starts_cold_and_says_so(hood, warm, words, flags, why):
    run = run_warm(hood, *words, flags=flags)
    assert run.exit_code == 0, run.explain()
    start = start_of(run)
    assert not start["used"] and why in start["why"], start
    assert why in (run.directory / "execution.log").read_text()


def test_a_file_of_ones_own_goes_before_a_loaded_package(hood, warm):
    hood.file("work/decimal.py", "print('mine')\n")
    run = run_warm(hood, "python3", "-c", "import decimal")
    assert run.text == "mine\n", run.explain()
    assert not start_of(run)["used"] and "decimal of its own" in start_of(run)["why"]


def test_a_runtime_that_is_not_marked_starts_cold(hood):
    run = run_warm(hood, "python3", "-c", "print(1)")
    assert run.text == "1\n"
    assert "not marked" in start_of(run)["why"] and places(hood) == []


def test_packages_that_cannot_be_loaded_are_told(hood, warm):
    answer = hood.call("runtimes", "warm", "python3", "--import", "no_such_package")
    assert answer.exit_code != 0 and "no_such_package" in answer.errors, answer.explain()
    run = run_warm(hood, "python3", "-c", "print(1)")
    assert run.text == "1\n" and not start_of(run)["used"]


def test_an_interpreter_that_was_killed_is_not_used(hood, warm):
    keeper = json.loads((hood.state / "staging" / waiting(hood)[0].rpartition(".")[2] / "keeper.json").read_text())
    os.kill(keeper["pid"], signal.SIGKILL)
    assert kernel.wait_until(lambda: not kernel.is_alive(keeper["pid"], keeper["start_ticks"]))
    run = run_warm(hood, "python3", "-c", "print(1)")
    assert run.text == "1\n" and not start_of(run)["used"]
    assert hood.call("gc").exit_code == 0
    assert kernel.wait_until(lambda: not kernel.cgroups_named(keeper["cgroup"]["name"]))


def test_it_goes_after_its_time(hood):
    environment = hood.environment(FUMEHOOD_WARM_IDLE_SECONDS="1")
    answer = hood.call("runtimes", "warm", "python3", "--import", "json", environment=environment)
    assert answer.exit_code == 0, answer.explain()
    assert kernel.wait_until(lambda: places(hood) == [] and staged(hood) == [], 60), (places(hood), staged(hood))


def test_no_more_wait_than_may(hood, warm):
    answer = warm("json", "decimal", count=9)
    assert "1 more waits" in answer.text, answer.explain()  # with the one that waited: warm_boxes
    assert len(places(hood)) == 2
    other = hood.folder("other")
    warm("json", "decimal", cwd=other)  # of another kind: one that has waited longest goes for it
    assert kernel.wait_until(lambda: len(places(hood)) == 2 and len(staged(hood)) == 2, 60), (places(hood), staged(hood))


def test_a_launcher_that_takes_a_box_and_dies_leaves_nothing(hood, warm):
    process = hood.start("run", "--warm", "--", "python3", "-c", "import time; time.sleep(60)")
    assert kernel.wait_until(hood.runs, 60)
    run_id = hood.runs()[0]
    process.kill()
    process.wait()
    assert hood.call("kill", run_id, seconds=120).exit_code == 0
    assert hood.wait(run_id)["status"] in ("KILLED", "UNKNOWN", "FAILED")


ATTACKS = {
    "write_outside": "for p in ('/usr/x', '/etc/x', '/x', '/opt/x'):\n try: open(p, 'w'); print('wrote', p)\n except OSError: pass\n",
    "other_runs": "import os\nfor p in (STATE, STATE + '/runs', '/proc/1/root', '/proc/1/environ', '/proc/1/mem'):\n try: print(os.listdir(p) if os.path.isdir(p) else open(p, 'rb').read(1))\n except OSError: pass\n",
    "network": "import socket\nfor a in (('127.0.0.1', 22), ('1.1.1.1', 53)):\n s = socket.socket()\n s.settimeout(1)\n try: s.connect(a); print('connected')\n except OSError: pass\n",
    "trace": "import ctypes\nprint(*[x for x in range(1, 3) if ctypes.CDLL(None).ptrace(16, x, 0, 0) == 0], end='')\n",
    "mount": "import ctypes\nlibc = ctypes.CDLL(None)\nprint(*[x for x in (libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0), libc.unshare(0x10000000)) if x == 0], end='')\n",
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_a_warm_run_gets_no_further_than_a_cold_one(hood, warm, name):
    program = f"STATE = {str(hood.state)!r}\n" + ATTACKS[name]
    cold, warm_run = run_both(hood, "python3", "-c", program)
    assert cold.text == "" == warm_run.text, (cold.text, warm_run.text)
    assert_same(cold, warm_run)


def test_its_limits_are_its_own(hood, warm):
    """More memory than an interpreter that waits may have here, and fewer processes.

    Below 256 MiB: the testbed's kernel ends a process that has more single pages than its host lets it map (65530).
    """
    narrow = hood.environment(FUMEHOOD_WARM_MEMORY_MB="64", FUMEHOOD_MEMORY_LIMIT_MB="200", FUMEHOOD_PIDS_LIMIT="64")
    answer = hood.call("runtimes", "warm", "python3", environment=narrow, seconds=120)
    assert "1 more waits" in answer.text, answer.explain()

    def both(program):
        assert kernel.wait_until(lambda: len(waiting(hood)) == 2, 120), places(hood)  # one of them for these runs
        return run_both(hood, "python3", "-c", program, seconds=120, environment=narrow)

    cold, warm_run = both("x = bytearray(100 << 20); print(len(x))")
    assert (warm_run.exit_code, warm_run.text) == (cold.exit_code, cold.text) == (0, f"{100 << 20}\n"), warm_run.explain()
    assert warm_run.result["usage"]["memory_peak_mb"] > 100, warm_run.explain()
    cold, warm_run = both("x = bytearray(1)\nwhile True: x += bytes(16 << 20)\n")
    assert (cold.result["reason"], cold.exit_code) == ("memory_limit", 137), cold.explain()
    assert (warm_run.result["reason"], warm_run.exit_code) == ("memory_limit", 137), warm_run.explain()
    threads = """import os, threading, time
n = 0
try:
    while n < 120:
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
        n += 1
except RuntimeError:
    pass
print(n, flush=True)
os._exit(0)
"""
    cold, warm_run = both(threads)
    assert warm_run.text == cold.text and 55 < int(warm_run.text) < 65, (warm_run.text, cold.text)


def test_inputs_are_shown_to_a_warm_run_too(hood, warm):
    data = hood.folder("data")
    hood.file("data/a.txt", "first")
    flags = ["--input", f"{data}:/data"]
    read = "print(open('/data/a.txt').read())"
    assert not start_of(run_warm(hood, "python3", "-c", read, flags=flags))["used"]  # that is of another kind; the next one waits
    assert kernel.wait_until(lambda: len(set(name.partition(".")[0] for name in waiting(hood))) == 2, 60), places(hood)
    hood.file("data/a.txt", "second, changed since the box was made")
    run = run_warm(hood, "python3", "-c", read, flags=flags)
    assert start_of(run)["used"], start_of(run)
    assert run.text == "second, changed since the box was made\n"


def test_the_work_directory_is_as_it_is_when_the_run_begins(hood, warm):
    hood.file("work/new.txt", "made after the box")
    run = run_warm(hood, "python3", "-c", "import os; print(os.listdir('.'), open('new.txt').read())")
    assert start_of(run)["used"]
    assert run.text == "['new.txt'] made after the box\n"
