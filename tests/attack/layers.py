"""The layers of the hood by the names that tests/drivers/hood_without takes, and what is left out for each.

The product has no such switch: the driver makes the same order to the keeper and takes steps out of it before it is sent.
"""

# Not one layer but all of them: the victim is an ordinary child of the starter. For what no change of the order could let
# through, since the keeper is started without it in the first place.
NO_HOOD = "hood"

LAYERS = {
    "memory": "no memory limit: neither the cgroup's nor the size of the run's tmpfs",
    "cpu": "no CPU quota",
    "pids": "no limit on processes",
    "disk": "no limit on bytes and files written: no quota, sampling or RLIMIT_FSIZE",
    "kill": "no cgroup: what is alive when the first process has ended is left alone",
    "namespaces.user": "no user namespace: the run has the ids of its starter",
    "namespaces.pid": "the caller's PID namespace; /proc is the one of that namespace",
    "namespaces.ipc": "the caller's System V and POSIX IPC",
    "namespaces.net": "the caller's network, abstract unix sockets included",
    "namespaces.cgroup": "the caller's view of the cgroup tree",
    "filesystem": "no new root: the run stands in the caller's tree, in the real work directory",
    "filesystem.overlay": "the work directory and the inputs are plain binds that may be written",
    "filesystem.proc": "nothing of /proc is masked or read-only",
    "filesystem.nodev": "devices, setuid bits and special files work on everything that is shown",
    "filesystem.masks": "the state directory is not masked where something that is shown holds it",
    "privileges.capabilities": "the capabilities of the starter are kept",
    "privileges.no_new_privileges": "a setuid program may gain privileges",
    "privileges.uid": "the run keeps the uid of the starter",
    "privileges.core": "the limit on core files is not set",
    "privileges.share_of_user": "all that the kernel lets a user have of what it counts across namespaces",
    "privileges.keyring": "the session's key ring is the caller's",
    "privileges.dumpable": "the first process of the run may be traced",
    "privileges.environment": "the starter's environment is passed on",
    "seccomp": "no system call filter",
    "landlock": "no landlock rules",
}

# What an administrator of the caller's own namespaces could do: for attacks that several walls stop at once.
AS_ADMINISTRATOR = ("namespaces.user", "privileges.capabilities", "privileges.uid", "seccomp", "landlock")
