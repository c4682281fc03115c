"""A step with `@container`: its files, the command, and what that leaves.

In a pod the shim has a container before the step's own and one after it, and the files are in a volume that all three
share: see FLOWC_CONTAINER_PART. Elsewhere this process does all of it, and runs the container by docker or podman, or
the command itself.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile

from flowc.errors import ContainerFailed, TimeoutException
from flowc.protocol import env_names
from flowc.protocol.container import COMMAND, FOLDER, INPUTS, OUTPUTS, SCRIPT, file_format, file_path, filled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, Dict, List

    from flowc.shim.task_identity import Task

    Read = Callable[[str], Any]
    Write = Callable[[str, Any], object]

STARTED = f"{FOLDER}/started"
"""When the step has started, for the part that comes after it."""
TAKEN = f"{FOLDER}/taken"
"""Is there where the task was taken over from another run, so that its command does nothing."""
_OWN_FAILURE = 125
"""The exit code of docker and podman where they could not start the container."""


def part_of_pod() -> str | None:
    """Which part of a step this process is in a pod; `None` where it is all of it."""
    return os.environ.get(env_names.CONTAINER_PART)


def may_be_taken_over() -> bool:
    """Whether the task can be taken over from another run: not in a pod whose container runs in any case."""
    part = part_of_pod()
    return part != INPUTS and (part != OUTPUTS or os.path.exists(TAKEN))


def leave_out() -> None:
    """The task is taken over: let the step's container do nothing."""
    if part_of_pod() == SCRIPT:
        for path, text in ((COMMAND, "exit 0\n"), (TAKEN, "")):
            with open(path, "w", encoding="ascii") as file:
                file.write(text)


def run_container(spec: Dict[str, Any], task: Task, variables: Dict[str, str], read: Read, write: Write) -> None:
    """Run the container of a step, or in a pod what comes before or after it; before it, the process ends here.

    `variables` are those of `@environment`. `read` gives an artifact or argument, and `write` sets an output. Raises
    ContainerFailed.
    """
    part = part_of_pod()
    if part == OUTPUTS:
        with open(STARTED, encoding="ascii") as file:
            task.started = float(file.read())
        collect(spec, FOLDER, write)
        return
    if part is not None:
        write_inputs(spec, FOLDER, read)
        if part == SCRIPT:
            _write(COMMAND, script_text(spec, read))
        _write(STARTED, repr(task.started).encode())
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # nothing is committed yet, whatever stands around the call of the flow
    folder = tempfile.mkdtemp(prefix="flowc-")
    try:
        write_inputs(spec, folder, read)
        _run_here(spec, folder, variables, read)
        collect(spec, folder, write)
    except TimeoutException as error:
        raise error.with_traceback(None) from None  # whose frames are of what waits for the command
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # a container may have made files that only root can remove


def write_inputs(spec: Dict[str, Any], folder: str, read: Read) -> None:
    """Write the inputs, and make the folders of the outputs, in which a container of any user may write."""
    for kind in (INPUTS, OUTPUTS):
        _make_folder(folder, kind)
        for name in spec[kind]:
            path = file_path(spec, kind, name, folder)
            _make_folder(folder, os.path.relpath(os.path.dirname(path), folder))
            form = file_format(spec[kind][name])[0]
            if kind == INPUTS:
                _write_input(path, f"input {name!r}", form, read(name))
            elif form == "folder":
                _make_folder(folder, os.path.relpath(path, folder))


def _make_folder(base: str, path: str) -> None:
    for part in path.split("/"):
        base = os.path.join(base, part)
        os.makedirs(base, exist_ok=True)
        os.chmod(base, 0o777)  # noqa: S103 (a container of any user has to write there)


def _write_input(path: str, what: str, kind: str, value: Any) -> None:
    if kind == "folder":
        import io
        import zipfile

        try:
            with zipfile.ZipFile(io.BytesIO(value)) as archive:
                archive.extractall(path)
        except (TypeError, zipfile.BadZipFile) as error:
            raise ContainerFailed(f"{what} is a folder, and its value is not the bytes of a zip: {error}") from None
        return
    if kind == "json":
        try:
            value = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise ContainerFailed(f"{what} cannot be written as JSON: {error}; convert it in the step before") from None
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    if not isinstance(value, (bytes, bytearray, memoryview)):
        name = type(value).__name__
        raise ContainerFailed(f"{what} is a {name}: a file takes text or bytes; name a file that ends in .json")
    _write(path, value)


def _write(path: str, content: Any) -> None:
    with open(path, "wb") as file:
        file.write(content)


def value_text(name: str, value: Any) -> str:
    """A value as a word of a command or a variable: text as it is, anything else as JSON. Raises ContainerFailed."""
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise ContainerFailed(f"{{values.{name}}} cannot be written as text: {error}; make it an input") from None
    if "\0" in value:
        raise ContainerFailed(f"{{values.{name}}} has a NUL in it, which no command takes: make it an input")
    return str(value)


def _words(spec: Dict[str, Any], folder: str, read: Read) -> List[str]:
    return [filled(word, spec, folder, lambda name: value_text(name, read(name))) for word in spec["command"]]


def _variables(spec: Dict[str, Any], folder: str, read: Read) -> Dict[str, str]:
    found: Dict[str, str] = spec["env"]
    return {name: filled(text, spec, folder, lambda name: value_text(name, read(name))) for name, text in found.items()}


