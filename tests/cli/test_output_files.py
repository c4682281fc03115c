"""Where `-o` leads: to files, through links, into folders, to devices and pipes, and to standard output."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from flowc_compiler.rewrite import Edit, is_stream, write_all
from tests.support import START_AND_END, flowc, flowc_process, write_files

FLOW = f"from flowc import FlowSpec, step\n\n\nclass F(FlowSpec):{START_AND_END}"
COMPILE = ("compile", "flow.py", "--root", "s3://b/p")
SEVERAL = (*COMPILE, "-t", "airflow", "--code", "configmap")
"""A DAG file, ConfigMaps with its code and the runtime, and a module that DAG files share."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a flow, in which the commands run."""
    write_files(tmp_path, {"flow.py": FLOW, "old.py": FLOW.replace("from flowc", "from metaflow")})
    return tmp_path


@pytest.fixture
def text(folder: Path) -> str:
    """What compiling prints."""
    done = flowc(folder, *COMPILE)
    assert done.returncode == 0
    return done.stdout


COMMANDS = {
    "compile": COMPILE,
    "migrate": ("migrate", "old.py"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_is_replaced_and_keeps_its_mode(folder: Path, command: str) -> None:
    out = folder / "out"
    out.write_text("before")
    out.chmod(0o640)
    number = out.stat().st_ino
    assert flowc(folder, *COMMANDS[command], "-o", "out").returncode == 0
    assert out.read_text() == flowc(folder, *COMMANDS[command], "-o", "-").stdout != "before"
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    assert out.stat().st_ino != number, "readers see the old file or the new one"
    assert not list(folder.glob(".out*"))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_written(folder: Path, command: str, there: bool) -> None:
    (folder / "deep").mkdir()
    if there:
        (folder / "deep" / "target").write_text("before")
    (folder / "deep" / "link").symlink_to("target")
    (folder / "out").symlink_to("deep/link")
    assert flowc(folder, *COMMANDS[command], "-o", "out").returncode == 0
    assert (folder / "out").is_symlink()
    assert (folder / "deep" / "link").is_symlink()
    assert (folder / "deep" / "target").read_text() == flowc(folder, *COMMANDS[command], "-o", "-").stdout


def test_a_link_to_itself_is_an_error_and_stays(folder: Path) -> None:
    (folder / "out").symlink_to("out")
    done = flowc(folder, *COMPILE, "-o", "out")
    assert done.returncode == 2
    assert "FC603" in done.stderr
    assert (folder / "out").is_symlink()


@pytest.mark.parametrize("command", COMMANDS)
def test_devices_are_written_to_and_stay(folder: Path, command: str) -> None:
    (folder / "link").symlink_to(os.devnull)
    for out in (os.devnull, "link"):
        assert flowc(folder, *COMMANDS[command], "-o", out).returncode == 0
    assert Path(os.devnull).is_char_device()
    assert (folder / "link").is_symlink()
    assert flowc(folder, *SEVERAL, "-o", os.devnull).returncode == 0


def test_a_full_device_is_an_error(folder: Path) -> None:
    done = flowc(folder, *COMPILE, "-o", "/dev/full")
    assert done.returncode == 2
    assert "/dev/full cannot be written: No space left" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_gets_the_text(folder: Path, command: str) -> None:
    os.mkfifo(folder / "pipe")
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append((folder / "pipe").read_text()))
    reader.start()
    assert flowc(folder, *COMMANDS[command], "-o", "pipe").returncode == 0
    reader.join(10)
    assert got == [flowc(folder, *COMMANDS[command], "-o", "-").stdout]
    assert (folder / "pipe").is_fifo()


@pytest.mark.process
@pytest.mark.parametrize("out", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_standard_output_by_its_path(folder: Path, text: str, out: str) -> None:
    (folder / "link").symlink_to("/dev/stdout")
    assert flowc_process(folder, *COMPILE, "-o", out).stdout == text
    with (folder / "file").open("wb") as file:
        subprocess.run(
            [sys.executable, "-m", "flowc_cli", *COMPILE, "-o", out], cwd=folder, stdout=file, check=True, timeout=60
        )
    assert (folder / "file").read_text() == text


def test_a_dash_is_standard_output(folder: Path, text: str) -> None:
    assert flowc(folder, *COMPILE, "-o", "-").stdout == text
    assert flowc(folder, "migrate", "old.py", "-o", "-").stdout == FLOW
    printed = flowc(folder, "image", "flow.py", "-o", "-")
    assert printed.returncode == 0
    assert "# images.json\n{" in printed.stdout
    done = flowc(folder, *SEVERAL, "-o", "-")
    assert done.returncode == 2
    assert "standard output takes one" in done.stderr
    assert sorted(item.name for item in folder.iterdir()) == ["flow.py", "old.py"]


def test_folders_get_the_files_by_their_names(folder: Path, text: str) -> None:
    (folder / "there").mkdir()
    for out in ("there", "new/deep/"):
        assert flowc(folder, *COMPILE, "-o", out).returncode == 0
        flow, runtime = sorted((folder / out).iterdir())
        assert (flow.name, runtime.name[:14]) == ("f.yaml", "flowc-runtime-")
        assert all(item.read_text().partition("\n")[2].strip() in text for item in (flow, runtime))
    assert flowc(folder, *SEVERAL, "-o", "both").returncode == 0
    names = sorted(item.name for item in (folder / "both").iterdir())
    assert names[:2] == ["F.configmap.yaml", "F.py"]
    manifest, module = names[2:]
    assert re.fullmatch(r"flowc-airflow-runtime-[0-9a-f]{10}\.yaml", manifest)
    assert re.fullmatch(r"flowc_runtime_0_1_0_[0-9a-f]{10}\.py", module)
    dag = (folder / "both/F.py").read_text()
    assert f"\nfrom {module[:-3]} import (\n" in dag
    assert f'name="{manifest[:-5]}"' in dag


def test_new_files_are_made_with_their_folders(folder: Path, text: str) -> None:
    old = os.umask(0o027)
    try:
        assert flowc(folder, *COMPILE, "-o", "a/b/flow.yaml").returncode == 0
    finally:
        os.umask(old)
    assert (folder / "a/b/flow.yaml").read_text() == text
    assert stat.S_IMODE((folder / "a/b/flow.yaml").stat().st_mode) == 0o640


@pytest.mark.parametrize("out", ["flow.py/x", "flow.py/"])
def test_a_file_is_no_folder(folder: Path, out: str) -> None:
    done = flowc(folder, *COMPILE, "-o", out)
    assert done.returncode == 2
    assert "FC603" in done.stderr
    assert (folder / "flow.py").read_text() == FLOW


OWN = ["flow.py", "./flow.py", "link.py", "helpers.py", "settings.json"]


@pytest.mark.parametrize("out", OWN)
@pytest.mark.parametrize("command", [("graph", "flow.py", "--format", "svg"), COMPILE, (*COMPILE, "-t", "airflow")])
def test_files_that_a_flow_is_made_of_are_not_replaced(folder: Path, command: tuple[str, ...], out: str) -> None:
    files = {
        "flow.py": "import helpers\nfrom flowc import Config\n"
        + FLOW.replace("(FlowSpec):", '(FlowSpec):\n    settings = Config("settings", default="settings.json")\n'),
        "helpers.py": "x = 1\n",
        "settings.json": "{}\n",
    }
    write_files(folder, files)
    (folder / "link.py").symlink_to("flow.py")
    done = flowc(folder, *command, "-o", out)
    assert done.returncode == 2, done.stderr
    assert f"error[FC603]: {Path(out)} is a file that the flow is made of" in done.stderr
    assert {name: (folder / name).read_text() for name in files} == files
    assert (folder / "link.py").is_symlink()
    assert flowc(folder, *command, "-o", "other.out").returncode == 0
    assert flowc(folder, *command, "-o", "other.out").returncode == 0


def test_several_files_cannot_go_into_a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    done = flowc(folder, *SEVERAL, "-o", "pipe")
    assert done.returncode == 2
    assert "pipe takes one" in done.stderr


def test_all_are_written_or_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("before")
    (tmp_path / "c").mkdir()
    with pytest.raises(IsADirectoryError):
        write_all([Edit(tmp_path / name, b"", b"after") for name in ("a", "b", "c")])
    assert (tmp_path / "a").read_text() == "before"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a", "c"]


def test_what_is_a_stream(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "null").symlink_to(os.devnull)
    (tmp_path / "loop").symlink_to("loop")
    names = ("file", "null", "loop", "missing")
    assert [is_stream(tmp_path / name) for name in names] == [False, True, False, False]
    assert is_stream(Path("/dev/stdout"))
    assert not is_stream(tmp_path)
