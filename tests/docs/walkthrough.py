"""Going through a page as a reader does: files are written and changed, commands run, and they print what is shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import yaml

from tests.conftest import REPOSITORY
from tests.docs.pages import Block, blocks
from tests.support import flowc

ON_A_CLUSTER = "On a cluster"
"""The title of a block whose commands need one: they are not run here."""
ELSEWHERE = frozenset({"kubectl", "cd"})
"""Commands that need a cluster, and those that the test does itself."""
IN_PROCESSES = frozenset({"run", "resume", "simulate"})
_FAILS = re.compile(r"error\[|[Ff]ailed\b|would change")
_VARYING = (
    (re.compile(r"\b\d{8}T\d{6}-[0-9a-f]{6}\b"), "RUN"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UID"),
    (re.compile(r"-[0-9a-f]{10}\b"), "-HASH"),
    (re.compile(r"\b\d+\.\d ?s\b"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "DATE"),
)


def walk(page: Path, folder: Path) -> None:
    """Do in a folder what a page shows, block by block."""
    for block in blocks(page.read_text(encoding="utf-8")):
        do(folder, block)


def do(folder: Path, block: Block) -> None:
    """Do what one block shows: run its commands, change a file, or write the file that its title names."""
    if block.language == "console":
        if block.title != ON_A_CLUSTER:
            run(folder, block)
    elif block.language == "diff":
        change(folder, block)
    elif block.title:
        (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
        (folder / block.title).write_text(block.text, encoding="utf-8")
    if block.language == "yaml":
        for command in job_commands(yaml.safe_load(block.text)):
            done = execute(folder, shlex.split(command.partition(" > ")[0]))
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def job_commands(content: object) -> Iterator[str]:
    """The commands of flowc in a job of GitHub or GitLab, and in a hook of pre-commit, wherever they are."""
    if isinstance(content, str):
        yield from (line for line in content.splitlines() if line.startswith("flowc "))
    elif isinstance(content, dict):
        yield from (command for item in cast("dict[str, object]", content).values() for command in job_commands(item))
    elif isinstance(content, list):
        yield from (command for item in cast("list[object]", content) for command in job_commands(item))


def change(folder: Path, block: Block) -> None:
    """Replace the lines with `-` by those with `+` that follow them."""
    path, text = folder / block.title, (folder / block.title).read_text(encoding="utf-8")
    old = new = ""
    for line in [*block.text.splitlines(), "-"]:
        if line.startswith("-") and new:
            assert text.count(old) == 1, f"{block.title} has not once: {old}"
            text, old, new = text.replace(old, new), "", ""
        old, new = (old + f"{line[1:]}\n", new) if line.startswith("-") else (old, new + f"{line[1:]}\n")
    path.write_text(text, encoding="utf-8")


def run(folder: Path, block: Block) -> None:
    """Run the commands of a block; each must print the lines that follow it, and fail where they say so."""
    for part in block.text.removeprefix("$ ").split("\n$ "):
        command, *shown = part.splitlines()
        words = shlex.split(command.partition(" > ")[0])
        if words[0] not in ELSEWHERE:
            done = execute(folder, words)
            said = steady(done.stdout + done.stderr, folder)
            missing = [line for line in shown if steady(line, folder) not in said]
            assert not missing, f"{command} says\n{said}\nand not\n{missing}"
            assert (done.returncode != 0) == fails(words[1], shown), f"{command}: {done.returncode}\n{said}"


def fails(command: str, shown: list[str]) -> bool:
    """Whether a command fails by the lines that it prints: `diff` where it has found some, `show` never."""
    if command in {"diff", "show"}:
        return command == "diff" and bool(shown)
    return any(_FAILS.search(line) for line in shown)


def execute(folder: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run one command: flowc in this process where it starts none."""
    program, *rest = words
    if program == "flowc" and rest[0] not in IN_PROCESSES:
        return flowc(folder, *rest)
    programs = {"flowc": ["-P", "-m", "flowc_cli"], "python": [], "pytest": ["-m", "pytest", "-p", "no:cacheprovider"]}
    own = {key: value for key, value in os.environ.items() if not key.startswith(("FLOWC_", "METAFLOW_"))}
    imports = [str(folder), *(str(REPOSITORY / name) for name in ("compiler", "targets", "runtime"))]
    own |= {"PYTHONPATH": os.pathsep.join(imports)} if program != "flowc" else {}
    command = [sys.executable, *programs[program], *rest]
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=300, check=False)


def steady(text: str, folder: Path) -> str:
    """A text without what differs from run to run."""
    text = text.replace(f"{folder}/", "")
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return text
