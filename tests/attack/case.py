"""The stand-ins of one attack: what it aims at is ours, whether it reaches it is seen from here, outside the hood."""

import fcntl
import os
import pty
import select
import shutil
import socket
import struct
import subprocess
from pathlib import Path

from harness import kernel

STAGE = Path(__file__).with_name("stage.sh")
# The attack with a layer switched off happens here: its mounts stay in a mount namespace of its own, its signals in a
# PID namespace of its own, and all of it is gone with the first process. unshare ends at the first step that fails.
OUTER = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]


class Case:
    """One attack in one place: the words for its arguments, and questions about the state of the host."""

    def __init__(self, hood):
        self.hood = hood
        self.host = hood.folder("host")
        self.input = hood.folder("input")
        self.verdict = hood.folder("verdict") / "bystander"
        self.token = hood.mark.replace("fh-mark", "fh-token")
        self.secret = hood.file("host/secret", self.token)
        self.target = hood.file("host/target", "as it was\n")
        os.chmod(self.target, 0o666)
        self.key = 0x46000000 + os.getpid() % 100000 * 100 + int(hood.top.name.lstrip("t")) % 100
        self.listeners = []
        self.run = None  # the run under attack, once it is over
        self.before = {}  # the snapshot that changed() compares with
        self.terminal = None  # (ours, theirs): a terminal whose other end the starter has
        self.words = {
            "token": self.token,
            "secret": self.secret,
            "target": self.target,
            "host": self.host,
            "input": self.input,
            "work": hood.work,
            "top": hood.top,
            "key": self.key,
            "pidns": os.stat("/proc/self/ns/pid").st_ino,
            "uid": hood.uid,
        }

    def listen(self, family, address, word):
        """A listener of the host; what it hears is in heard()."""
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.bind(address)
        listener.listen(8)
        self.listeners.append(listener)
        self.words[word] = listener.getsockname()[1] if family == socket.AF_INET else address
        return listener

    def heard(self):
        """What somebody connected for, or None."""
        ready, _, _ = select.select(self.listeners, [], [], 0)
        for listener in ready:
            connection, _ = listener.accept()
            connection.settimeout(5)
            data = connection.recv(1000)
            connection.close()
            return f"the listener on {listener.getsockname()} heard {data!r}"
        return None

    def fifo(self, path):
        """A FIFO of the host that somebody reads."""
        os.mkfifo(path, 0o666)
        os.chmod(path, 0o666)
        self.hood.give(path)
        self.reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def fifo_heard(self):
        try:
            return f"the FIFO of the host gave {os.read(self.reader, 1000)!r}"
        except BlockingIOError:
            return None

    def lock(self, path):
        """The host's own locks on a file, held to the end of the test; nobody else can have one then, not even to read."""
        self.locked = open(path, "r+b")
        fcntl.flock(self.locked, fcntl.LOCK_EX)
        # Of the open file, not of this process: that one would go with the first close of the file, by snapshot().
        fcntl.fcntl(self.locked, fcntl.F_OFD_SETLK, struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))

    def open_terminal(self):
        """What is the starter's controlling terminal, by the words that make it so and the standard input that is it."""
        self.terminal = pty.openpty()
        os.set_blocking(self.terminal[0], False)
        self.hood.give(os.ttyname(self.terminal[1]))
        return ["setsid", "--ctty", "--wait"], self.terminal[1]

    def terminal_shows_token(self):
        try:
            shown = os.read(self.terminal[0], 65536)
        except BlockingIOError:
            return None
        return f"the terminal shows {shown!r}" if self.token.encode() in shown else None

    def setuid_copy(self, path, owner):
        """A copy of the setuid victim that belongs to somebody else."""
        shutil.copy2(self.hood.programs / "victims" / "setuid_program", path)
        os.chown(path, owner, owner)
        os.chmod(path, 0o6755)

    def target_changed(self):
        text = self.target.read_text(encoding="utf-8")
        return None if text == "as it was\n" else f"{self.target} holds {text!r}"

    def bystander_harmed(self):
        verdict = self.verdict.read_text().strip() if self.verdict.exists() else "killed"
        return None if verdict == "alive" else f"the bystander was {verdict}"

    def survivors(self):
        """Processes of the run that are alive, or were when the command of the stage had ended and its kernel not yet."""
        pids = kernel.processes_with(self.hood.mark)
        stage = Path(f"{self.verdict}.left")
        pids += stage.read_text().split() if stage.exists() else []
        return f"processes {pids} are alive" if pids else None

    def changed(self):
        after = self.snapshot()
        differing = [path for path in {**self.before, **after} if self.before.get(path) != after.get(path)]
        return f"{differing} changed" if differing else None

    def shared_memory_left(self):
        if self.key in kernel.system_v_keys():
            return f"System V segment {self.key:#x} is there"
        path = f"/dev/shm/fumehood-{self.key}"
        return f"{path} is there" if os.path.exists(path) else None

    def log_is_larger_than(self, mebibytes):
        size = os.path.getsize(self.run.result["stdout_path"]) if self.run and self.run.result else 0
        return f"the log has {size} bytes" if size > mebibytes << 20 else None

    def snapshot(self):
        """Every name, kind, owner, mode and content of what is the user's and must stay as it is."""
        seen = {}
        for top in (self.host, self.input, self.hood.work):
            for path in sorted(top.rglob("*")):
                status = path.lstat()
                content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
                seen[str(path)] = (status.st_mode, status.st_uid, status.st_gid, content)
        return seen

    def clean(self):
        for listener in self.listeners:
            listener.close()
        if hasattr(self, "reader"):
            os.close(self.reader)
        if hasattr(self, "locked"):
            self.locked.close()
        for fd in self.terminal or ():
            os.close(fd)
        if self.key in kernel.system_v_keys():
            subprocess.run(["ipcrm", "-M", str(self.key)], check=False)
        Path(f"/dev/shm/fumehood-{self.key}").unlink(missing_ok=True)
