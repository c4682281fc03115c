"""Packages that a pod installs when it starts: a virtual environment in a volume of the pod, from a frozen list.

The task then goes on as a process of that environment, whose Python finds these packages first, and after them what
the image has. A volume outlives a container that is restarted, so an environment counts only once a file says that it
is complete. Standard library only; pip is the image's, or the one that comes with its Python.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from importlib.util import find_spec

from flowc.errors import InstallationFailed, ProtocolError
from flowc.protocol import PACKAGES_FOLDER, REQUIREMENTS, env_names
from flowc.shim.loaded_plan import code_package, read_package

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

_NO_PIP = (
    "the Python of this image, {python}, has no {missing}, so that no packages can be installed: take an image such "
    "as python:3.11-slim, or one with python3-pip; or build images with `flowc image`"
)
_ELSEWHERE = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "__PYVENV_LAUNCHER__")
"""Variables by which pip, or Python, would leave the environment."""


def enter_packages(install: Dict[str, Any], arguments: List[str], leaving: Callable[[], object] = bool) -> None:
    """Become a process of the environment with a step's packages, and install them before if that has not been done.

    `install` is the plan's entry, `arguments` are those of this process; `leaving` is called before it becomes one.
    Returns in a process of that environment.

    Raises ProtocolError where nothing can be installed, and InstallationFailed where pip fails.
    """
    folder = os.environ.get(env_names.PACKAGES)
    package = code_package()
    if not folder or package is None:
        raise ProtocolError(f"the step's packages are installed in the folder that {env_names.PACKAGES} names")
    home = _complete(folder, install["name"])
    if home is not None and os.path.realpath(sys.prefix) == os.path.realpath(home):
        return
    if home is None:
        _check_python(install)
        home = _install(folder, install)
    bin_folder = os.path.join(home, "bin")
    search = os.pathsep.join([bin_folder, os.environ.get("PATH", os.defpath)])
    leaving()
    environment = {**os.environ, "VIRTUAL_ENV": home, "PATH": search}
    environment.pop("PYTHONHOME", None)
    _forget_shim()
    program = [package.program] if package.program is not None else ["-m", "flowc"]
    python = os.path.join(bin_folder, "python")
    os.execve(python, [python, *program, *arguments], environment)  # noqa: S606 (no shell is wanted)


def _forget_shim() -> None:
    """Remove the unpacked shim of this process, whose exit functions are not called. The code is still needed."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.path.basename(sys.path[0]).startswith(f"flowc-{os.getpid()}-"):  # see zipapp__main__.py
        with contextlib.suppress(FileNotFoundError):  # it is unpacked where something needs it
            os.remove(sys.path[0])


def _complete(folder: str, name: str) -> str | None:
    """The environment that was installed completely; `None` where there is none."""
    try:
        with open(_marker(folder, name), encoding="utf-8") as file:
            home = os.path.join(folder, file.read())
    except OSError:
        return None
    return home if os.path.exists(os.path.join(home, "bin", "python")) else None


def _marker(folder: str, name: str) -> str:
    return os.path.join(folder, f"{name}.complete")


def _check_python(install: Dict[str, Any]) -> None:
    """Raise ProtocolError where this Python is not the one that the packages were resolved for."""
    have = ".".join(map(str, sys.version_info[:3]))
    wanted = install.get("python")
    if wanted and sys.version_info[: wanted.count(".") + 1] != _numbers(wanted):
        raise ProtocolError(f"the step requires Python {wanted}, and this image has {have}: name an image that has it")
    oldest = install["oldest_python"]
    if sys.version_info[: oldest.count(".") + 1] < _numbers(oldest):
        raise ProtocolError(
            f"the step's packages were locked for Python {oldest} and newer, and this image has {have}: name an image "
            "that has it, or say python= at the step and run `flowc image` again"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _install(folder: str, install: Dict[str, Any]) -> str:
    """A new environment with the packages. Raises ProtocolError and InstallationFailed."""
    _say("installing the step's packages")
    started = time.monotonic()
    name = f"{install['name']}-{os.urandom(4).hex()}"
    home = os.path.join(folder, name)
    try:
        os.makedirs(folder, exist_ok=True)
        _remove_others(folder, install["name"])
        _create(home)
        for file in install["files"]:
            _run_pip(home, install["name"], file)
        unfinished = _marker(folder, name)
        with open(unfinished, "w", encoding="utf-8") as marker:
            marker.write(name)
        os.replace(unfinished, _marker(folder, install["name"]))
    except OSError as error:
        raise InstallationFailed(f"the step's packages cannot be installed in {folder}: {error}") from error
    _say(f"the step's packages are installed, after {time.monotonic() - started:.1f} s")
    return home


def _remove_others(folder: str, name: str) -> None:
    """Remove what an earlier container of the pod has left half-written."""
    import shutil

    for entry in os.listdir(folder):
        if entry.startswith(f"{name}-"):
            shutil.rmtree(os.path.join(folder, entry), ignore_errors=True)


def _create(home: str) -> None:
    """An empty virtual environment that also finds what the image has, pip among it. Raises ProtocolError."""
    if find_spec("venv") is None:
        raise ProtocolError(_NO_PIP.format(python=sys.executable, missing="module venv"))
    if find_spec("pip") is None and find_spec("ensurepip") is None:
        raise ProtocolError(_NO_PIP.format(python=sys.executable, missing="pip and no ensurepip (python3-venv)"))
    from venv import EnvBuilder

    EnvBuilder(system_site_packages=True, symlinks=True, with_pip=False).create(home)
    if sys.prefix != sys.base_prefix:  # Python is in an environment already, whose packages the new one has to find
        import site

        version = "python{}.{}".format(*sys.version_info)
        library = os.path.join(home, "lib", version, "site-packages")
        with open(os.path.join(library, "image_packages.pth"), "w", encoding="utf-8") as file:
            file.writelines(f"import site; site.addsitedir({place!r})\n" for place in site.getsitepackages())
    if find_spec("pip") is None:
        _run([_python(home), "-m", "ensurepip"], home, "its Python cannot provide pip")


def _run_pip(home: str, name: str, file: str) -> None:
    """Install the packages of a file of requirements."""
    path = os.path.join(home, file)
    with open(path, "wb") as copy:
        copy.write(read_package(f"{PACKAGES_FOLDER}/{name}/{file}"))
    options = ["--no-input", "--no-cache-dir", "--disable-pip-version-check", "--no-deps", "--ignore-installed"]
    # What the step imports is compiled then; all of it would take longer than many steps.
    options += ["--no-compile", "--quiet", *(["--require-hashes"] if file == REQUIREMENTS else [])]
    _run([_python(home), "-m", "pip", "install", *options, "-r", path], home, "pip cannot install the step's packages")


def _run(command: List[str], home: str, problem: str) -> None:
    """Run a program whose output goes to the task's log. Raises InstallationFailed."""
    temporary = os.path.join(home, "tmp")
    os.makedirs(temporary, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    code = subprocess.call(command, stdin=subprocess.DEVNULL, stdout=2, env={**environment, "TMPDIR": temporary})
    if code != 0:
        raise InstallationFailed(f"{problem}: it ended with exit code {code}, and says above why")


def _python(home: str) -> str:
    return os.path.join(home, "bin", "python")


def _say(text: str) -> None:
    sys.stderr.write(f"flowc: {text}\n")
    sys.stderr.flush()
