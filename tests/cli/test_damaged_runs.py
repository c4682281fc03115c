"""A run with a damaged file is shown, but for what is damaged; whoever looks at it is sent to `flowc fsck`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from flowc import Run
from flowc.errors import FlowError
from flowc.store.documents import check_document, sealed
from flowc_cli.stored_runs import find_run
from tests.support import flowc, write_files

pytestmark = pytest.mark.process

FLOW = """
    from flowc import FlowSpec, Parameter, card, retry, step

    class Damaged(FlowSpec):
        n = Parameter("n", default=2)

        @step
        def start(self):
            self.items = list(range(self.n))
            print("said by start")
            self.next(self.one, foreach="items")

        @card
        @retry(times=1, minutes_between_retries=0)
        @step
        def one(self):
            from flowc import current
            from flowc.cards import Markdown
            print("said by one")
            current.card.append(Markdown("*drawn*"))
            if self.input == 1 and current.retry_count == 0:
                raise ValueError("not at first")
            self.square = self.input ** 2
            self.next(self.join)

        @step
        def join(self, inputs):
            print("said by join")
            self.total = sum(item.square for item in inputs)
            self.next(self.end)

        @step
        def end(self):
            print("said by end")
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run."""
    folder = tmp_path_factory.mktemp("damaged")
    write_files(folder, {"flow.py": FLOW})
    done = flowc(folder, "run", "flow.py", "--root", "store", "--run-id-file", "id")
    assert done.returncode == 0, done.stderr
    return folder / "store" / "Damaged" / (folder / "id").read_text(encoding="utf-8").strip()


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Iterator[Path]:
    """The same, to be damaged."""
    shutil.copytree(made.parents[1], tmp_path / "store")
    shutil.copy(made.parents[2] / "flow.py", tmp_path)
    yield tmp_path / "store" / "Damaged" / made.name
    shutil.rmtree(tmp_path / "store")


FILES = (
    ("run.json",), ("run-end.json", "parameters.json"), ("graph.json", "code.json"),
    ("start/-/0/manifest.json", "one/0/0/manifest.json"), ("end/-/0/manifest.json", "end/-/0/attempt.json"),
    ("join/-/0/manifest.json", "one/1/0/error.json", "one/1/0/failed.json", "one/0/0/cards.json"),
)  # fmt: skip


def damage(path: Path) -> None:
    """Change a byte in the middle, as a disk does."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def look(run: Path, *arguments: str) -> CompletedProcess[str]:
    return flowc(run.parents[2], *arguments, "--root", "store")


@pytest.mark.parametrize("names", FILES, ids=lambda names: names[0])
def test_the_rest_is_shown(run: Path, names: tuple[str, ...]) -> None:
    for name in names:
        damage(run / name)
    spec = f"Damaged/{run.name}"
    shown, logs = look(run, "show", spec), look(run, "logs", spec)
    assert (shown.returncode, "successful, damaged" in shown.stdout) == (1, True)
    assert "total" in shown.stdout  # of the end task, or of the join
    assert "2 of 2 tasks" in shown.stdout or "graph.json" in names
    for step in ("start", "one", "join", "end"):
        assert f"\n  {step}" in shown.stdout
        assert f"said by {step}" in logs.stdout
    followed = look(run, "logs", spec, "--follow")
    assert sorted(followed.stdout.splitlines()) == sorted(logs.stdout.splitlines())
    document = json.loads(look(run, "show", spec, "--json").stdout)
    assert set(document["steps"]) == {"start", "one", "join", "end"}
    done = look(run, "report", spec, "-o", "run.html")
    page = (run.parents[2] / "run.html").read_text(encoding="utf-8")
    assert (done.returncode, page.count("said by end")) == (1, 1 + ("code.json" not in names))
    for name in names:
        assert name in page or name.endswith("failed.json")  # which only counts where nothing was committed


