"""The manual against the tree: no link leads nowhere, and what the code has, the pages have."""

import os
import re
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FUMEHOOD_BUILD", TOP / "build"))
PAGES = sorted([*TOP.glob("*.md"), *TOP.glob("docs/*.md"), *TOP.glob("examples/*/*.md"), *TOP.glob("tests/*.md")])


def text(path):
    return (TOP / path).read_text(encoding="utf-8")


def found(pattern, path_glob, keep=lambda path: True):
    """All first groups of a pattern in the files of a glob."""
    return {match for path in TOP.glob(path_glob) if keep(path) for match in re.findall(pattern, path.read_text(encoding="utf-8"))}


def not_tests(path):
    return not path.name.endswith(("_test.cc", "_fuzz.cc"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not broken


def test_each_type_of_event_is_in_the_manual():
    types = found(r'(?:Event|Append)\(\s*"([a-z_]+)"', "src/**/*.cc", not_tests) | {"closed", "torn"}
    assert {"started", "ended"} <= types
    assert not [name for name in types if f"`{name}`" not in text("docs/record.md")]


def test_each_reason_is_in_the_manual():
    reasons = set(re.findall(r'"([a-z_]+)"', text("src/base/result_names.cc").split("kReasonNames = {")[1].split("};")[0]))
    assert {"memory_limit", "host_lost"} <= reasons
    pages = text("docs/record.md") + text("docs/troubleshooting.md")
    # What only executors to come can end with stays out of the manual until they are there.
    later = {"submit_invalid", "submit_transient", "unschedulable", "preempted", "backend_down", "runtime_unhealthy", "input_missing", "stage_in"}
    assert not [name for name in reasons - later if f"`{name}`" not in pages]


def test_each_key_of_the_configuration_is_in_the_manual():
    keys = set(re.findall(r"^#(\w+) =", text("fumehood.toml.example"), re.MULTILINE))
    assert len(keys) > 10
    assert not [key for key in keys if f"`{key}`" not in text("docs/configuration.md")]


def test_the_profiles_of_the_manual_are_the_defaults():
    rows = dict(re.findall(r"^\| `(\w+)`[^|]*\| (\S+) \|", text("docs/configuration.md").split("## Profiles")[1], re.MULTILINE))
    default = text("fumehood.toml.example").split("#[profiles.default]")[1].split("\n\n")[0]
    assert rows == dict(re.findall(r"^#(\w+) = (\S+)$", default, re.MULTILINE))


def test_each_layer_is_in_the_manual():
    layers = re.findall(r'"([a-z]+)"', text("include/fumehood/analysis_spec.h").split("kHoodLayers[] =")[1].split("};")[0])
    assert "seccomp" in layers
    assert not [name for name in layers if f"`{name}`" not in text("docs/isolation.md")]
    assert not [name for name in layers if name not in text("docs/configuration.md")]


def test_each_library_is_in_the_manual():
    cmake = text("cmake/Dependencies.cmake")
    names = re.findall(r"find_package\((\w[\w+-]*)", cmake) + re.findall(r"pkg_check_modules\((\w+)", cmake)
    page = text("docs/dependencies.md").lower().replace("+", "p")
    known = {"gtest": "googletest", "benchmark": "google benchmark", "tomlplusplus": "tomlpp", "pkgconfig": "pkg-config"}
    assert not [name for name in names if known.get(name.lower(), name.lower()) not in page]


def test_each_folder_is_in_the_manual():
    folders = re.findall(r"add_subdirectory\((\w+)\)", text("src/CMakeLists.txt"))
    assert not [name for name in folders if f"`src/{name}`" not in text("docs/architecture.md")]


@pytest.fixture(scope="module")
def program():
    path = BUILD / "release" / "fumehood"
    if not path.exists():
        pytest.fail(f"{path} is not there: run `make build`", pytrace=False)
    return path


def test_each_command_of_the_manual_is_there(program):
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    used = set(re.findall(r"(?:`|\$ |sudo |^ {4})fumehood ([a-z][a-z-]*)", pages, re.MULTILINE))
    assert "run" in used

    def help_of(name):
        return subprocess.run([program, "help", name], capture_output=True, text=True, check=True, timeout=60).stdout

    assert not [name for name in used - {"help"} if not help_of(name).startswith(f"Usage: fumehood {name}")]


def test_the_fields_of_the_manual_are_the_programs_own(program):
    """To bring the page up to date, replace its block of text by what `fumehood explain --fields` prints."""
    fields = subprocess.run([program, "explain", "--fields"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert text("docs/spec.md").split("```text\n")[1].split("```")[0] == fields
