#!/usr/bin/python3
"""Holds every #include of src/ against the order of src/CMakeLists.txt.

A folder may include itself and the folders above it there. Kernel headers belong to the folders that speak to the kernel;
third-party headers belong to .cc files, so that no user of a header needs the library. Prints what is wrong, one a line.
"""

import re
import sys
from pathlib import Path

KERNEL_FOLDERS = {"sys", "hood", "keeper"}
KERNEL_HEADER = re.compile(r"(linux|sys|asm|net|netinet|arpa)/.+|(sched|seccomp|unistd|fcntl|poll|mntent|grp|pwd|syscall)\.h")
# These speak of processes and files as POSIX does everywhere and are no kernel interface of their own.
HARMLESS = {"sys/types.h", "sys/random.h", "unistd.h", "fcntl.h", "poll.h"}
THIRD_PARTY = re.compile(r"(boost|CLI|toml\+\+|toml\.hpp|yaml-cpp|openssl|systemd|benchmark|gtest|gmock|rapidcheck)\b.*|sqlite3\.h|seccomp\.h|zstd\.h")
# Header, what it includes, and why it may.
EXCEPTIONS = {
    ("src/hood/seccomp_numbers.h", "seccomp.h"): "used by the generator of the filter and by tests, never by what is installed",
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def folder_order(source):
    """The folders of src/, first to last, as its CMakeLists.txt adds them."""
    text = (source / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.findall(r"^\s*add_subdirectory\((\w+)\)", text, re.MULTILINE)


def folder_of(path, source):
    parts = path.relative_to(source).parts
    return parts[0] if len(parts) > 1 else None


def backend_of(parts):
    """`local` of executor/local/x.cc; None for the interface beside it."""
    return parts[1] if len(parts) > 2 and parts[0] == "executor" else None


def problems_of_include(path, kind, header, source, order):
    folder = folder_of(path, source)
    # test_x.h and x_generator.h are what tests of one folder share.
    is_test = path.stem.endswith(("_test", "_fuzz", "_bench", "_generator")) or path.stem.startswith("test_")
    if kind == '"' and header.startswith("src/"):
        target = header.split("/")[1]
        if target not in order:
            yield f"includes {header}: src/CMakeLists.txt has no folder {target}"
        elif order.index(target) > order.index(folder):
            yield f"includes {header}: {folder} stands above {target} in src/CMakeLists.txt and may not use it"
        own, other = backend_of(path.relative_to(source).parts), backend_of(Path(header).parts[1:])
        if own and other and own != other:
            yield f"includes {header}: one executor never includes another"
    if kind == '"' and not header.startswith(("src/", "fumehood/")) and not header.startswith("gen/"):
        yield f"includes {header}: write the path from the top, as src/... or fumehood/..."
    if KERNEL_HEADER.fullmatch(header) and header not in HARMLESS and folder not in KERNEL_FOLDERS and not is_test:
        yield f"includes <{header}>: kernel headers belong to src/{', src/'.join(sorted(KERNEL_FOLDERS))}"
    excepted = (str(path.relative_to(source.parent)), header) in EXCEPTIONS
    if THIRD_PARTY.fullmatch(header) and path.suffix == ".h" and not is_test and not excepted:
        yield f"includes <{header}>: third-party headers belong to .cc files"


def problems_of_public_header(header):
    if header.startswith("src/"):
        yield f"includes {header}: a public header has only std types and public headers"
    if KERNEL_HEADER.fullmatch(header) or THIRD_PARTY.fullmatch(header):
        yield f"includes <{header}>: a public header has only std types and public headers"


def check(top):
    """All problems of a tree, as `file:line: what`."""
    source, public = top / "src", top / "include"
    order = folder_order(source)
    found = []
    for path in sorted([*source.rglob("*.cc"), *source.rglob("*.h"), *public.rglob("*.h")]):
        if "testdata" in path.parts:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            if public in path.parents:
                problems = problems_of_public_header(match[2])
            elif folder_of(path, source) not in order:
                problems = [f"src/CMakeLists.txt has no folder {folder_of(path, source)}"]
            else:
                problems = problems_of_include(path, match[1], match[2], source, order)
            found += [f"{path.relative_to(top)}:{number}: {problem}" for problem in problems]
    return found


def main():
    top = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = check(top)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
