"""What a run is given: inputs and databases are hashed, a change since the last run is told, a damaged database is refused."""

import json
import os
import re
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from harness import kernel

TOP = Path(__file__).resolve().parents[2]

SELECT = "import os, sqlite3; c = sqlite3.connect('file:' + os.environ['FUMEHOOD_DB_CELLS'] + '?mode=ro', uri=True); print(c.execute('select count(*) from cell').fetchone()[0])"


def manifest(run):
    return json.loads((run.directory / "inputs.json").read_text(encoding="utf-8"))


def changes(run, kind="input_changed"):
    return [event for event in run.events() if event["type"] == kind]


def sha256(path):
    return subprocess.run(["sha256sum", str(path)], capture_output=True, text=True, check=True).stdout.split()[0]


def settle(path):
    """Waits until a later write to the file must show in its times."""
    assert kernel.wait_until(lambda: time.time() - os.stat(path).st_ctime > 3, 60)


def test_the_record_has_the_digest_of_each_input(hood):
    table = hood.file("data/table.csv", "1,2\n")
    hood.file("data/many/a", "a")
    hood.file("data/many/deep/b", "b")
    run = hood.run("true", flags=["--input", f"{table}:table.csv", "--input", f"{hood.top}/data/many:/data/many"])
    assert run.exit_code == 0, run.explain()
    first, second = manifest(run)["inputs"]
    assert (first["path"], first["type"], first["sha256"]) == (str(table), "file", sha256(table)), first
    assert second["type"] == "directory" and len(second["sha256"]) == 64
    assert {file["path"]: file["sha256"] for file in second["files"]} == {
        "a": sha256(hood.top / "data/many/a"), "deep/b": sha256(hood.top / "data/many/deep/b")}
    verified = hood.call("verify", run.result["run_id"])
    assert verified.exit_code == 0, verified.explain()
    inputs = run.directory / "inputs.json"
    inputs.write_text(inputs.read_text(encoding="utf-8").replace(first["sha256"], "0" * 64), encoding="utf-8")
    verified = hood.call("verify", run.result["run_id"])
    assert verified.exit_code == 1 and "inputs.json" in verified.text + verified.errors, verified.explain()


def test_a_run_without_inputs_has_no_such_record(hood):
    run = hood.run("true")
    assert not (run.directory / "inputs.json").exists() and not (hood.state / "health").exists()


def test_an_input_that_changed_since_is_told(hood):
    table = hood.file("data/table.csv", "1,2\n")
    flags = ["--input", f"{table}:table.csv"]
    first = hood.run("true", flags=flags)
    same = hood.run("true", flags=flags)
    assert not changes(same) and same.own_notes == "", same.explain()
    hood.file("data/table.csv", "1,3\n")
    run = hood.run("cat", "table.csv", flags=flags)
    assert run.exit_code == 0 and run.text == "1,3\n", run.explain()
    (event,) = changes(run)
    assert event["path"] == str(table) and event["since_run"] == same.result["run_id"], event
    assert event["now"] == sha256(table) and event["before"] == manifest(first)["inputs"][0]["sha256"]
    assert run.own_notes == f"The input '{table}' is not what run {same.result['run_id']} was given: changed.", run.explain()
    assert run.notes in run.errors
    assert not changes(hood.run("true", flags=flags))


def test_a_directory_tells_what_changed_in_it(hood):
    for name in ("a", "b", "c"):
        hood.file(f"data/many/{name}", name)
    flags = ["--input", f"{hood.top}/data/many:/data/many"]
    hood.run("true", flags=flags)
    hood.file("data/many/b", "B")
    hood.file("data/many/d", "d")
    (hood.top / "data/many/a").unlink()
    run = hood.run("true", flags=flags)
    (event,) = changes(run)
    assert event["what"] == "1 file changed, 1 added, 1 removed, the first: 'b'", event


def test_the_same_bytes_written_anew_are_no_change(hood):
    table = hood.file("data/table.csv", "1,2\n")
    flags = ["--input", f"{table}:table.csv"]
    hood.run("true", flags=flags)
    table.unlink()
    hood.file("data/table.csv", "1,2\n")
    assert not changes(hood.run("true", flags=flags))


