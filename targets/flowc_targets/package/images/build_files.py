"""The files that an image is built from: a Dockerfile, and the list of packages that it copies."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc.protocol import REQUIREMENTS
from flowc_targets.package.images.image_environments import HASH_LENGTH, OLDEST_MINOR

if TYPE_CHECKING:
    from flowc_targets.package.images.image_environments import Environment
    from flowc_targets.package.images.package_lock import PackageLock

PYPI_BASE = "python:{python}-slim"
"""The base of `@pypi` if a version of Python is requested and no base."""
CONDA_BASE = "mambaorg/micromamba:2.3.3"
"""The base of `@conda`."""
DEFAULT_PYTHON = "3.11"
"""The Python of a Conda environment that requests none."""
DOCKERFILE = "Dockerfile"
EPOCH = "315532800"
"""The time that builds set files to, the first that a zip can hold: a rebuilt image is the same."""
_CONDA_FILE = "environment.yml"
_OFFICIAL = re.compile(r"(?:^|/)python:(3\.[0-9]+)\b")
_FOLDER = "/opt/flowc"
_PIP_CONFIG = "--mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444,required=false"
_CONDA_CONFIG = "--mount=type=secret,id=conda,target=/etc/conda/.condarc,mode=0444,required=false"


@dataclass(frozen=True, slots=True)
class Bases:
    """The images to build upon. `{python}` in a name stands for the requested version of Python."""

    pypi: str | None = None
    """From `--base`; else the flow's option `image`, or `python:VERSION-slim` if a version is requested."""
    conda: str | None = None
    image: str = f"python:{DEFAULT_PYTHON}-slim"
    """The option `image`: the image of steps that name none."""
    python: str = "python3"
    """The option `python`: the Python that steps run with."""

    def of(self, environment: Environment) -> str:
        """The image that an environment builds upon."""
        return self._chosen(environment).replace("{python}", environment.python or DEFAULT_PYTHON)

    def named(self, environment: Environment) -> str | None:
        """The image that someone has chosen for an environment; `None` where it is the image of all steps."""
        chosen = environment.base or self.pypi or environment.python
        return self.of(environment) if environment.manager == "pypi" and chosen else None

    def oldest_python(self, environment: Environment) -> str:
        """The oldest Python that an environment's packages have to be right for: the image's, as far as its name says.

        An unknown image has any that a task can run on.
        """
        if environment.python is not None:
            return environment.python
        if "{python}" in self._chosen(environment):
            return DEFAULT_PYTHON
        match = _OFFICIAL.search(self._chosen(environment))
        return match[1] if match else f"3.{OLDEST_MINOR}"

    def has_version(self, environment: Environment) -> bool:
        """Whether the image has the requested version of Python, by its name."""
        return environment.python is None or "{python}" in self._chosen(environment)

    def _chosen(self, environment: Environment) -> str:
        if environment.manager == "conda":
            return self.conda or CONDA_BASE
        return environment.base or self.pypi or (PYPI_BASE if environment.python else self.image)


def build_files(environment: Environment, bases: Bases, lock: PackageLock | None = None) -> dict[str, str]:
    """The files of the folder that an image is built in, by name. Without a lock pip chooses the versions."""
    if environment.manager == "conda":
        return {DOCKERFILE: _conda_dockerfile(environment, bases), _CONDA_FILE: _environment_yml(environment)}
    files = {DOCKERFILE: _pypi_dockerfile(environment, bases, lock)}
    if lock is not None:
        return files | lock.files()
    if environment.requirements:
        files[REQUIREMENTS] = "".join(f"{line}\n" for line in environment.requirements)
    return files


def content_tag(files: dict[str, str]) -> str:
    """The tag of an image: a hash of the files that it is built from."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:HASH_LENGTH]


def _pypi_dockerfile(environment: Environment, bases: Bases, lock: PackageLock | None) -> str:
    python = shlex.quote(bases.python)
    lines = [*_head(environment, bases)]
    system = sorted({*environment.system, *_for_urls(environment)})
    if system:
        lines += [
            "RUN apt-get update \\",
            f"    && apt-get install -y --no-install-recommends {' '.join(map(shlex.quote, system))} \\",
            "    && rm -rf /var/lib/apt/lists/*",
        ]
    if environment.python is not None and not bases.has_version(environment):
        lines.append(f"RUN {python} -c {shlex.quote(_version_check(environment.python))}")
    names = lock.installed_files if lock is not None else (REQUIREMENTS,) if environment.requirements else ()
    for name in names:
        locked = (" --no-deps" if lock is not None else "") + (
            " --require-hashes" if lock and name == REQUIREMENTS else ""
        )
        lines += [
            f"COPY {name} {_FOLDER}/{name}",
            f"RUN {_PIP_CONFIG} \\",
            # As variables, since an older pip refuses options that it does not know. The first one makes compiled
            # files depend on their source and not on the time of the build.
            f"    SOURCE_DATE_EPOCH={EPOCH} \\",
            "    PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \\",
            f"    {python} -m pip install --no-cache-dir{locked} -r {_FOLDER}/{name}",
        ]
    return "".join(f"{line}\n" for line in lines)


def _conda_dockerfile(environment: Environment, bases: Bases) -> str:
    lines = [
        *_head(environment, bases),
        f"COPY {_CONDA_FILE} {_FOLDER}/{_CONDA_FILE}",
        f"RUN {_CONDA_CONFIG} \\",
        f"    micromamba install -y -n base -f {_FOLDER}/{_CONDA_FILE} && micromamba clean --all --yes",
        "# A pod names its own command, so that the image's entry point does not activate the environment.",
        "ENV PATH=/opt/conda/bin:$PATH",
    ]
    return "".join(f"{line}\n" for line in lines)


def _head(environment: Environment, bases: Bases) -> list[str]:
    return [f"# Made by flowc image: environment {environment.digest}.", f"FROM {bases.of(environment)}"]


def _environment_yml(environment: Environment) -> str:
    """YAML with JSON's scalars, which YAML reads the same."""
    channels = dict.fromkeys(("conda-forge", *environment.channels))
    python = f"python={environment.python or DEFAULT_PYTHON}"
    entries = ["name: base", "channels:", *(f"  - {json.dumps(name)}" for name in channels), "dependencies:"]
    entries += [f"  - {json.dumps(item)}" for item in (python, *environment.requirements)]
    return "".join(f"{line}\n" for line in entries)


def _version_check(version: str) -> str:
    """A Python program that fails the build if the base has another Python than the step requests."""
    numbers = tuple(int(part) for part in version.split("."))
    return (
        f"import sys; have = sys.version_info[:{len(numbers)}]; "
        f'have == {numbers} or sys.exit(f"the base has Python {{have}}, not {numbers}")'
    )


def _for_urls(environment: Environment) -> set[str]:
    """The Debian packages that pip needs to install from git."""
    programs: set[str] = set()
    if any("git+" in line for line in environment.requirements):
        programs |= {"ca-certificates", "git"}
    if any("git+ssh:" in line for line in environment.requirements):
        programs.add("openssh-client")
    return programs
