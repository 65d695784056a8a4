"""Executes a notebook inside a run, for `fumehood notebook`. Shown to the run read-only; it uses the runtime's own interpreter and
the runtime's own nbclient.

What a cell prints goes to standard output and errors as it comes. The executed notebook is written after every cell, so that
whatever ends the run leaves what ran so far; figures are written beside it. The cell that fails is named in /tmp/failure_note, from
where it comes into the notes of the run.

The kernel is talked to through sockets in the run's own /tmp: that needs no network, and nobody else can reach them.
"""

import argparse
import ast
import base64
import difflib
import json
import keyword
import math
import os
import re
import sys
import tempfile

FAILURE_NOTE = "/tmp/failure_note"
INJECTED = "injected-parameters"
CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def fail(note):
    """Ends the run with its reason, for the notes and for whoever looks at its errors."""
    with open(FAILURE_NOTE, "w", encoding="utf-8", errors="replace") as file:
        file.write(note + "\n")
    sys.stdout.flush()
    print(f"fumehood notebook: {note}", file=sys.stderr, flush=True)
    sys.exit(1)


def arguments():
    parser = argparse.ArgumentParser(prog="execute_notebook")
    parser.add_argument("notebook")
    parser.add_argument("--to", required=True, help="the executed notebook")
    parser.add_argument("--figures", required=True, help="directory of its figures")
    parser.add_argument("--parameters", default="{}", help="a JSON object")
    parser.add_argument("--get", default="", help="the command that gets nbclient for this runtime")
    return parser.parse_args()


ARGUMENTS = arguments()
try:
    import nbformat
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError
    from traitlets import default
except ImportError as error:
    fail(f"this runtime cannot execute notebooks: {error}. Get what is needed with: {ARGUMENTS.get}")


def first_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # What a cell does, not its comments, where there is more.
    lines = [line for line in lines if not line.startswith("#")] or lines
    return lines[0][:120] if lines else ""


# Each language's way to write a value down, as papermill has it.


def number(value, special):
    if isinstance(value, float) and not math.isfinite(value):
        return special["nan" if math.isnan(value) else "inf" if value > 0 else "-inf"]
    return repr(value)


