"""Metaflow's tutorials, unmodified, by `flowc run`; beside them the same on Metaflow.

Episode 4 asks conda for a package and needs a network; 6 to 8 are notebooks.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.oracle.asking import ENVIRONMENT
from tests.oracle.engine import Outcome, differences, read_flowc, require_metaflow, run_metaflow

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.oracle
RANDOM = {"bonus", "movies", "playlist"}
"""Artifacts that the tutorials draw or shuffle."""


class Tutorials:
    """A copy of the tutorials, and a store for each of both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tutorials"
        shutil.copytree(next(ENVIRONMENT.glob("lib/python*/site-packages/metaflow/tutorials")), self.folder)
        self.root = str(folder / "flowc")
        self.home = folder / "metaflow"

    def flowc(self, file: str, flow: str) -> Outcome:
        """`flowc run` of an episode."""
        path = self.folder / file
        id_file = path.with_suffix(".id")
        command = [sys.executable, "-m", "flowc_cli", "run", path.name, "--root", self.root]
        done = subprocess.run(
            [*command, "--run-id-file", str(id_file)],
            cwd=path.parent,
            env={**os.environ, "PYTHONHASHSEED": "0"},  # as on the other side: an episode lists a set
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return read_flowc(f"{flow}/{id_file.read_text()}", self.root, done.stdout)

    def metaflow(self, file: str, flow: str) -> Outcome:
        """The same on Metaflow."""
        outcome = run_metaflow(self.folder / file, flow, home=self.home)
        assert outcome.ok, outcome.log
        return outcome

    def same(self, file: str, flow: str) -> tuple[Outcome, Outcome]:
        """Run on both; what is not random is equal. Metaflow's outcome comes first."""
        theirs, ours = self.metaflow(file, flow), self.flowc(file, flow)
        found = differences(theirs, ours)
        assert [line for line in found if line.split(":")[0].rpartition(".")[2] not in RANDOM] == []
        return theirs, ours


@pytest.fixture(scope="module")
def tutorials(tmp_path_factory: pytest.TempPathFactory) -> Tutorials:
    require_metaflow()
    return Tutorials(tmp_path_factory.mktemp("tutorials"))


def test_hello_world(tutorials: Tutorials) -> None:
    _, ours = tutorials.same("00-helloworld/helloworld.py", "HelloFlow")
    assert "Metaflow says: Hi!" in ours.log


def test_playlist(tutorials: Tutorials) -> None:
    theirs, ours = tutorials.same("01-playlist/playlist.py", "PlayListFlow")
    _same_movies(theirs, ours)
    assert "Playlist for movies in genre 'Sci-Fi'" in ours.log


def test_statistics_and_its_reader(tutorials: Tutorials) -> None:
    """Episode 3 reads episode 2's run by the client."""
    _, ours = tutorials.same("02-statistics/stats.py", "MovieStatsFlow")
    assert "Computing statistics for Sci-Fi" in ours.log
    theirs, ours = tutorials.same("03-playlist-redux/playlist.py", "PlayListFlow")
    _same_movies(theirs, ours)
    assert "Using analysis from 'Run('MovieStatsFlow/" in ours.log
    assert "Bonus Pick:" in ours.log


def test_hello_cloud(tutorials: Tutorials) -> None:
    """Metaflow runs it on Kubernetes only; `flowc run` runs every step here."""
    ours = tutorials.flowc("05-hello-cloud/hello-cloud.py", "HelloCloudFlow")
    assert ours.tasks["end[]"].artifacts["message"] == "'Hi from the cloud!'"
    assert "Metaflow says: Hi from the cloud!" in ours.log


@pytest.mark.parametrize("file", ["01-playlist/playlist.py", "02-statistics/stats.py"])
@pytest.mark.parametrize("target", ["argo", "airflow"])
def test_default_files_are_compiled(tutorials: Tutorials, file: str, target: str) -> None:
    """Their IncludeFiles are next to the flow, by `os.path.dirname(__file__)` in a function of the file."""
    options = [
        "--target",
        target,
        "--root",
        "s3://bucket/flows",
        "--image",
        "python:3.11",
        "-o",
        f"{tutorials.root}-out/",
    ]
    for command in (["check", file], ["compile", file, *options]):
        done = subprocess.run(
            [sys.executable, "-m", "flowc_cli", *command],
            cwd=tutorials.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "error" not in done.stderr.replace("no errors", "")


def _same_movies(theirs: Outcome, ours: Outcome) -> None:
    movies = [sorted(ast.literal_eval(each.tasks["genre_movies[]"].artifacts["movies"])) for each in (theirs, ours)]
    assert movies[0] == movies[1]
    playlists = [sorted(ast.literal_eval(each.tasks["end[]"].artifacts["playlist"])) for each in (theirs, ours)]
    assert playlists == movies