def test_a_change_under_the_old_times_is_told_all_the_same(hood):
    """Whoever changes a file can set its modification time, and not its change time."""
    table = hood.file("data/table.csv", "1,2\n")
    flags = ["--input", f"{table}:table.csv"]
    settle(table)
    hood.run("true", flags=flags)
    before = os.stat(table)
    with open(table, "r+", encoding="utf-8") as file:
        file.write("9,9\n")
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert len(changes(hood.run("true", flags=flags))) == 1


def test_what_is_too_large_is_compared_by_size_and_time(hood):
    big = hood.file("data/big.bin", "x" * (3 << 20))
    flags = ["--input", f"{big}:big.bin"]
    environment = hood.environment(FUMEHOOD_INPUT_DIGEST_MB="2")
    run = hood.run("true", flags=flags, environment=environment)
    (entry,) = manifest(run)["inputs"]
    assert entry["sha256"] is None and "input_digest_mb" in entry["not_hashed"], entry
    assert not changes(hood.run("true", flags=flags, environment=environment))
    with open(big, "r+", encoding="utf-8") as file:
        file.write("y")
    (event,) = changes(hood.run("true", flags=flags, environment=environment))
    assert "written to" in event["what"], event


def test_a_lost_or_broken_memory_only_notices_nothing(hood):
    table = hood.file("data/table.csv", "1,2\n")
    flags = ["--input", f"{table}:table.csv"]
    hood.run("true", flags=flags)
    (known,) = (hood.state / "health" / "inputs").iterdir()
    known.write_text("{ broken", encoding="utf-8")
    hood.file("data/table.csv", "1,3\n")
    run = hood.run("true", flags=flags)
    assert run.exit_code == 0 and not changes(run), run.explain()


@pytest.fixture
def database(hood):
    path = hood.folder("db") / "cells.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("create table cell (id integer primary key, name text)")
    connection.executemany("insert into cell (name) values (?)", [(f"cell number {n}",) for n in range(5000)])
    connection.commit()
    connection.close()
    hood.give(path)
    return path


def damage(path):
    with open(path, "r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\x5a" * 4096)


def read(hood, database, mode="snapshot", **options):
    return hood.run("/usr/bin/python3", "-c", SELECT, flags=["--db", f"cells={database}:{mode}"], **options)


@pytest.mark.parametrize("mode", ["snapshot", "ro"])
def test_a_damaged_database_is_refused_with_what_to_do(hood, database, mode):
    damage(database)
    before = database.read_bytes()
    run = read(hood, database, mode)
    assert run.exit_code == 2 and not hood.runs(), run.explain()
    assert f"'{database}' is damaged" in run.errors and ".recover" in run.errors and "--db" in run.errors, run.explain()
    assert database.read_bytes() == before and [entry.name for entry in database.parent.iterdir()] == ["cells.sqlite"]
    again = read(hood, database, mode)
    assert again.exit_code == 2 and "is damaged" in again.errors, again.explain()


def test_a_check_that_is_switched_off_refuses_nothing(hood, database):
    damage(database)
    assert read(hood, database).exit_code == 2
    run = hood.run("true", flags=["--db", f"cells={database}"], environment=hood.environment(FUMEHOOD_DATABASE_CHECK_SECONDS="0"))
    assert run.exit_code == 0 and manifest(run)["databases"][0]["check"] == "not made", run.explain()


def test_a_database_that_lost_its_end_is_refused(hood, database):
    os.truncate(database, 5 * 4096)
    run = read(hood, database)
    assert run.exit_code == 2 and "is damaged" in run.errors and not hood.runs(), run.explain()


def test_a_damaged_file_can_still_be_shown_as_an_input(hood, database):
    damage(database)
    run = hood.run("true", flags=["--input", f"{database}:cells.sqlite"])
    assert run.exit_code == 0, run.explain()


