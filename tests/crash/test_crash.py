"""kill -9 of any of our processes at any instant: nothing is lost, nothing is there twice.

At every sync point: strace ends whichever process of a submission makes its N-th call of a kind, for each kind that makes something
durable, visible or known to another process, and for each N that there is. At random: many submissions at once, and a killer that
takes whatever lives. FUMEHOOD_CRASH_KILLS says how many of the latter; `make test-full` takes thousands."""

import os
import random
import re
import shutil
import threading
import time

import pytest
from crash import accounts
from harness import machine

KINDS = ["fsync", "renameat2", "sendmsg", "unlinkat"]
MORE_KINDS = ["fdatasync", "rename,renameat", "linkat", "pwrite64", "fcntl", "mkdirat", "clone,clone3,vfork", "openat2", "write"]
OF_EACH_KIND = pytest.mark.parametrize("kind", [*KINDS, *(pytest.param(kind, marks=pytest.mark.slow) for kind in MORE_KINDS)])
pytestmark = [pytest.mark.on_host, pytest.mark.unsanitized("what is counted is kills of the program as it ships")]
KILLS = int(os.environ.get("FUMEHOOD_CRASH_KILLS", "120"))


@pytest.fixture
def ground(hood):
    hood.options.update(FUMEHOOD_BUDGET_CPUS="4", FUMEHOOD_BUDGET_MEMORY_MB="4096")
    yield hood
    for pid, _ in accounts.processes(hood):
        accounts.kill(pid)


def says(run_id, text):
    assert text == "whole\n", (run_id, text)


def traced(hood, kind, nth, log, *words):
    """`fumehood WORDS` and all that it starts; whichever process makes its `nth` call of the kind gets SIGKILL instead."""
    inject = ["-e", f"inject={kind}:signal=SIGKILL:when={nth}"] if nth else []
    return hood.start(*words, prefix=["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={kind}", *inject])


def most_calls(log, kind):
    """Of one process: further than that there is nothing to kill."""
    calls = {}
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"(\d+) +(\w+)\(", line)
        if match and match[2] in kind.split(","):
            calls[match[1]] = calls.get(match[1], 0) + 1
    return max(calls.values(), default=0)


@OF_EACH_KIND
def test_a_kill_at_every_call_of_a_submission_loses_nothing(ground, kind):
    if not shutil.which("strace"):
        machine.unmet("tools", "strace is not here")
    log = ground.folder("tmp") / f"trace-{kind.replace(',', '-')}"
    clean = traced(ground, kind, 0, log, "submit", "--", "echo", "whole")
    out, err = clean.communicate(timeout=120)
    assert clean.returncode == 0, err
    promised = [out.decode().strip()]
    for nth in range(1, most_calls(log, kind) + 1):
        killed = traced(ground, kind, nth, log, "submit", "--", "echo", "whole")
        out, _ = killed.communicate(timeout=120)
        if len(out) == 27:
            promised.append(out.decode().strip())
    accounts.recover(ground)
    accounts.account(ground, promised, says)
    accounts.nothing_left(ground, ["--cpus", "4", "--memory", "4096"])


@OF_EACH_KIND
def test_a_kill_at_every_call_of_what_starts_waiting_runs_loses_nothing(ground, kind):
    if not shutil.which("strace"):
        machine.unmet("tools", "strace is not here")
    log = ground.folder("tmp") / f"trace-{kind.replace(',', '-')}"
    promised = []

    def queue_some():
        """Two that wait, while one of four cores holds the place; then nothing starts them but the dispatcher that is traced."""
        holder = ground.submit("sleep", "600", flags=["--cpus", "4"])
        ids = [ground.submit("echo", "whole") for _ in range(2)]
        for pid, _ in accounts.processes(ground, "dispatch"):
            accounts.kill(pid)
        ground.call("kill", holder)
        for pid, _ in accounts.processes(ground, "dispatch"):
            accounts.kill(pid)
        promised.extend(ids)

    queue_some()
    clean = traced(ground, kind, 0, log, "dispatch")
    clean.communicate(timeout=180)
    for nth in range(1, most_calls(log, kind) + 1):
        queue_some()
        traced(ground, kind, nth, log, "dispatch").communicate(timeout=180)
    accounts.recover(ground)
    for run_id in ground.runs():
        if ground.result(run_id)["reason"] == "cancelled":
            shutil.rmtree(ground.run_directory(run_id))  # the holders
    accounts.account(ground, promised, says)
    accounts.nothing_left(ground, ["--cpus", "4", "--memory", "4096"])


def test_kills_at_random_lose_nothing(ground):
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    promised, lock, kills = [], threading.Lock(), {"cli": 0, "dispatch": 0, "keeper": 0}

    def submit():
        process = ground.start("submit", "--", "sh", "-c", f"sleep {dice.random() * 0.3:.2f}; echo whole")
        out, _ = process.communicate(timeout=300)
        if len(out) == 27:
            with lock:
                promised.append(out.decode().strip())

    submitters = []
    while sum(kills.values()) < KILLS or min(kills.values()) < KILLS // 20:
        submitters = [thread for thread in submitters if thread.is_alive()]
        if len(submitters) < 4:
            submitters.append(threading.Thread(target=submit))
            submitters[-1].start()
        alive = accounts.processes(ground)
        if alive:
            kind = dice.choice(sorted({kind for _, kind in alive}))
            kills[kind] += accounts.kill(dice.choice([pid for pid, of_kind in alive if of_kind == kind]))
        time.sleep(dice.random() * 0.1)  # at whatever they are at then
    for thread in submitters:
        thread.join()
    accounts.recover(ground, 300)
    ends = accounts.account(ground, promised, says)
    accounts.nothing_left(ground, ["--cpus", "4", "--memory", "4096"])
    print(f"{sum(kills.values())} kills ({kills}), {len(promised)} runs promised, ends: {ends}")


def test_a_deleted_index_in_the_middle_of_work_loses_nothing(ground):
    ids = [ground.submit("sh", "-c", "sleep 0.2; echo whole") for _ in range(12)]
    for name in os.listdir(ground.state):
        if name.startswith("store.db"):
            (ground.state / name).unlink()
    accounts.recover(ground)
    assert accounts.account(ground, ids, says) == {"exited": 12}
