"""--json: every command that shows something, and every error."""

import json

import pytest


def test_submit_and_kill_and_logs(hood):
    answer = hood.call("submit", "--json", "--", "sh", "-c", "echo hello; printf 'odd \\377'; echo err >&2; sleep 60")
    run_id = json.loads(answer.text)["run_id"]
    assert answer.exit_code == 0 and answer.text.count("\n") == 1, answer.explain()
    running = json.loads(hood.call("status", "--json", run_id).text)
    assert json.loads(hood.call("kill", "--json", run_id).text) == {"run_id": run_id, "killed": True, "status": "KILLED"}
    assert json.loads(hood.call("kill", "--json", run_id).text) == {"run_id": run_id, "killed": False, "status": "KILLED"}
    assert "was killed before, on request" in hood.call("kill", run_id).text
    log = json.loads(hood.call("logs", "--json", run_id).text)
    assert log["stream"] == "stdout" and bytes.fromhex(log["data_hex"]) == b"hello\nodd \xff", log
    assert log["next_offset"] == 11 and log["complete"] is True, log
    assert json.loads(hood.call("logs", "--json", "--stderr", "--tail", "3", run_id).text)["data"] == "rr\n"
    ended = json.loads(hood.call("status", "--json", run_id).text)
    assert ended["submitted_at"] == running["submitted_at"]  # of one moment, whenever it is asked
    assert running["started_at"] in ("", ended["started_at"])


def test_a_run_that_ended_is_not_said_to_have_been_killed(hood):
    run = hood.run("sh", "-c", "exit 4")
    answer = hood.call("kill", run.result["run_id"])
    assert answer.exit_code == 0 and "had ended before: FAILED, exited" in answer.text, answer.explain()


def test_logs_follow_one_object_a_piece(hood):
    run_id = hood.submit("sh", "-c", "for i in 1 2 3; do echo line $i; sleep 0.3; done")
    answer = hood.call("logs", "-f", "--json", run_id)
    pieces = [json.loads(line) for line in answer.text.splitlines()]
    assert "".join(piece["data"] for piece in pieces) == "line 1\nline 2\nline 3\n", answer.explain()
    assert [piece["complete"] for piece in pieces] == [False] * (len(pieces) - 1) + [True] and len(pieces) >= 2, answer.explain()
    assert pieces[-1]["next_offset"] == 21, answer.explain()


def test_run_ends_with_its_result_on_standard_error(hood):
    answer = hood.call("run", "--json", "--", "sh", "-c", "echo out; exit 3")
    assert (answer.exit_code, answer.text) == (3, "out\n"), answer.explain()
    assert answer.errors.count("\n") == 1, answer.explain()
    result = json.loads(answer.errors)
    assert (result["status"], result["exit_code"]) == ("FAILED", 3), answer.explain()


def test_run_and_apply_are_two_lines(hood):
    answer = hood.call("run", "--json", "--apply", "--", "sh", "-c", "echo x > new.txt")
    result, applied = [json.loads(line) for line in answer.errors.splitlines()]
    assert result["status"] == "COMPLETED" and applied["paths"] == [{"path": "new.txt", "state": "done", "message": ""}], answer.explain()
    assert (hood.work / "new.txt").read_text() == "x\n"


def test_the_fields_of_a_spec(hood):
    fields = {field["name"]: field for field in json.loads(hood.call("explain", "--fields", "--json").text)["fields"]}
    assert fields["memory_limit_mb"]["unit"] == "MiB" and fields["inputs[].mode"]["default"], fields


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (["status", "last"], 2, "invalid_argument"),
        (["status", "last", "--nonsense"], 2, "invalid_argument"),
        (["nonsense"], 2, "invalid_argument"),
        (["run"], 2, "invalid_argument"),
        (["run", "nosuch.yaml"], 2, "invalid_argument"),
        (["submit", "--memory", "x", "--", "true"], 2, "invalid_argument"),
    ],
    ids=str,
)
def test_every_error_is_one_object(hood, words, code, kind):
    answer = hood.call(words[0], "--json", *words[1:])
    assert (answer.exit_code, answer.stdout) == (code, b""), answer.explain()
    error = json.loads(answer.errors)["error"]
    assert error["code"] == kind and error["message"] and isinstance(error["problems"], list), answer.explain()


def test_an_error_of_the_configuration_is_one_too(hood):
    answer = hood.call("ls", "--json", environment=hood.environment(EXECUTOR_TYPE="slrum"))
    (problem,) = json.loads(answer.errors)["error"]["problems"]
    assert answer.exit_code == 2 and problem["source"] == "EXECUTOR_TYPE" and "did you mean 'slurm'?" in problem["message"], answer.explain()


def test_the_word_behind_the_dashes_is_the_analysis_own(hood):
    answer = hood.call("run", "nosuch.yaml", "--", "tool", "--json")
    assert answer.exit_code == 2 and answer.errors.startswith("fumehood: "), answer.explain()


def test_a_conflict_of_apply(hood):
    hood.file("work/a.txt", "old")
    hood.run("sh", "-c", "echo new > a.txt")
    hood.file("work/a.txt", "changed meanwhile")
    answer = hood.call("apply", "--json", "last")
    assert answer.exit_code == 1 and json.loads(answer.errors)["error"]["code"] == "already_exists", answer.explain()