IMPOSSIBLE: list[tuple[str, dict[str, Any], str]] = [
    (
        "parameters.json",
        {"parameters": {"n": {"hash": "a", "codec": "json", "size": "3"}}},
        "do not say where their values are",
    ),
    ("parameters.json", {"parameters": {"n": 3}}, "do not say where their values are"),
    (
        "graph.json",
        {"steps": {"start": {"next": [{}], "loops": False}}},
        "has steps that are none",
    ),
    ("graph.json", {"steps": {"start": {"next": [], "loops": 0.5}}}, "has steps that are none"),
    ("run-end.json", {"ended": 10**30}, "a time 'ended' that there is not"),
    ("run.json", {"created": float("nan")}, "a time 'created' that there is not"),
    ("start/-/0/attempt.json", {"started": -1}, "a time 'started' that there is not"),
]


@pytest.mark.parametrize(("name", "change", "why"), IMPOSSIBLE)
def test_a_digest_alone_makes_no_document_right(run: Path, name: str, change: dict[str, object], why: str) -> None:
    key = f"Damaged/{run.name}/{name}"
    document = check_document(key, (run / name).read_bytes()) | change
    document.pop("digest", None)
    (run / name).write_bytes(b"".join(sealed(key, document)))
    for command in (("fsck",), ("show",), ("runs",), ("report", "-o", "run.html")):
        done = look(run, command[0], *([f"Damaged/{run.name}"] if command != ("runs",) else []), *command[1:])
        assert done.returncode in (0, 1, 2), done.stderr
        assert "internal error" not in done.stderr
        assert command != ("fsck",) or (name in done.stdout + done.stderr and why in done.stdout + done.stderr)


ODD: tuple[object, ...] = (
    None, True, -1, 10**30, 1e308, float("nan"), "", "a/b", "\ud800", [], [None], {}, {"x": None},
)  # fmt: skip
"""What no field of a document should break a reader with."""
READERS = (
    ("show",), ("show", "--values"), ("show", "--json"), ("show", "--why"), ("report", "-o", "run.html"), ("fsck",),
    ("lineage",), ("logs",), ("diff-runs",), ("runs",),
)  # fmt: skip