@pytest.mark.on_host
def test_what_the_manual_saves_of_it_is_taken(hood, database):
    """By .dump: the sqlite3 of Debian 12 has no .recover that works."""
    damage(database)
    (command,) = re.findall(r"^    (sqlite3 cells.sqlite .dump.*)$", (TOP / "docs/troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
    subprocess.run(["sh", "-c", command], cwd=database.parent, check=True, capture_output=True)
    saved = database.parent / "saved.sqlite"
    hood.give(saved)
    run = read(hood, saved)
    assert run.exit_code == 0 and int(run.text) > 3000, run.explain()


@pytest.mark.parametrize("mode", ["snapshot", "ro"])
def test_a_database_that_changed_since_is_told(hood, database, mode):
    first = read(hood, database, mode)
    assert first.text == "5000\n" and first.own_notes == "", first.explain()
    (entry,) = manifest(first)["databases"]
    assert entry["check"] == "good" and len(entry["sha256"]) == 64 and not entry["changed"], entry
    assert not changes(read(hood, database, mode), "database_changed")
    connection = sqlite3.connect(database)
    connection.execute("update cell set name = 'another' where id = 77")
    connection.commit()
    connection.close()
    run = read(hood, database, mode)
    (event,) = changes(run, "database_changed")
    assert event["name"] == "cells" and event["path"] == str(database), event
    assert f"The database '{database}' was changed since run" in run.notes, run.explain()
    assert not changes(read(hood, database, mode), "database_changed")


def test_a_copy_of_the_same_pages_is_no_change(hood, database):
    """Also where the journal mode makes a snapshot another way."""
    read(hood, database)
    connection = sqlite3.connect(database)
    connection.execute("pragma journal_mode = wal")
    connection.close()
    hood.give(database)
    assert not changes(read(hood, database), "database_changed")


def test_no_check_is_made_where_it_may_take_no_time(hood, database):
    """That one is cut short where its time is over: src/integrity/database_check_test.cc."""
    environment = hood.environment(FUMEHOOD_DATABASE_CHECK_SECONDS="0")
    unchecked = read(hood, database, environment=environment)
    assert manifest(unchecked)["databases"][0]["check"] == "not made", unchecked.explain()
    checked = read(hood, database)
    assert manifest(checked)["databases"][0]["check"] == "good", checked.explain()


def doctor(hood, *paths):
    words = [word for path in paths for word in ("--database", path)]
    return hood.call("doctor", *words, seconds=300)


def test_the_doctor_looks_through_a_database(hood, database):
    good = doctor(hood, database)
    assert good.exit_code == 0 and good.text.startswith("ok"), good.explain()
    damage(database)
    bad = doctor(hood, database)
    assert bad.exit_code == 1 and "DAMAGED" in bad.text and ".recover" in bad.text, bad.explain()
    listed = hood.call("doctor", "--json", "--database", database)
    (report,) = json.loads(listed.text)["databases"]
    assert listed.exit_code == 1 and report["damage"] and not report["good"] and not report["by_copy"]


def test_the_doctor_finds_an_index_that_lies(hood, database):
    """Which no run is refused for: its tables are whole."""
    connection = sqlite3.connect(database)
    connection.executescript("create index by_name on cell (name); pragma writable_schema = on; update sqlite_schema set rootpage = (select rootpage from sqlite_schema where name = 'cell') where name = 'nothing'")
    connection.execute("delete from sqlite_schema where name = 'by_name'")
    connection.execute("insert into cell (name) values ('not in the index')")
    connection.commit()
    connection.close()
    assert doctor(hood, database).exit_code == 1


def test_the_doctor_checks_a_database_in_use_by_a_copy(hood, database):
    writer = sqlite3.connect(database)
    writer.execute("pragma journal_mode = wal")
    writer.execute("update cell set name = 'x' where id = 1")
    writer.commit()
    for path in database.parent.iterdir():
        hood.give(path)
    listed = hood.call("doctor", "--json", "--database", database, seconds=300)
    writer.close()
    (report,) = json.loads(listed.text)["databases"]
    assert listed.exit_code == 0 and report["by_copy"] and report["good"], listed.explain()
    assert [entry for entry in os.listdir(hood.state) if entry.startswith("trial-")] == []


@pytest.mark.parametrize("path", ["none.sqlite", "table.csv", "."])
def test_the_doctor_says_what_is_no_database(hood, path):
    hood.file("work/table.csv", "a,b\n")
    called = doctor(hood, path)
    assert called.exit_code == 2 and f"'{path}'" in called.errors, called.explain()
