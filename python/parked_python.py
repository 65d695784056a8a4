"""An interpreter that waits for its run, with the packages loaded that its runtime names (docs/warm.md).

Started by the first process of a box, in the sealed hood of a run to come: `python3 -c THIS PACKAGE...`, with one end of a
socket as descriptor 3. It answers there `r` once it has loaded the packages, or `x` and why not. Then it is sent one run
(arguments, environment, standard streams) and answers `s`: the run begins. Or `c` and why this run would not be what it is in an
interpreter of its own; then it ends, and the first process starts one.

Nothing here may be seen by the run that could not be there in any other: no module __main__ of ours, no descriptor, no path.
"""


def wait_for_run():
    import sys

    sys.path.remove("")  # of -c: nothing is taken from where a run may put its files
    plain = set(sys.modules)  # what every interpreter has loaded when it begins with a script
    import ctypes
    import os
    import stat

    import _socket

    line = 3
    os.set_inheritable(line, False)

    class Refused(Exception):
        pass

    def end(word, why):
        os.write(line, word + " ".join(str(why).split()).encode("utf-8", "replace")[:200])
        os._exit(0)

    class Asked(os._Environ):
        """The environment, which remembers what was read of it: what a package has read when it was loaded cannot be set later."""

        names = set()

        def __getitem__(self, key):
            Asked.names.add(key)
            return super().__getitem__(key)

        def __iter__(self):
            Asked.names.add("*")
            return super().__iter__()

    def file_of(module):
        name = getattr(module, "__dict__", {}).get("__file__")
        return name if isinstance(name, str) else None

    def look(path):
        info = os.stat(path)
        return info.st_mtime_ns, info.st_size, info.st_ino

    def load(packages):
        os.environ.__class__ = Asked
        for package in packages:
            __import__(package)
        os.environ.__class__ = os._Environ
        loaded = {}
        for module in list(sys.modules.values()):
            path = file_of(module)
            if path is not None:
                loaded[path] = look(path)
        return loaded

    def receive():
        """The message of src/sys/message.h: its size and the count of descriptors, with these; then lists of texts (src/base/wire.h)."""
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, line)
        header, control, _, _ = sock.recvmsg(16, _socket.CMSG_SPACE(3 * 4))
        sock.detach()
        if len(header) != 16:
            os._exit(0)  # there will be no run
        size = int.from_bytes(header[:8], sys.byteorder)
        fds = [int.from_bytes(control[0][2][i : i + 4], sys.byteorder) for i in range(0, 12, 4)]
        data = b""
        while len(data) < size:
            part = os.read(line, size - len(data))
            if not part:
                os._exit(0)
            data += part
        place = 0

        def number():
            nonlocal place
            place += 8
            return int.from_bytes(data[place - 8 : place], sys.byteorder)

        def text():
            nonlocal place
            length = number()
            place += length
            return data[place - length : place]

        cwd = os.fsdecode(text())
        argv = [os.fsdecode(text()) for _ in range(number())]
        env = [os.fsdecode(text()).partition("=") for _ in range(number())]
        return cwd, argv, {name: value for name, _, value in env}, fds

    # Read by the loader, the C library or compiled parts of packages, which ask nobody.
    early = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_", "TZ", "OMP_", "GOMP_", "KMP_", "OPENBLAS_", "GOTO_", "MKL_",
             "BLIS_", "BLAS_", "NUMEXPR_", "NPY_", "CUDA_", "NVIDIA_", "HSA_", "ROCR_", "MKLROOT", "PATH")

    def set_environment(wanted):
        for name in set(wanted) | set(os.environ):
            if wanted.get(name) == os.environ.get(name):
                continue
            if name.startswith(early):
                raise Refused(f"the variable {name} is read when an interpreter starts")
            if name in Asked.names or "*" in Asked.names:
                raise Refused(f"the variable {name} is read when the packages are loaded")
            if name in wanted:
                os.environ[name] = wanted[name]
            else:
                del os.environ[name]

    def check_files(loaded):
        for path, seen in loaded.items():
            try:
                same = look(path) == seen
            except OSError:
                same = False
            if not same:
                raise Refused(f"{path} was changed after it was loaded")

    def finder_of(path):
        for hook in sys.path_hooks:
            try:
                return hook(path)
            except ImportError:
                pass
        return None

    def check_shadows(directory):
        """A file beside the script goes before an installed package of its name: then the one that is loaded is another."""
        finder = finder_of(directory)
        for name in sorted({name.partition(".")[0] for name in sys.modules if name not in plain}):
            spec = finder.find_spec(name) if finder is not None else None
            if spec is not None and spec.loader is not None:
                raise Refused(f"the work directory has a {name} of its own, which goes before the one that is loaded")

    def script_of(words):
        """What sys.path begins with, and sys.argv."""
        if words[0] == "-c":
            check_shadows(os.getcwd())
            return "", ["-c", *words[2:]]
        if words[0] == "-m":
            check_shadows(os.getcwd())
            return os.getcwd(), ["-m", *words[2:]]
        try:
            regular = stat.S_ISREG(os.stat(words[0]).st_mode)
        except OSError:
            regular = False
        if not regular or finder_of(words[0]) is not None:
            raise Refused(f"{words[0]} is no script")
        directory = os.path.dirname(os.path.realpath(words[0]))
        check_shadows(directory)
        return directory, list(words)

    def shown_path(path):
        """What __file__ and tracebacks call the script."""
        if sys.version_info < (3, 9) or os.path.isabs(path):
            return path
        return os.getcwd().rstrip("/") + "/" + path

    def take_streams(fds):
        for target, fd in enumerate(fds):
            os.dup2(fd, target)
            os.close(fd)
        if not stat.S_ISFIFO(os.fstat(0).st_mode):
            return
        # Made anew: what can be read twice and what cannot is asked once, and it was /dev/null.
        old = sys.stdin
        raw = open(0, "rb", -1, closefd=False)
        sys.stdin = sys.__stdin__ = type(old)(raw, encoding=old.encoding, errors=old.errors, newline="\n")
        sys.stdin.mode = "r"
        raw.raw.name = "<stdin>"

    def show_command(argv):
        """What ps and others show of this process."""
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        start, room = int(fields[45]), int(fields[46]) - int(fields[45])
        words = b"\0".join(os.fsencode(word) for word in argv) + b"\0"
        if start > 0 and len(words) <= room:
            ctypes.memmove(start, words + bytes(room - len(words)), room)

    def new_main():
        """As an interpreter has it when it comes to its script."""
        main = type(sys)("__main__")
        main.__annotations__ = {}
        main.__builtins__ = sys.modules["builtins"]
        main.__loader__ = sys.modules["_frozen_importlib"].BuiltinImporter
        sys.modules["__main__"] = main

    class CompilerFlags(ctypes.Structure):
        _fields_ = [("flags", ctypes.c_int), ("feature_version", ctypes.c_int)]

    def run_module(name):
        import runpy

        try:
            runpy._run_module_as_main(name)
        except SystemExit:
            raise
        except BaseException as error:
            trace = error.__traceback__.tb_next
            sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
            sys.excepthook(type(error), error.with_traceback(trace), trace)
            if not isinstance(error, KeyboardInterrupt):
                sys.exit(1)
            import atexit
            import signal
            import threading

            threading._shutdown()
            atexit._run_exitfuncs()
            sys.stdout.flush()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)

    try:
        loaded = load(sys.argv[1:])
    except BaseException as error:
        end(b"x", f"{type(error).__name__}: {error}")
    os.write(line, b"r")
    cwd, argv, env, fds = receive()
    try:
        os.chdir(cwd)
        words = argv[1:]
        check_files(loaded)
        first, sys.argv = script_of(words)
        set_environment(env)
        python, file = ctypes.pythonapi, None
        ignore_cookie = 0x0800 if words[0] == "-c" else 0
        flags = CompilerFlags(ignore_cookie, sys.version_info[1])
        if words[0] not in ("-c", "-m"):
            libc = ctypes.CDLL(None)
            libc.fopen.restype = ctypes.c_void_p
            file = libc.fopen(os.fsencode(words[0]), b"rbe")
            if not file:
                raise Refused(f"{words[0]} cannot be read")
        sys.path.insert(0, first)
        if hasattr(sys, "orig_argv"):
            sys.orig_argv = list(argv)
        show_command(argv)
        take_streams(fds)
        new_main()
    except Refused as why:
        end(b"c", why)
    except BaseException as error:
        end(b"c", f"the run could not be handed over: {type(error).__name__}: {error}")
    os.write(line, b"s")
    os.close(line)
    if words[0] == "-m":
        return run_module(words[1])
    # By the interpreter's own hands: what it does of a script's end, exceptions and exit codes is what it always does.
    if file is None:
        failed = python.PyRun_SimpleStringFlags(words[1].encode("utf-8", "surrogateescape"), ctypes.byref(flags))
    else:
        failed = python.PyRun_AnyFileExFlags(ctypes.c_void_p(file), os.fsencode(shown_path(words[0])), 1, ctypes.byref(flags))
    # After this one the interpreter ends itself with SIGINT, if it is let.
    if failed and sys.last_type is not KeyboardInterrupt:
        sys.exit(1)


wait_for_run()
