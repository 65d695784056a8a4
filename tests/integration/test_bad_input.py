"""Bad input: every problem at once, each naming the thing; exit code 2; nothing made."""

import json
import os

import pytest


def refuse(hood, *words, code=2, **options):
    run = hood.run(*words, **options)
    assert run.exit_code == code, run.explain()
    assert run.stdout == b"" and not hood.runs(), run.explain()
    return run.errors


def test_every_problem_of_a_spec_is_said_at_once(hood):
    spec = hood.file("work/spec.yaml", "command: [echo]\nmemory_limit_mb: -5\ncpu_quota: many\nruntim: python3\ninputs:\n  - {path: /nowhere, mode: rw}\n")
    run = hood.call("run", spec)
    assert run.exit_code == 2 and not hood.runs(), run.explain()
    for word in ("memory_limit_mb", "-5", "cpu_quota", "runtim", "runtime", "inputs[0].mode", "rw"):
        assert word in run.errors, run.explain()


def test_a_typo_in_a_flag_is_answered_with_the_nearest_name(hood):
    assert "--memory" in refuse(hood, "true", flags=["--memroy", "100"])


def test_an_input_that_is_not_there(hood):
    assert "/no/such/file" in refuse(hood, "true", flags=["--input", "/no/such/file"])


@pytest.mark.only_as("user")  # root, of a namespace too, may read every directory
def test_a_work_directory_that_cannot_be_read(hood):
    hood.folder("closed").chmod(0)
    assert "closed" in refuse(hood, "true", flags=["--workdir", hood.top / "closed"])


def test_a_work_directory_that_is_a_file(hood):
    path = hood.file("plain", "x")
    assert "plain" in refuse(hood, "true", flags=["--workdir", path])


def test_a_log_path_that_is_a_directory(hood):
    path = hood.folder("logs")
    assert "logs" in refuse(hood, "true", flags=["--log", path])


def test_an_unknown_runtime_is_answered_with_those_there_are(hood):
    assert "python3" in refuse(hood, "true", flags=["--runtime", "pyhton3"])


def test_a_field_that_is_not_built_is_refused_by_name(hood):
    spec = hood.file("work/spec.json", '{"command": ["true"], "gpus": 1}')
    errors = hood.call("run", spec).errors
    assert hood.runs() == []
    assert "gpus" in errors and "local" in errors


def test_a_hundred_thousand_arguments(hood):
    run = hood.run("/bin/echo", *["x"] * 100_000)
    assert run.exit_code in (0, 2, 126), run.errors[-500:]
    if run.exit_code == 0:
        assert len(run.stdout) == 200_000
    else:
        assert "argument" in run.errors + run.notes


def test_names_with_newlines_are_taken_as_they_are_and_shown_escaped(hood):
    run = hood.run("printf", "%s", "a\nb", flags=["--name", "plain"])
    assert run.stdout == b"a\nb", run.explain()
    assert "name" in refuse_new(hood, "true", flags=["--name", "two\nlines"])


def refuse_new(hood, *words, **options):
    before = hood.runs()
    run = hood.run(*words, **options)
    assert run.exit_code == 2 and hood.runs() == before, run.explain()
    return run.errors


def test_a_nul_in_a_spec(hood):
    spec = hood.file("work/spec.json", json.dumps({"command": ["echo", "a\0b"]}))
    run = hood.call("run", spec)
    assert run.exit_code == 2 and "command[1]" in run.errors and not hood.runs(), run.explain()


def test_a_spec_of_a_hundred_megabytes_is_refused_without_reading_it_all(hood):
    path = hood.file("work/spec.json", "")
    with open(path, "wb") as file:
        file.truncate(100 << 20)
    run = hood.call("run", path)
    assert run.exit_code == 2 and "spec.json" in run.errors and not hood.runs(), run.explain()


def test_a_fifo_as_spec_does_not_hang(hood):
    path = hood.work / "spec.json"
    os.mkfifo(path)
    hood.give(path)
    run = hood.call("run", path, seconds=20)
    assert run.exit_code == 2, run.explain()


def test_an_unknown_key_in_the_configuration_is_named(hood):
    hood.file("work/fumehood.toml", "memory_limt_mb = 5\n")
    errors = refuse(hood, "true")
    assert "fumehood.toml" in errors and "memory_limt_mb" in errors


@pytest.mark.only_as("user", "userns")  # root may write everywhere
def test_a_state_directory_that_cannot_be_written(hood):
    hood.state.mkdir()
    run = hood.run("true")
    assert run.exit_code in (2, 125) and str(hood.state) in run.errors, run.explain()


def test_a_state_directory_that_is_a_file(hood):
    hood.state.write_text("not a directory")
    run = hood.run("true")
    assert run.exit_code in (2, 125) and str(hood.state) in run.errors, run.explain()
    assert hood.state.read_text() == "not a directory"
    hood.state.unlink()


def test_a_configuration_value_from_the_environment_is_checked(hood):
    environment = hood.environment(EXECUTOR_TYPE="locl")
    errors = refuse(hood, "true", environment=environment)
    assert "EXECUTOR_TYPE" in errors and "local" in errors


def problems_of(hood, *words):
    """What a command under --json says is wrong: {(field, source, line)}."""
    answer = hood.call(*words)
    assert answer.exit_code == 2 and answer.stdout == b"" and not hood.runs(), answer.explain()
    error = json.loads(answer.errors)["error"]
    assert error["code"] == "invalid_argument", answer.explain()
    return {(problem["field"], os.path.basename(problem["source"]), problem["line"]) for problem in error["problems"]}


