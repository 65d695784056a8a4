"""`databases`: a run sees a consistent copy, and can neither change nor lock the original."""

import os
import sqlite3
import subprocess

import pytest

from harness import kernel, machine


@pytest.fixture
def database(hood):
    path = hood.folder("db") / "cells.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript("create table cell (id integer primary key, n integer); insert into cell (n) values (1), (2), (3);")
    connection.close()
    hood.give(path)
    return path


READ = "import os, sqlite3; c = sqlite3.connect(os.environ['FUMEHOOD_DB_CELLS']); print(c.execute('select sum(n) from cell').fetchone()[0])"
READ_ONLY = READ.replace("os.environ['FUMEHOOD_DB_CELLS']", "'file:' + os.environ['FUMEHOOD_DB_CELLS'] + '?mode=ro', uri=True")
WRITE = READ.replace("print", "c.execute('delete from cell'); c.commit(); print")


@pytest.mark.parametrize(("mode", "program"), [("snapshot", READ), ("ro", READ_ONLY)])
def test_a_run_reads_a_database(hood, database, mode, program):
    run = hood.run("/usr/bin/python3", "-c", program, flags=["--db", f"CELLS={database}:{mode}"])
    assert run.text == "6\n", run.explain()


def test_a_run_cannot_change_the_original(hood, database):
    before = database.read_bytes()
    for mode in ("snapshot", "ro"):
        hood.run("/usr/bin/python3", "-c", WRITE, flags=["--db", f"CELLS={database}:{mode}"])
        assert database.read_bytes() == before, mode


def test_a_snapshot_is_consistent_while_another_process_writes(hood, database):
    writer = sqlite3.connect(database)
    writer.execute("pragma journal_mode=wal")
    writer.execute("begin")
    writer.execute("update cell set n = n + 100")
    run = hood.run("/usr/bin/python3", "-c", READ, flags=["--db", f"CELLS={database}:snapshot"])
    writer.rollback()
    writer.close()
    assert run.text == "6\n", run.explain()


def test_a_run_that_holds_a_lock_does_not_block_the_owner(hood, database):
    hold = READ_ONLY.replace("print", "c.execute('begin'); c.execute('select * from cell').fetchone(); import time; open('ready', 'w'); time.sleep(20); print")
    run_id = hood.submit("/usr/bin/python3", "-c", hold, flags=["--db", f"CELLS={database}:ro"])
    assert kernel.wait_until(lambda: (hood.run_directory(run_id) / "work" / "ready").exists())
    owner = sqlite3.connect(database, timeout=0)
    owner.execute("update cell set n = 0")
    owner.commit()
    owner.close()
    hood.call("kill", run_id)


def test_ro_is_refused_beside_a_journal_and_snapshot_is_named(hood, database):
    hood.file("db/cells.sqlite-wal", "x")
    run = hood.run("true", flags=["--db", f"CELLS={database}:ro"])
    assert run.exit_code == 2 and "snapshot" in run.errors and not hood.runs(), run.explain()


WAL = """
import sqlite3, sys
c = sqlite3.connect(sys.argv[1]); c.execute('pragma journal_mode=wal'); c.execute('update cell set n = n * 10'); c.commit()
if sys.argv[2] == 'crash': import os; os._exit(0)
c.close()
"""


def beside(database):
    return sorted((path.name, path.read_bytes()) for path in database.parent.iterdir())


@pytest.mark.parametrize("how", ["closed", "crash"])
def test_a_database_with_a_write_ahead_log_is_left_as_it_lies(hood, database, how):
    subprocess.run(["/usr/bin/python3", "-c", WAL, str(database), how], check=True)
    for path in database.parent.iterdir():
        hood.give(path)
    before = beside(database)
    assert len(before) == (1 if how == "closed" else 3)
    run = hood.run("/usr/bin/python3", "-c", READ, flags=["--db", f"CELLS={database}:snapshot"])
    assert run.text == "60\n", run.explain()
    assert beside(database) == before
    if how == "closed":
        assert hood.run("/usr/bin/python3", "-c", "print(1)", flags=["--db", f"CELLS={database}:ro"]).exit_code == 0


def test_a_snapshot_needs_no_right_to_write_beside_the_original(hood, database):
    subprocess.run(["/usr/bin/python3", "-c", WAL, str(database), "closed"], check=True)
    database.parent.chmod(0o555)
    database.chmod(0o444)
    if hood.uid != 0:
        machine.need("root")
        os.chown(database, 0, 0)
        os.chown(database.parent, 0, 0)
    run = hood.run("/usr/bin/python3", "-c", READ, flags=["--db", f"CELLS={database}:snapshot"])
    assert run.text == "60\n", run.explain()


def test_a_log_that_is_being_written_is_taken_in(hood, database):
    """Committed, but not in the file itself yet, by a program that has it open."""
    writer = sqlite3.connect(database)
    writer.execute("pragma journal_mode=wal")
    writer.execute("update cell set n = n * 10")
    writer.commit()
    for path in database.parent.iterdir():
        hood.give(path)
    run = hood.run("/usr/bin/python3", "-c", READ, flags=["--db", f"CELLS={database}:snapshot"])
    writer.close()
    assert run.text == "60\n", run.explain()


def test_a_database_that_stays_locked_is_named(hood, database):
    holder = sqlite3.connect(database)
    holder.execute("begin exclusive")
    run = hood.run("/usr/bin/python3", "-c", READ, flags=["--db", f"CELLS={database}:snapshot"], seconds=300)
    holder.rollback()
    holder.close()
    assert run.exit_code == 125 and not hood.runs(), run.explain()
    assert str(database) in run.errors and "locked" in run.errors and "run again" in run.errors, run.explain()
