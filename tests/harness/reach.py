"""Lets another user start programs of a checkout that lies in a closed directory, at the paths it was built for."""

import os
import stat
from pathlib import Path

# A private mount namespace in which an empty, open directory stands where the closed one is, and holds the checkout
# alone. Every step that fails ends it.
_SCRIPT = """
set -e
checkout=$1 closed=$2; shift 2
keep=$(mktemp -d /tmp/fh-reach.XXXXXX)
mount --rbind "$checkout" "$keep"
mount -t tmpfs -o mode=755 tmpfs "$closed"
mkdir -p "$checkout"
mount --move "$keep" "$checkout"
rmdir "$keep"
exec "$@"
"""


def closed_ancestor(path):
    """The uppermost directory above `path` that others may not pass through; None when they reach it."""
    for directory in reversed(Path(path).resolve().parents):
        if not os.stat(directory).st_mode & stat.S_IXOTH:
            return directory
    return None


def as_user(uid, checkout):
    """Words that, before a command and started by root, run it as `uid` with the checkout in reach."""
    become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs", "--"]
    closed = closed_ancestor(Path(checkout) / "x")
    if closed is None:
        return become
    private = ["/usr/bin/unshare", "--mount", "--propagation", "private", "--"]
    return [*private, "bash", "-c", _SCRIPT, "bash", str(checkout), str(closed), *become]