def in_python(value):
    if isinstance(value, list):
        return "[" + ", ".join(in_python(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {in_python(item)}" for key, item in value.items()) + "}"
    if isinstance(value, float):
        return number(value, {"nan": "float('nan')", "inf": "float('inf')", "-inf": "float('-inf')"})
    return repr(value)


def in_r(value):
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "TRUE", False: "FALSE"}[value]
    if isinstance(value, list):
        return "list(" + ", ".join(in_r(item) for item in value) + ")"
    if isinstance(value, dict):
        return "list(" + ", ".join(f"{in_r(key)} = {in_r(item)}" for key, item in value.items()) + ")"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return number(value, {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"})


LANGUAGES = {"python": in_python, "r": in_r}


def language_of(notebook):
    metadata = notebook.metadata
    name = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name") or "python"
    return name.lower()


def tagged(notebook, tag):
    for index, cell in enumerate(notebook.cells):
        if tag in cell.metadata.get("tags", []):
            return index
    return None


def warn_of_unknown(parameters, source):
    """A misspelt name would be set and never read."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    known = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for name in parameters:
        if known and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            print(f"fumehood notebook: the cell tagged `parameters` sets no {name}{hint}", file=sys.stderr, flush=True)


def inject(notebook, parameters):
    """A cell with the parameters behind the one tagged `parameters`, which holds their defaults; in front where there is none."""
    if not parameters:
        return
    language = language_of(notebook)
    if language not in LANGUAGES:
        fail(f"parameters cannot be given to a notebook in {language}: only to one in {', '.join(sorted(LANGUAGES))}")
    for name in parameters:
        if language == "python" and keyword.iskeyword(name):
            fail(f"{name} is a word of Python's own, and no name for a parameter")
    write = LANGUAGES[language]
    assign = " <- " if language == "r" else " = "
    source = "# Parameters\n" + "\n".join(f"{name}{assign}{write(value)}" for name, value in parameters.items())
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": [INJECTED]})
    if (notebook.nbformat, notebook.nbformat_minor) >= (4, 5):
        cell["id"] = INJECTED  # the same in each run
    else:
        cell.pop("id", None)
    place = tagged(notebook, "parameters")
    before = tagged(notebook, INJECTED)
    if place is not None and language == "python":
        warn_of_unknown(parameters, notebook.cells[place].source)
    if before is not None:
        notebook.cells[before] = cell
    else:
        notebook.cells.insert(0 if place is None else place + 1, cell)


class OwnKernels(KernelSpecManager):
    """For Python always the interpreter that this program runs in: a kernel of that name on the system is another one."""

    def get_kernel_spec(self, kernel_name):
        if kernel_name != "fumehood-python":
            return super().get_kernel_spec(kernel_name)
        return KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], language="python",
                          display_name="Python", env={"PYDEVD_DISABLE_FILE_VALIDATION": "1"})  # a warning in each notebook's errors


class Manager(AsyncKernelManager):
    @default("kernel_spec_manager")
    def _own_kernels(self):
        return OwnKernels(parent=self)

    @default("transport")
    def _by_socket_file(self):
        return "ipc"

    @default("connection_file")
    def _in_tmp(self):
        # A socket's path has at most 107 bytes.
        return os.path.join(tempfile.mkdtemp(prefix="kernel-", dir="/tmp"), "k.json")


def kernel_for(notebook):
    language = language_of(notebook)
    if language == "python":
        try:
            import ipykernel  # noqa: F401
        except ImportError as error:
            fail(f"this runtime has no Python kernel: {error}. Get it with: {ARGUMENTS.get}")
        return "fumehood-python"
    name = notebook.metadata.get("kernelspec", {}).get("name", "")
    try:
        KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        package = {"r": "IRkernel (Debian: r-cran-irkernel)", "julia": "IJulia"}.get(language, "its kernel")
        fail(f"the notebook is in {language} and wants the kernel {name!r}, which this runtime does not have; it comes with {package}")
    return name


class Client(NotebookClient):
    """Shows what comes as it comes, and leaves a notebook on disk after each cell."""

    def begin(self, to, figures):
        self.to = os.path.abspath(to)
        os.makedirs(os.path.dirname(self.to), exist_ok=True)
        self.figures = os.path.abspath(figures)
        self.code_cells = 0
        self.in_cell = False
        self.asked_to_end = False
        self.failure = ""

    def process_message(self, msg, cell, cell_index):
        show(msg["msg_type"], msg["content"])
        return super().process_message(msg, cell, cell_index)

    async def _async_cleanup_kernel(self):
        # nbclient does this at its end, and when SIGTERM comes: then the cell that runs is not to blame for its kernel's death.
        self.asked_to_end = self.in_cell
        await super()._async_cleanup_kernel()

    async def async_execute_cell(self, cell, cell_index, **options):
        if cell.cell_type != "code" or not cell.source.strip():
            return await super().async_execute_cell(cell, cell_index, **options)
        self.code_cells += 1
        self.in_cell = True
        try:
            return await super().async_execute_cell(cell, cell_index, **options)
        except CellExecutionError as error:
            self.failure = f"{error.ename}: {CONTROL_SEQUENCE.sub('', error.evalue)}" if error.evalue else error.ename
            raise
        except DeadKernelError:
            self.failure = "its kernel died"
            raise
        finally:
            self.in_cell = False
            if self.asked_to_end:
                self.failure = "was running when the end was asked for"
            if self.failure:
                self.failure = f"cell {self.code_cells} (`{first_line(cell.source)}`): {self.failure}"
            self.save_figures(cell)
            self.save()

    def save_figures(self, cell):
        made = 0
        for output in cell.get("outputs", []):
            image = output.get("data", {}).get("image/png")
            if image is None:
                continue
            made += 1
            os.makedirs(self.figures, exist_ok=True)
            text = "".join(image) if isinstance(image, list) else image
            with open(os.path.join(self.figures, f"cell{self.code_cells}-{made}.png"), "wb") as file:
                file.write(base64.b64decode(text))

    def save(self):
        text = nbformat.writes(self.nb)
        unfinished = self.to + ".part"
        with open(unfinished, "w", encoding="utf-8") as file:
            file.write(text if text.endswith("\n") else text + "\n")
        os.replace(unfinished, self.to)


def show(kind, content):
    if kind == "stream":
        stream = sys.stderr if content.get("name") == "stderr" else sys.stdout
        stream.write(content.get("text", ""))
    elif kind in ("execute_result", "display_data"):
        stream = sys.stdout
        text = content.get("data", {}).get("text/plain", "")
        stream.write(("".join(text) if isinstance(text, list) else text) + "\n")
    elif kind == "error":
        stream = sys.stderr
        stream.write(CONTROL_SEQUENCE.sub("", "\n".join(content.get("traceback", []))) + "\n")
    else:
        return
    stream.flush()


def read_notebook(path):
    try:
        with open(path, encoding="utf-8") as file:
            return nbformat.read(file, as_version=4)
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}")
    except Exception as error:  # what nbformat makes of a broken file has no common class
        fail(f"{path} is not a notebook: {first_line(str(error)) or type(error).__name__}")


def main():
    notebook = read_notebook(ARGUMENTS.notebook)
    inject(notebook, json.loads(ARGUMENTS.parameters))
    # As Jupyter has it: a notebook's own directory; one that is not of the work directory runs there.
    place = os.getcwd() if os.path.isabs(ARGUMENTS.notebook) else os.path.dirname(os.path.abspath(ARGUMENTS.notebook))
    client = Client(notebook, kernel_name=kernel_for(notebook), timeout=None, record_timing=False, kernel_manager_class=Manager,
                    resources={"metadata": {"path": place}})
    client.begin(ARGUMENTS.to, ARGUMENTS.figures)
    client.save()
    try:
        client.execute()
    except Exception as error:  # a kernel that does not come up ends in one of many classes
        if client.failure:
            fail(client.failure)
        fail(f"the kernel of the notebook did not start, or was lost: {type(error).__name__}: {error}")
    finally:
        client.save()


main()