def test_what_is_missing_on_disk_is_told_with_all_else_and_its_line(hood):
    spec = hood.file(
        "work/spec.yaml",
        "command: [cat]\npids_limit: 0\nstdin: /nosuch/in\nworkdir: /nosuch/dir\nlog_path: /nosuch/log/x\ninputs:\n- path: /nosuch/a\n"
        "databases:\n- {name: 1a, path: /nosuch/b.db}\nenv:\n  A B: '1'\n  TOKEN: {secret: {file: /nosuch/token}}\n"
        "  KEY: {secret: {env: NO_SUCH}}\ngpus: many\nruntime: pyhton3\n",
    )
    assert problems_of(hood, "run", "--json", spec) == {
        ("pids_limit", "spec.yaml", 2),
        ("stdin", "spec.yaml", 3),
        ("workdir", "spec.yaml", 4),
        ("log_path", "spec.yaml", 5),
        ("inputs[0].path", "spec.yaml", 7),
        ("databases[0].name", "spec.yaml", 9),
        ("databases[0].path", "spec.yaml", 9),
        ("env['A B']", "spec.yaml", 11),
        ("env.TOKEN.secret.file", "spec.yaml", 12),
        ("env.KEY.secret.env", "spec.yaml", 13),
        ("gpus", "spec.yaml", 14),
        ("runtime", "spec.yaml", 15),
    }


def test_a_file_and_flags_are_counted_together(hood):
    spec = hood.file("work/spec.yaml", "command: [cat]\npids_limit: 0\n")
    answer = hood.call("run", "--memory", "x", "spec.yaml")
    assert answer.exit_code == 2 and answer.errors.startswith("fumehood: 'spec.yaml' and the command line have 2 problems\n"), answer.explain()
    assert hood.call("run", "--memory", "5", spec).errors.count("has a problem") == 1


def test_what_only_the_disk_shows_has_its_line_too(hood):
    spec = hood.file("work/spec.yaml", "command: [cat]\ninputs:\n- path: /nosuch/a\nstdin: /nosuch/in\n")
    for command in ("run", "submit", "explain"):
        assert problems_of(hood, command, "--json", spec) == {("inputs[0].path", "spec.yaml", 3), ("stdin", "spec.yaml", 4)}


def test_one_bad_flag_hides_no_other(hood):
    words = ["--memroy", "5", "--memory", "x", "--pids", "0", "--input", "/nosuch", "--stdin", "/nosuch", "--result", "/nosuch/r", "--db", "x"]
    errors = hood.call("run", *words, "--disk", "--", "true").errors
    for line in ("'--memroy'; did you mean --memory?", "--memory: 'x'", "--pids: is 0", "--input: '/nosuch'", "--stdin: '/nosuch'",
                 "--result: there is no directory '/nosuch/'", "--db: 'x' has no =", "--disk: needs a value: --disk MIB"):
        assert line in errors, errors
    assert "8 problems" in errors and not hood.runs(), errors


@pytest.mark.parametrize("name", ["plain.txt", "short.txt"])
def test_a_snapshot_of_what_is_no_database(hood, name):
    path = hood.file(name, "not a database at all" if name == "plain.txt" else "x")
    assert f"'{path}' is no SQLite database" in refuse(hood, "true", flags=["--db", f"data={path}"])


def test_an_empty_file_is_a_database_without_tables(hood):
    run = hood.run("sh", "-c", 'test -f "$FUMEHOOD_DB_DATA"', flags=["--db", f"data={hood.file('empty.db')}"])
    assert run.exit_code == 0, run.explain()


def test_a_fifo_as_standard_input_does_not_hang(hood):
    os.mkfifo(hood.work / "fifo")
    hood.give(hood.work / "fifo")
    assert "fifo' is not a file" in refuse(hood, "cat", flags=["--stdin", "fifo"], seconds=20)


def test_a_result_that_could_not_be_written_starts_nothing(hood):
    for path, why in (("/nosuch/r.json", "there is no directory '/nosuch/'"), (hood.work, "is a directory"), ("", "is empty")):
        answer = hood.call("run", "--result", path, "--", "sh", "-c", "echo ran; exit 3")
        assert answer.exit_code == 2 and why in answer.errors and answer.stdout == b"" and not hood.runs(), answer.explain()


def test_a_configuration_that_is_a_directory_is_refused(hood):
    hood.folder("work/fumehood.toml")
    assert "fumehood.toml' is not a regular file" in refuse(hood, "true")


def test_a_glob_with_an_open_bracket_is_refused(hood):
    assert "--output: is '[', with a [ that no ] closes" in refuse(hood, "true", flags=["--output", "["])


def test_explain_answers_one_question_at_a_time(hood):
    for words in (["--fields", "--schema"], ["--fields", "--", "true"], ["--schema", "--nonsense"]):
        answer = hood.call("explain", *words)
        assert answer.exit_code == 2 and answer.stdout == b"", answer.explain()


def test_all_missing_layers_are_told_at_once(hood):
    """A cgroup parent that is none leaves no controller."""
    answer = hood.call("run", "--", "true", environment=hood.environment(FUMEHOOD_CGROUP_PARENT="/no/such/cgroup"))
    assert answer.exit_code == 125 and not hood.runs(), answer.explain()
    for layer in ("memory", "cpu", "pids"):
        assert f" {layer}: '" in answer.errors or f" {layer}, " in answer.errors or f" {layer} layers" in answer.errors, answer.errors
