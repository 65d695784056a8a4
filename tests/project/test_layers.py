"""tools/check_layers.py, on this tree and on small trees that break each rule."""

import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
ORDER = "add_subdirectory(base)\nadd_subdirectory(sys)\nadd_subdirectory(hood)\nadd_subdirectory(executor)\n"


def check(top):
    return subprocess.run(["/usr/bin/python3", TOP / "tools/check_layers.py", top], capture_output=True, text=True, check=False)


def tree(directory, path, line):
    (directory / "src").mkdir()
    (directory / "src/CMakeLists.txt").write_text(ORDER)
    target = directory / path
    target.parent.mkdir(parents=True)
    target.write_text(f"// purpose\n{line}\n")
    return directory


def test_this_tree_keeps_to_its_layers():
    answer = check(TOP)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("src/hood/a.cc", '#include "src/base/text.h"'),
        ("src/hood/a.cc", "#include <linux/landlock.h>"),
        ("src/base/a.cc", "#include <boost/json.hpp>"),
        ("src/base/a.h", "#include <fmt/format.h>"),
        ("src/base/a_test.cc", "#include <sys/wait.h>"),
        ("src/base/test_tree.h", "#include <gtest/gtest.h>"),
        ("src/executor/local/a.cc", '#include "src/executor/local/b.h"'),
        ("include/fumehood/a.h", '#include "fumehood/b.h"'),
    ],
)
def test_allows(tmp_path, path, line):
    assert check(tree(tmp_path, path, line)).stdout == ""


@pytest.mark.parametrize(
    ("path", "line", "word"),
    [
        ("src/base/a.cc", '#include "src/hood/plan.h"', "may not use it"),
        ("src/base/a.cc", '#include "src/nowhere/plan.h"', "no folder nowhere"),
        ("src/base/a.cc", '#include "text.h"', "from the top"),
        ("src/base/a.cc", "#include <linux/landlock.h>", "kernel headers"),
        ("src/base/a.cc", "  #  include <sys/mount.h>", "kernel headers"),
        ("src/hood/a.h", "#include <boost/json.hpp>", "third-party"),
        ("src/hood/a.h", "#include <sqlite3.h>", "third-party"),
        ("src/executor/local/a.cc", '#include "src/executor/slurm/b.h"', "never includes another"),
        ("include/fumehood/a.h", '#include "src/base/text.h"', "public header"),
        ("include/fumehood/a.h", "#include <sys/stat.h>", "public header"),
        ("src/stranger/a.cc", "#include <string>", "no folder stranger"),
    ],
)
def test_refuses(tmp_path, path, line, word):
    answer = check(tree(tmp_path, path, line))
    assert answer.returncode == 1
    assert word in answer.stdout and f"{path}:2:" in answer.stdout
