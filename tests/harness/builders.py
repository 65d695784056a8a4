"""The tools that make runtimes, and what they make them of: wheels of our own, no index is asked."""

import base64
import hashlib
import os
import shlex
import shutil
import subprocess
import zipfile
from pathlib import Path

from harness import machine

TOP = Path(__file__).resolve().parents[2]
UV = "0.13.8"


def uv_program():
    """uv from PyPI, in a virtual environment that is kept between sessions."""
    folder = TOP / ".cache" / f"uv-{UV}"
    ready = folder.with_name(folder.name + ".ready")
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["/usr/bin/python3", "-m", "venv", str(folder)], check=True)
        install = [str(folder / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", "--retries", "1", f"uv=={UV}"]
        pip = subprocess.run(install, capture_output=True, text=True, check=False)
        if pip.returncode != 0:
            machine.unmet("pypi", f"uv cannot be had: {[line for line in pip.stderr.splitlines() if line.strip()][-1]}")
        ready.touch()
    return folder / "bin/uv"


def wheel(folder, name, version, files, requires=()):
    """A wheel of `files`, {path: text or bytes}."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            content = text if isinstance(text, bytes) else text.encode()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(content)}\n"
            archive.writestr(path, content)
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")


class Bench:
    """What a test makes runtimes with: a folder of tools, wheels, and a requirements.txt."""

    def __init__(self, hood, uv):
        self.hood = hood
        self.real = {"uv": uv}
        self.tools = hood.folder("tools")
        self.wheels = hood.folder("wheels")
        self.wheel("labdep", "1.5", {"labdep.py": "X = 1\n"})
        self.wheel("labtool", "1.0", {"labtool/__init__.py": "ANSWER = 42\n", "labtool/more.py": "MORE = 1\n"}, ["labdep>=1"])
        self.requirements = self.require("labtool")
        self.offer("uv")

    def wheel(self, *words):
        wheel(self.wheels, *words)

    def require(self, *lines, name="requirements.txt"):
        text = f"--no-index\n--find-links {self.wheels}\n" + "".join(f"{line}\n" for line in lines)
        return self.hood.file(name, text)

    def offer(self, name, before="", after=""):
        """Puts the real tool on PATH; `before` and `after` are lines of bash, which see its arguments."""
        script = f'#!/bin/bash\n{before}\n{shlex.quote(str(self.real[name]))} "$@" || exit\n{after}\nexit 0\n'
        (self.tools / name).unlink(missing_ok=True)  # bash may be reading the one that is there
        path = self.hood.file(f"tools/{name}", script)
        path.chmod(0o755)
        return path

    def environment(self, **more):
        base = self.hood.environment()
        indexes = {"UV_NO_INDEX": "1", "PIP_NO_INDEX": "1", "UV_FIND_LINKS": str(self.wheels), "PIP_FIND_LINKS": str(self.wheels)}
        return {**base, **indexes, "PATH": f"{self.tools}:{base['PATH']}", **more}

    def words(self, *flags, name="cells", file=None):
        return ["runtimes", "add", name, "--file", file or self.requirements, *flags]

    def add(self, *flags, name="cells", file=None, environment=None, **options):
        return self.hood.call(*self.words(*flags, name=name, file=file), environment=environment or self.environment(), seconds=300, **options)

    def prefix(self, name="cells"):
        (build,) = (self.hood.state / "runtimes" / name).glob("build-*")
        return build / "prefix"

    def site(self, name="cells"):
        return next(self.prefix(name).glob("lib/python3*/site-packages"))


class Stop:
    """A place in a script where it waits: `script` goes into the tool, reached() returns when it is there, go_on() lets it go."""

    def __init__(self, hood, name, when="true"):
        self.here, self.on = hood.top / f"{name}.here", hood.top / f"{name}.on"
        for path in (self.here, self.on):
            os.mkfifo(path)
            hood.give(path)
        self.script = f"if {when}; then echo >{self.here}; read -r _ <{self.on}; fi"

    def reached(self):
        self.here.read_bytes()  # opens when the other side does

    def go_on(self):
        self.on.write_text("\n")
