"""What a Dockerfile of `flowc image` installs, installed; and tasks of the compiled flow in it, as a pod runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.images.building import FLOW, instructions, shell_of
from tests.support import flowc, write_package, yaml_documents

pytestmark = pytest.mark.slow


def built(folder: Path, home: Path) -> dict[str, str]:
    """Do in a new virtual environment what the Dockerfile says; the environment of a process in that image."""
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    env = {**os.environ, "PATH": f"{home / 'bin'}:{os.environ['PATH']}"}
    copied: dict[str, str] = {}
    for word, value in instructions(folder):
        if word == "COPY":
            name, target = value.split()
            copied[target] = str(folder / name)
        elif word == "RUN":
            command = shell_of(value)
            for target, source in copied.items():
                command = command.replace(target, source)
            subprocess.run(command, shell=True, check=True, env=env)
        else:
            assert word == "FROM"
    return env


def test_each_step_runs_in_what_was_built_for_it(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW.replace('python="3.11"', f'python="3.{sys.version_info.minor}"'))
    assert flowc(tmp_path, "image", "flow.py").returncode == 0
    entries = json.loads((tmp_path / "images" / "images.json").read_text())["images"]
    done = flowc(
        tmp_path, "compile", "flow.py", "--root", "s3://b/p", "--images", "images/images.json", "--image", "bare:1"
    )
    *_, workflow = yaml_documents(done.stdout)
    write_package(yaml_documents(done.stdout), tmp_path)
    built_images = {
        entry["image"]: built(tmp_path / "images" / entry["folder"], tmp_path / entry["environment"])
        for entry in entries
    }
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "bare"], check=True)
    bare = {**os.environ, "PATH": f"{tmp_path / 'bare' / 'bin'}:{os.environ['PATH']}"}
    templates = {item["name"]: item for item in workflow["spec"]["templates"]}
    for step in ("start", "train", "own", "end"):
        env = built_images.get(templates[f"s-{step}"]["container"]["image"], bare)
        done_task = subprocess.run(
            ["python3", "flowc.pyz", "task", "--step", step, "--index", "-", "--attempt", "0"],
            env={**env, "FLOWC_ROOT": str(tmp_path / "store"), "FLOWC_RUN_ID": "r"},
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done_task.returncode == 0, done_task.stderr
        if step == "end":
            assert done_task.stdout.strip() == "1,234,567 grosse-1 ['4.10.0', '1']"
