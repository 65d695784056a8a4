"""Entry points by profile: `tool` and `post-process` are `run` with other limits; `profiles` says where each limit comes from."""

import json

import pytest


def resolved(hood, run):
    return json.loads((run.directory / "resolved.json").read_text(encoding="utf-8"))


def call(hood, command, *words, flags=(), **options):
    """As Hood.run, for another command."""
    evidence = hood.top / "tmp" / "result.json"
    evidence.unlink(missing_ok=True)
    run = hood.call(command, "--result", evidence, *flags, "--", *words, **options)
    if evidence.exists():
        run.result = json.loads(evidence.read_text(encoding="utf-8"))
        hood.await_keeper(run.result["run_id"])
    return run


LIMITS = {"tool": (512, 0.5, 64, 120), "post-process": (1024, 1, 128, 300)}


@pytest.mark.parametrize("command", LIMITS)
def test_a_command_of_a_profile_has_its_limits(hood, command):
    run = call(hood, command, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (run.exit_code, run.text) == (7, "out\n") and run.errors.startswith("err\n"), run.explain()
    limits = resolved(hood, run)["limits"]
    found = tuple(limits[name] for name in ("memory_limit_mb", "cpu_quota", "pids_limit", "timeout_seconds"))
    assert found == LIMITS[command]


def test_a_flag_goes_before_the_profile(hood):
    run = call(hood, "tool", "true", flags=["--memory", "99", "--pids", "20"])
    limits = resolved(hood, run)["limits"]
    assert (limits["memory_limit_mb"], limits["pids_limit"], limits["timeout_seconds"]) == (99, 20, 120)
    other = call(hood, "tool", "true", flags=["--profile", "post_process"])
    assert resolved(hood, other)["limits"]["memory_limit_mb"] == 1024


def test_a_limit_of_the_profile_ends_the_run(hood):
    hood.file("home/.config/fumehood/fumehood.toml", "[profiles.tool]\nmemory_limit_mb = 64\n")
    run = call(hood, "tool", "/usr/bin/python3", "-c", "x = bytearray(100 << 20)")
    assert run.exit_code == 137 and run.result["reason"] == "memory_limit" and "64 MiB" in run.notes, run.explain()


def test_a_wrong_call_is_told_by_its_own_name(hood):
    run = hood.call("tool", "--memroy", "1", "--", "true")
    assert run.exit_code == 2 and "--memory" in run.errors and "fumehood tool --help" in run.errors, run.explain()
    assert not hood.runs()


def test_profiles_say_where_each_limit_comes_from(hood):
    hood.file("home/.config/fumehood/fumehood.toml", "[profiles.tool]\nmemory_limit_mb = 700\n\n[profiles.long]\ntimeout_seconds = 9999\n")
    hood.file("work/fumehood.toml", "[profiles.tool]\n\nmemory_limit_mb = 600\n[maximum]\ncpu_quota = 16\n")
    environment = hood.environment(FUMEHOOD_PIDS_LIMIT="77")
    listed = hood.call("profiles", "--json", environment=environment)
    assert listed.exit_code == 0, listed.explain()
    answer = json.loads(listed.text)
    assert answer["profiles"]["tool"]["memory_limit_mb"] == 600 and answer["profiles"]["default"]["pids_limit"] == 77
    source = answer["from"]
    assert source["profiles"]["tool"]["memory_limit_mb"] == f"{hood.work}/fumehood.toml:3"
    assert source["profiles"]["long"]["timeout_seconds"] == f"{hood.home}/.config/fumehood/fumehood.toml:5"
    assert source["profiles"]["default"]["pids_limit"] == "FUMEHOOD_PIDS_LIMIT"
    assert source["profiles"]["notebook"]["pids_limit"] == "built in"
    assert source["maximum"]["cpu_quota"] == f"{hood.work}/fumehood.toml:5"
    # Each value has its origin.
    for name, limits in answer["profiles"].items():
        assert set(source["profiles"][name]) == set(limits), name
    shown = hood.call("profiles", environment=environment)
    assert f"{hood.work}/fumehood.toml:3" in shown.text and "FUMEHOOD_PIDS_LIMIT" in shown.text, shown.explain()
