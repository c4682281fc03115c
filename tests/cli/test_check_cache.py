"""The cache of `flowc check`: whatever changes, its results are those of a check without it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowc_cli.batch import check_batch
from tests.support import START_AND_END, flowc, write_files

FLOW = f"from flowc import FlowSpec, step\n\n\nclass {{name}}(FlowSpec):{START_AND_END}"
IMPORTING = "from shared.tools import helper\n" + FLOW.replace("{name}", "Importing")
CONFIGURED = """
from flowc import Config, FlowSpec, step
import os

REGION = os.environ.get("REGION", "here")

class Configured(FlowSpec):
    config = Config("config", default="config.json")

    @step(start=True)
    def first(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is: processes are tested where they are marked."""
    monkeypatch.setattr(check_batch, "SOON", 1e9)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_files(
        tmp_path,
        {
            "pyproject.toml": "[tool.flowc]\nenv_at_compile = ['REGION']\n",
            "plain.py": FLOW.replace("{name}", "Plain"),
            "flows/importing.py": IMPORTING,
            "flows/configured.py": CONFIGURED,
            "flows/config.json": "{}",
            "shared/tools.py": "from shared.more import deeper as helper\n",
            "shared/more.py": "def deeper():\n    pass\n",
        },
    )
    return tmp_path


def report(folder: Path, *arguments: str) -> str:
    done = flowc(folder, "check", ".", *arguments)
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def unchanged(folder: Path) -> int:
    """Of how many files the cache knows the result."""
    last = flowc(folder, "check", ".", "-v").stderr.strip().splitlines()[-1]
    return int(last.split()[0]) if "unchanged" in last else 0


def put(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: write_files(folder, {name: text})


def move(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / new).parent.mkdir(exist_ok=True, parents=True)
        (folder / old).rename(folder / new)

    return change


def link(name: str, to: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(to)

    return change


@pytest.mark.parametrize(
    ("change", "rest"),
    [
        (put("plain.py", FLOW.replace("{name}", "Plain").replace("self.end", "self.ende")), 2),
        (put("plain.py", "import metaflow\n"), 2),
        (put("shared/more.py", "def deeper(:\n    pass\n"), 2),
        (put("shared/tools.py", "from flowc import nothing as helper\n"), 2),
        (move("shared/more.py", "shared/elsewhere.py"), 2),
        (move("shared", "other"), 2),
        # What stands before a module on the path, or beside it.
        (put("flows/shared/tools.py", "def helper(:\n"), 2),
        (put("flows/shared/__init__.py", ""), 2),
        (put("flows/shared.py", "helper = 1\n"), 2),
        (put("shared/__init__.py", "def broken(:\n"), 2),
        (put("shared/tools/__init__.py", "helper = 1\n"), 2),
        # Configuration.
        (put("flows/config.json", "{"), 2),
        (put("config.json", "{"), 2),
        (move("flows/config.json", "flows/config.yaml"), 2),
        (put("pyproject.toml", "[tool.flowc.check]\nselect = ['FC7']\n"), 0),
        (put("flows/pyproject.toml", "[tool.flowc]\nenv_at_compile = 1\n"), 1),
        (put("pyproject.toml", "[tool.flowc\n"), 0),
        # Links.
        (link("plain.py", "flows/importing.py"), 2),
        # Nothing that a check looks at.
        (put("flows/result.csv", "1"), 3),
        (put("flows/notes.txt", "1"), 3),
        (put("flows/another.py", FLOW.replace("{name}", "Another")), 3),
        (put(".cache/x.py", ""), 3),
        (put("plain.py", FLOW.replace("{name}", "Plain")), 3),
    ],
)
def test_a_change_gives_what_a_check_without_the_cache_gives(
    project: Path, change: Callable[[Path], None], rest: int
) -> None:
    report(project)
    assert unchanged(project) == 3
    change(project)
    assert unchanged(project) == rest
    assert report(project) == report(project, "--no-cache")


def test_variables_count(project: Path) -> None:
    (project / "flows/configured.py").write_text(CONFIGURED.replace('"config.json"', "REGION"))
    first = flowc(project, "check", ".", REGION="flows/config.json")
    second = flowc(project, "check", ".", REGION="flows/nothing.json")
    assert (first.returncode, second.returncode) == (0, 2)
    assert "nothing.json" in second.stderr


def test_options_count(project: Path) -> None:
    (project / "plain.py").write_text(FLOW.replace("{name}", "Plain").replace("self.end", "self.ende"))
    texts = [report(project, *options) for options in ((), ("--with", "retry:tmes=3"), ("--target", "airflow"), ())]
    assert "FC403" in texts[1]
    assert texts[0] == texts[3] != texts[1]


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 1}',
        '{"format": 2, "settings": {}}',
        "[" * 100_000,
        "\x00\xff",
        "settings",
        "files",
        "report",
        "seen",
        "number",
        "severity",
        "span",
    ],
)
def test_a_damaged_cache_is_ignored(project: Path, damage: str) -> None:
    (project / "plain.py").write_text(FLOW.replace("{name}", "Plain").replace("self.end", "self.ende"))
    expected = report(project)
    for file in (project / ".flowc_cache").glob("*.json"):
        damaged = _damaged(json.loads(file.read_text()), damage)
        file.write_text(damage if damaged is None else json.dumps(damaged), encoding="latin-1")
    assert report(project) == expected
    assert report(project) == expected


def _damaged(data: dict[str, Any], damage: str) -> object | None:
    """The cache with one part replaced; `None` where the text is what it is to be."""
    (results,) = data["settings"].values()
    files: list[dict[str, Any]] = [*results["files"].values()]
    match damage:
        case "settings":
            return {**data, "settings": 1}
        case "files":
            results["files"] = {name: {} for name in results["files"]}
        case "seen":
            results["seen"] = {"1": {}}
        case "number":
            for item in files:
                item["seen"] = [10**6]
        case "report":
            for item in files:
                item["report"] = {"diagnostics": [{"code": 1}]}
        case "severity" | "span":
            for item in files:
                for found in item["report"]["diagnostics"]:
                    found[damage] = "fatal"
        case _:
            return None
    return data


def test_the_folder_says_what_it_is(project: Path) -> None:
    report(project)
    folder = project / ".flowc_cache"
    assert (folder / ".gitignore").read_text() == "*\n"
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert not [file for file in folder.iterdir() if file.suffix not in {".json", ".TAG"} and file.name != ".gitignore"]


def test_another_folder(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("cache")
    flowc(project, "check", ".", FLOWC_CACHE_DIR=str(other / "deep"))
    assert list((other / "deep").glob("*.json"))
    assert not (project / ".flowc_cache").exists()


def test_no_cache(project: Path) -> None:
    report(project, "--no-cache")
    assert not (project / ".flowc_cache").exists()


def test_a_link_in_a_checkout_is_not_written_through(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (project / ".flowc_cache").symlink_to(elsewhere)
    assert "no errors in 3 files" in report(project)
    assert not list(elsewhere.iterdir())


def test_a_folder_that_cannot_be_written_is_no_error(project: Path) -> None:
    (project / ".flowc_cache").write_text("a file")
    assert "no errors in 3 files" in report(project)
    assert "the cache cannot be written" in flowc(project, "check", ".", "-v").stderr


def test_results_of_files_that_are_gone_are_dropped(project: Path) -> None:
    report(project)
    (project / "plain.py").unlink()
    put("second.py", FLOW.replace("{name}", "Second"))(project)
    report(project)
    assert not [
        file
        for file in (project / ".flowc_cache").glob("*.json")
        if "plain.py" in json.loads(file.read_text())["settings"]
    ]


@pytest.mark.process
def test_two_processes_at_once(project: Path) -> None:
    write_files(project, {f"many/f{n}.py": FLOW.replace("{name}", f"Flow{n}") for n in range(40)})
    command = [sys.executable, "-m", "flowc_cli", "check", ".", "--jobs", "2"]
    started = [subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[1] for process in started] == ["no errors in 43 files\n"] * 3
    again = subprocess.run([*command, "-v"], cwd=project, capture_output=True, text=True, timeout=120, check=True)
    assert "43 files unchanged" in again.stderr


OBSERVER = """
import os, sys
from pathlib import Path
from typing import Any
project = os.path.realpath(sys.argv[1])
touched = set()

def note(path):
    if isinstance(path, (str, os.PathLike)):
        text = os.path.normpath(os.path.join(os.getcwd(), path))
        if text.startswith(project + os.sep) and "__pycache__" not in text:
            touched.add(text)

from flowc_cli.batch.check_batch import report_of
from flowc_cli.checking import CheckOptions
from flowc_cli.flow_options import flow_options
options = CheckOptions(flow_options(None, None, None, None), tuple(sys.argv[3:]))
report_of(Path(sys.argv[2]), options)  # imports what it needs

sys.addaudithook(lambda event, arguments: note(arguments[0]) if event in ("open", "os.listdir", "os.scandir") else None)
real = {name: getattr(os, name) for name in ("stat", "lstat", "readlink")}
for name, function in real.items():
    def noting(path, *args, _function=function, **more):
        note(path)
        return _function(path, *args, **more)
    setattr(os, name, noting)
report, seen = report_of(Path(sys.argv[2]), options)
covered = {path for aspect, path in seen}
covered |= {os.path.dirname(path) for aspect, path in seen if aspect == "module"}
links = {path for aspect, path in seen if aspect == "real"}
for path in list(links):  # every folder on the way is looked at
    covered |= {str(parent) for parent in Path(path).parents}
missed = sorted(touched - covered)
print(len(seen), *missed)
"""


@pytest.mark.process
@pytest.mark.parametrize("targets", [(), ("argo",), ("airflow",)])
@pytest.mark.parametrize("file", ["flows/importing.py", "flows/configured.py", "plain.py", "pipelines/run.py"])
def test_all_that_a_check_looks_at_is_recorded(project: Path, file: str, targets: tuple[str, ...]) -> None:
    """What is opened, listed or looked for in the project, by whatever function of Python's, is in the record."""
    write_files(
        project,
        {
            "pyproject.toml": "[tool.flowc]\ninclude = ['data/*.csv', 'templates']\n",
            "data/a.csv": "1",
            "templates/x/y.txt": "",
            "pipelines/run.py": textwrap.dedent(
                """
                from zenml import pipeline
                from steps.load import load

                @pipeline
                def training():
                    load()

                training.with_options(config_path="settings.yaml")()
                """
            ),
            "pipelines/settings.yaml": "enable_cache: false\n",
            "pipelines/steps/load.py": "from zenml import step\n\n@step\ndef load() -> int:\n    return 1\n",
        },
    )
    command = [sys.executable, "-c", OBSERVER, str(project), file, *targets]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120, check=False)
    count, *missed = done.stdout.split()
    assert int(count) > 5, done.stderr
    assert not missed
