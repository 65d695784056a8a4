"""Every attack of attacks.py: under the hood, where it must leave no mark, and with the layer that stops it left out,
where it must succeed: a check that cannot fail proves nothing."""

import contextlib
import json
import os
import re
import subprocess

import pytest

from attack.attacks import ATTACKS, BY_CGROUP
from attack.case import OUTER, STAGE, Case
from attack.layers import LAYERS, NO_HOOD
from harness import kernel, machine, places

DRIVER = "tests/hood_without"


def pytest_generate_tests(metafunc):
    """Pairs of attack and place: not every attack is for everybody."""
    if "attack" not in metafunc.fixturenames:
        return
    without = metafunc.function is test_succeeds_without_the_layer
    pairs = []
    for attack in ATTACKS:
        for place in places.PLACES:
            # What a layer stops can be shown by root alone: from anybody else the kernel keeps most of it anyway.
            # On one kernel, but where the kernels' cgroups differ.
            shown = place.who == "root" and (place.bed == "host" or attack in BY_CGROUP)
            suits = shown if without else place.who in attack.only_as
            if suits and place.build == "release" and not place.lengthy:
                pairs.append(pytest.param(attack, place, id=f"{attack.name}-{place}"))
    metafunc.parametrize(("attack", "place"), pairs)


@pytest.fixture
def case(hood, attack, place, session_directory):
    # The attacks of a place share a state, which takes longest to make; but where it must lie beside the work directory.
    if "{top}" not in attack.flags:
        home = session_directory / f"attacks-{place}"
        home.mkdir(exist_ok=True)
        hood.give(home)
        hood.state = home / "state"
    instance = Case(hood)
    yield instance
    instance.clean()


def fill(case, words):
    return [str(word).format(**case.words) for word in words]


def environment(case, **more):
    """What the starter has and the run must not: a secret."""
    return case.hood.environment(FH_LAUNCH=case.token, **more)


def stage(case):
    return [str(STAGE), case.token, case.hood.mark, str(case.verdict)]


@contextlib.contextmanager
def starter(case, attack, prefix):
    """Options of the starter's process: two descriptors that it forgot to close, and a terminal where the attack wants one."""
    leaks = [os.open(case.secret, os.O_RDONLY), os.open(case.host, os.O_RDONLY | os.O_DIRECTORY)]
    terminal, stdin = case.open_terminal() if attack.terminal else ([], subprocess.DEVNULL)
    try:
        yield {"prefix": [*prefix, *terminal], "stdin": stdin, "pass_fds": leaks}
    finally:
        for fd in leaks:
            os.close(fd)


def under_the_hood(case, attack):
    with starter(case, attack, stage(case) if attack.bystander else ()) as options:
        return case.hood.run_victim(
            attack.victim, *fill(case, attack.arguments), flags=fill(case, attack.flags), environment=environment(case), **options
        )


def without_the_layer(case, attack):
    if attack.off_flags is not None:
        return case.hood.run_victim(attack.victim, *fill(case, attack.arguments), flags=attack.off_flags)
    program = case.hood.victim(attack.victim)
    with starter(case, attack, [*OUTER, *stage(case)]) as options:
        if attack.stopped_by == (NO_HOOD,):
            alone = environment(case, FH_VICTIM="1", FH_MARK=case.hood.mark)
            return case.hood.call(*fill(case, attack.arguments), program=program, environment=alone, **options)
        driver = case.hood.programs / DRIVER
        if not driver.exists():
            machine.unmet("driver", f"{driver} is not built")
        evidence = case.hood.top / "tmp" / "result.json"
        guard = ["--env", "FH_VICTIM=1", "--env", f"FH_MARK={case.hood.mark}"]
        run = case.hood.call(
            ",".join(attack.stopped_by), "--", "--result", evidence, *guard, *fill(case, attack.flags), "--", program,
            *fill(case, attack.arguments), program=driver, environment=environment(case), **options,
        )
    run.result = json.loads(evidence.read_text()) if evidence.exists() else {}
    return run


def gone(case):
    """The survivors, after those that just end have had the time to."""
    kernel.wait_until(lambda: not case.survivors(), 2)
    return case.survivors()


def test_leaves_no_mark(attack, case):
    attack.prepare(case)
    victim = case.hood.victim(attack.victim)  # placed first: it is part of what must not change
    assert victim
    case.before, mounts = case.snapshot(), kernel.mount_table()
    case.run = run = under_the_hood(case, attack)

    mark = attack.mark(case) or (attack.bystander and case.bystander_harmed())
    assert not mark, f"{mark}\n{run.explain()}"
    assert not gone(case), f"{case.survivors()}\n{run.explain()}"
    assert not case.changed(), f"{case.changed()}\n{run.explain()}"
    assert kernel.mount_table() == mounts, run.explain()
    assert run.result, f"there is no result\n{run.explain()}"
    assert kernel.wait_until(lambda: not kernel.cgroups_named(run.result["run_id"]), 5), "its cgroup is still there"
    assert run.report().get("succeeded", False) is False, run.explain()
    # A victim that was never started, or refused, was not stopped by anything.
    assert run.result["reason"] in attack.reasons, run.explain()
    assert run.report() or run.result["reason"] != "exited", run.explain()
    assert re.search(attack.note, run.notes), run.explain()


def kernel_itself_refuses(case, attack):
    """The victim's own answer as root without any hood, where the kernel lacks what it would use; else None."""
    if not attack.kernel_may_lack:
        return None
    words = [str(case.hood.programs / "victims" / attack.victim), *fill(case, attack.arguments)]
    prefix = [*OUTER, *stage(case)]
    answer = subprocess.run([*prefix, *words], cwd=case.hood.work, env=environment(case, FH_VICTIM="1"), capture_output=True, text=True, timeout=60, check=False)
    return None if answer.returncode == 66 else answer.stdout + answer.stderr


def test_succeeds_without_the_layer(attack, case, record_property):
    unknown = set(attack.stopped_by) - {*LAYERS, NO_HOOD}
    assert not unknown, f"attack/layers.py has no {unknown}"
    attack.prepare(case)
    refusal = kernel_itself_refuses(case, attack)
    if refusal:
        # Not a skip: on a kernel without the thing there is nothing that a layer could let through.
        record_property("cannot_be_shown", f"this kernel refuses it without a hood too: {refusal.strip()}")
        return
    case.hood.victim(attack.victim)
    case.before = case.snapshot()
    earlier = set(case.hood.runs())
    case.run = run = without_the_layer(case, attack)
    mark = attack.mark(case)
    kernel.kill_processes_with(case.hood.mark)  # here a survivor is what the test is after
    for run_id in set(case.hood.runs()) - earlier:  # a keeper that the attack killed could not remove them
        for path in sorted(kernel.cgroups_named(run_id), key=len, reverse=True):
            os.rmdir(path)
    assert mark or run.report().get("succeeded"), f"the attack failed although its layer was left out\n{run.explain()}"