def fields_of(found: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all fields in a document, those within others too."""
    entries: Any = ()
    if isinstance(found, (dict, list)):
        entries = enumerate(found) if isinstance(found, list) else found.items()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType, reportUnknownArgumentType]
    for name, value in entries:
        yield (*path, name)
        yield from fields_of(value, (*path, name))


def replaced(document: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The document with another value at a path."""
    changed = deepcopy(document)
    place: Any = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize("names", FILES, ids=lambda names: names[0])
def test_no_value_of_a_field_ends_a_reader(run: Path, names: tuple[str, ...]) -> None:
    """With the right digest. Each field has some of the values in turn, and each value some of the readers."""
    turn = 0
    for name in names:
        key = f"Damaged/{run.name}/{name}"
        content = (run / name).read_bytes()
        document = check_document(key, content)
        for path in fields_of(document):
            for _ in range(2):
                command, value, turn = READERS[turn % len(READERS)], ODD[turn % len(ODD)], turn + 1
                (run / name).write_bytes(b"".join(sealed(key, replaced(document, path, value))))
                specs = {"runs": [], "lineage": [f"Damaged/{run.name}/end/n"]}.get(command[0], [f"Damaged/{run.name}"])
                twice = specs if command[0] == "diff-runs" else []
                done = look(run, command[0], *specs, *twice, *command[1:])
                assert done.returncode in (0, 1, 2), (name, path, value, command)
            with contextlib.suppress(FlowError, KeyError):
                found = Run(f"Damaged/{run.name}", root=str(run.parents[1]))
                _ = found.successful, found.tags, found.created_at
                _ = [task.created_at for step in found for task in step]
        (run / name).write_bytes(content)


@pytest.mark.parametrize("name", ["start/-/0/manifest.json", "start/-/0/output.log", "graph.json", "run.json"])
@pytest.mark.parametrize("device", [None, "/dev/zero", "graph.json"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(run: Path, name: str, device: str | None) -> None:
    (run / name).unlink()
    if device is None:
        os.mkfifo(run / name)
    else:
        (run / name).symlink_to(device)
    for command in ("show", "logs", "fsck", "gc"):
        done = look(run, command, f"Damaged/{run.name}" if command != "gc" else "--dry-run")
        assert done.returncode in (0, 1, 2)
        assert "Traceback" not in done.stderr.replace("not at first", "")


@pytest.mark.parametrize("name", ["start/-/0/manifest.json", "one/0/0/manifest.json", "graph.json", "run.json"])
def test_it_is_named_with_what_says_more(run: Path, name: str) -> None:
    damage(run / name)
    spec = f"Damaged/{run.name}"
    for arguments in (["show", spec], ["show", spec, "--values"], ["show", spec, "--json"], ["report", spec]):
        done = look(run, *arguments)
        assert done.returncode == 1
        assert "FC602" in done.stderr
        assert str(run / name) in done.stderr
        assert f"`flowc fsck {spec} --root store`" in done.stderr
    listed = json.loads(look(run, "runs", "--json").stdout)
    assert [row["state"] for row in listed] == ["damaged"]
    assert "damaged" in look(run, "runs").stdout
    assert look(run, "runs", "--state", "successful").stdout == ""
    assert run.name in look(run, "runs", "--state", "damaged").stdout
    assert look(run, "fsck", spec).returncode == 1


@pytest.mark.parametrize("name", ["start/-/0/manifest.json", "run.json", "graph.json"])
def test_the_live_pages_show_it(run: Path, name: str) -> None:
    from flowc_cli.reporting.live_server import LiveRun
    from flowc_cli.reporting.run_list import RunList

    damage(run / name)
    found, _ = find_run(f"Damaged/{run.name}", str(run.parents[1]), lenient=True)
    view, _ = LiveRun(found).view()
    assert str(run / name) in " ".join(view.notes)
    assert {step.name for step in view.steps} == {"start", "one", "join", "end"}
    (row,) = RunList(str(run.parents[1])).rows()
    assert row.state == ("damaged" if name == "run.json" else "successful")


def test_one_task_is_shown_beside_a_damaged_one(run: Path) -> None:
    damage(run / "one/0/0/manifest.json")
    spec = f"Damaged/{run.name}"
    right, wrong = (look(run, "show", spec, "--task", f"one/{index}", "--values") for index in (1, 0))
    assert "square = 1" in right.stdout
    assert (wrong.returncode, "does not have the digest" in wrong.stdout) == (1, True)


def test_what_changes_a_run_refuses_one_with_a_damaged_record(run: Path) -> None:
    damage(run / "run.json")
    spec = f"Damaged/{run.name}"
    for arguments in (["export", spec, "-o", "run.tgz"], ["diff-runs", spec, spec]):
        done = look(run, *arguments)
        assert (done.returncode > 0, "run.json" in done.stderr) == (True, True)


@pytest.mark.parametrize("name", ["run.json", "run-end.json"])
def test_it_can_be_removed_and_stops_no_other(run: Path, name: str) -> None:
    damage(run / name)
    (run / "end/-/0/manifest.json").unlink()
    if name == "run.json":
        (run / "run-end.json").unlink()
    assert look(run, "run", "flow.py", "--root", "store").returncode == 0
    done = look(run, "gc", "--keep", "0", "--json")
    assert len(json.loads(done.stdout)["flows"][0]["removed_runs"]) == 1
    assert f"Damaged/{run.name} stays: it is too damaged" in done.stderr
    done = look(run, "rm", f"Damaged/{run.name}")
    assert (done.returncode, "is too damaged to say whether" in done.stderr) == (2, True)
    assert look(run, "rm", f"Damaged/{run.name}", "--force").returncode == 0
    assert not run.exists()