def script_text(spec: Dict[str, Any], read: Read) -> bytes:
    """What a shell runs, which becomes the command: nothing in single quotes means anything to it but their end."""
    lines = [f"export {name}={_quoted(text)}" for name, text in _variables(spec, FOLDER, read).items()]
    lines.append(f"exec {' '.join(map(_quoted, _words(spec, FOLDER, read)))}\n")
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _run_here(spec: Dict[str, Any], folder: str, variables: Dict[str, str], read: Read) -> None:
    image: str | None = spec["image"]
    tool = container_program() if image is not None else None  # without one, the step's image is this machine
    inside = FOLDER if tool else folder
    words = _words(spec, inside, read)
    own = {**(variables if tool else os.environ), **_variables(spec, inside, read)}
    code = _run_image(tool, image, words, own, folder) if tool and image is not None else _run_process(words, own)
    if code:
        code = code if code > 0 else 128 - code
        hint = "; if no container can run here: --container local" if tool and code == _OWN_FAILURE else ""
        raise ContainerFailed(f"the container's command has ended with exit code {code}{hint}", code)


def _run_image(tool: str, image: str, words: List[str], own: Dict[str, str], folder: str) -> int:
    """Run the command in a container, which does not outlive this process, however that ends."""
    from flowc.shim.kept_process import KeptProcess

    os.chmod(folder, 0o755)  # noqa: S103 (the user of the image may be another one)
    name = os.path.basename(folder)
    options = [option for variable in own for option in ("--env", variable)]
    options += ["--name", name, "--volume", f"{folder}:{FOLDER}", "--entrypoint", words[0]]
    ending = ["/bin/sh", "-c", '"$1" kill "$2"; rm -rf "$3"', "sh", tool, name, folder]
    _end_container_at_sigterm(tool, name)
    return KeptProcess(
        [tool, "run", "--rm", *options, image, *words[1:]], env={**os.environ, **own}, ending=ending
    ).wait()


def _run_process(words: List[str], own: Dict[str, str]) -> int:
    try:
        process = subprocess.Popen(words, env=own, stdin=subprocess.DEVNULL)
    except OSError as error:
        way_out = "install it, or run the step's image: --container docker"
        raise ContainerFailed(f"the command cannot run as a process: {error}; {way_out}") from None
    try:
        return process.wait()
    except BaseException:  # such as its timeout
        process.kill()
        process.wait()
        raise


def _end_container_at_sigterm(tool: str, name: str) -> None:
    """Kill the container, too: it belongs to docker's daemon or podman's monitor, and may ignore SIGTERM."""
    import signal

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        _kill_container(tool, name)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, end)


def _kill_container(tool: str, name: str) -> None:
    subprocess.run([tool, "kill", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def container_program() -> str | None:
    """The path of the program that runs containers; `None` where the command is to run as a process of this machine."""
    chosen = os.environ.get(env_names.CONTAINER) or "auto"
    if chosen == "local":
        return None
    found = [path for path in map(shutil.which, ("docker", "podman") if chosen == "auto" else (chosen,)) if path]
    if found:
        # Docker's program alone runs nothing: podman takes its place where no daemon answers.
        return found[0] if len(found) == 1 or _answers(found[0]) else found[1]
    wanted = "neither docker nor podman" if chosen == "auto" else f"no {chosen}"
    raise ContainerFailed(
        f"there is {wanted} here to run the step's container; --container local ({env_names.CONTAINER}=local) runs its "
        "command as a process of this machine"
    )


def _answers(docker: str) -> bool:
    """Whether docker's daemon does: `docker version` asks for its version, too."""
    return subprocess.run([docker, "version"], check=False, capture_output=True).returncode == 0


def collect(spec: Dict[str, Any], folder: str, write: Write) -> None:
    """Set the outputs that the command has left. Raises ContainerFailed for one that is missing or wrong."""
    for name in spec[OUTPUTS]:
        kind = file_format(spec[OUTPUTS][name])[0]
        path = file_path(spec, OUTPUTS, name, folder)
        try:
            write(name, _zipped(path) if kind == "folder" else _read(path, kind))
        except OSError as error:
            raise ContainerFailed(
                f"the command has left no output {name!r}: {error.strerror}; it has to write {{outputs.{name}}}, which "
                f"is {path}"
            ) from None
        except UnicodeDecodeError:
            shown = f"bytes:{spec[OUTPUTS][name]}"
            raise ContainerFailed(f"output {name!r} is not text in UTF-8; for bytes, write {shown!r}") from None
        except ValueError as error:
            raise ContainerFailed(f"output {name!r} is not JSON: {error}") from None


def _read(path: str, kind: str) -> Any:
    with open(path, "rb") as file:
        content = file.read()
    if kind == "bytes":
        return content
    text = content.decode()
    return json.loads(text) if kind == "json" else text


def _zipped(path: str) -> bytes:
    """A folder as a zip: the same files give the same bytes."""
    import io
    import zipfile

    buffer = io.BytesIO()
    os.listdir(path)  # raises OSError where it is no folder
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                whole = os.path.join(folder, name)
                info = zipfile.ZipInfo(os.path.relpath(whole, path))
                info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                with open(whole, "rb") as file:
                    archive.writestr(info, file.read())
    return buffer.getvalue()
