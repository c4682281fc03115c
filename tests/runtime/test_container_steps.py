"""What the shim does around the container of a step: files, words, the script, outputs, and what goes wrong."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from flowc.errors import ContainerFailed
from flowc.protocol import env_names
from flowc.protocol.container import file_format
from flowc.protocol.exit_codes import exit_code_of
from flowc.shim import container_step
from flowc.shim.task_identity import Task

HOSTILE = [
    "", " ", "it's", "'; touch /tmp/no; '", "$(id) `id` ${HOME}", "a\nb\n\n", 'q"q\\', "{{workflow.name}} {{=1+1}}",
    "-n", "*", "~", "ä 中 \u2028", "\x01\x7f", "{values.other} {inputs.x}", "%s %n", "a\tb",
]  # fmt: skip


def spec(**fields: Any) -> dict[str, Any]:
    return {"image": "image", "command": ["true"], "env": {}, "inputs": {}, "outputs": {}, **fields}


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setenv(env_names.ROOT, "/root")
    monkeypatch.setenv(env_names.RUN_ID, "1")
    monkeypatch.setenv(env_names.CONTAINER, "local")
    return Task("step", (), 0)


def run(task: Task, values: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The outputs of a container whose command is a process here."""
    found: dict[str, Any] = {}
    container_step.run_container(spec(**fields), task, {}, values.__getitem__, found.__setitem__)
    return found


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.json", ("json", "a.json")),
        ("a.txt", ("text", "a.txt")),
        ("a", ("text", "a")),
        ("dir/", ("folder", "dir")),
        ("bytes:a.json", ("bytes", "a.json")),
    ],
)
def test_formats(name: str, wanted: tuple[str, str]) -> None:
    assert file_format(name) == wanted


@pytest.mark.process
def test_values_of_every_kind_go_in_and_out(task: Task) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("in/a.txt", "A")
    values = {"text": "é\r\n", "raw": b"\xff\0", "data": {"a": [1, None, "ä"]}, "tree": zipped.getvalue()}
    files = {"text": "deep/t.txt", "raw": "bytes:r", "data": "d.json", "tree": "tree/"}
    script = 'cd "$1/.." && cp -r . "$2/.." && test "$(cat tree/in/a.txt)" = A'
    words = ["sh", "-c", script, "sh", "{inputs.tree}", "{outputs.tree}"]
    found = run(task, values, command=words, inputs=files, outputs=files)
    again = run(task, values, command=words, inputs=files, outputs=files)
    assert found.pop("tree") == again["tree"]
    assert found == {name: values[name] for name in found}
    with zipfile.ZipFile(io.BytesIO(again["tree"])) as archive:
        assert archive.namelist() == ["in/a.txt"]


@pytest.mark.process
def test_hostile_words_and_variables_arrive_exactly(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process here, and by the script that a shell runs in a pod."""
    values = {f"v{number}": text for number, text in enumerate(HOSTILE)}
    script = 'for word in "$@"; do printf "%s\\0" "$word"; done > "$OUT"; printf "%s\\0" "$LAST" >> "$OUT"'
    fields: dict[str, Any] = {
        "command": ["sh", "-c", script, "sh", *(f"{{values.{name}}}" for name in values)],
        "outputs": {"out": "out"},
        "env": {"OUT": "{outputs.out}", "LAST": "<{values.v3}>"},
    }
    wanted = "".join(f"{text}\0" for text in (*HOSTILE, f"<{HOSTILE[3]}>"))
    assert run(task, values, **fields)["out"] == wanted

    monkeypatch.setattr(container_step, "FOLDER", str(tmp_path))
    (tmp_path / "outputs").mkdir()
    text = container_step.script_text(spec(**fields), values.__getitem__)
    (tmp_path / "command").write_bytes(text)
    subprocess.run(["/bin/sh", tmp_path / "command"], check=True)
    assert (tmp_path / "outputs" / "out").read_text() == wanted


def test_values_that_are_no_text_are_json() -> None:
    shown = [container_step.value_text("x", value) for value in ("a", 1, 0.5, True, None, ["ä", {"b": 1}])]
    assert shown == ["a", "1", "0.5", "true", "null", '["ä", {"b": 1}]']


@pytest.mark.process
@pytest.mark.parametrize(
    ("values", "fields", "message"),
    [
        ({"x": 1}, {"inputs": {"x": "x.txt"}}, "is a int: a file takes text or bytes; name a file that ends in .json"),
        ({"x": {1, 2}}, {"inputs": {"x": "x.json"}}, "cannot be written as JSON"),
        ({"x": b"no"}, {"inputs": {"x": "x/"}}, "not the bytes of a zip"),
        ({"x": b"a"}, {"command": ["echo", "{values.x}"]}, "cannot be written as text"),
        ({"x": "a\0b"}, {"command": ["echo", "{values.x}"]}, "has a NUL"),
        ({}, {"outputs": {"y": "y.txt"}}, r"has left no output 'y': No such file .*\{outputs.y\}"),
        ({}, {"command": ["no-such-program"]}, "cannot run as a process: .*--container docker"),
        ({}, {"command": ["sh", "-c", "printf '\\377' > $O"], "env": {"O": "{outputs.y}"}, "outputs": {"y": "y"}},
         "not text in UTF-8; for bytes, write 'bytes:y'"),
        ({}, {"command": ["sh", "-c", "echo a > $O"], "env": {"O": "{outputs.y}"}, "outputs": {"y": "y.json"}},
         "output 'y' is not JSON"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(task: Task, values: dict[str, Any], fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ContainerFailed, match=message):
        run(task, values, **fields)


@pytest.mark.process
@pytest.mark.parametrize(("script", "code"), [("exit 2", 2), ("exit 79", 79), ("kill -9 $$", 137), ("kill $$", 143)])
def test_the_exit_code_is_kept(task: Task, script: str, code: int) -> None:
    with pytest.raises(ContainerFailed, match=f"exit code {code}") as caught:
        run(task, {}, command=["sh", "-c", script])
    assert exit_code_of(caught.value) == code


@pytest.mark.process
def test_docker_gets_the_words_and_the_variables(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in its place writes down what it is called with; whether a real one runs is not tested here."""
    program = tmp_path / "podman"
    log = tmp_path / "log"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {log}; env | grep ^NOTE= >> {log}\nexit 125\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv(env_names.CONTAINER, "podman")
    with pytest.raises(ContainerFailed, match="exit code 125; if no container can run here: --container local"):
        run(task, {"x": "a b"}, command=["cat", "{inputs.x}"], inputs={"x": "x"}, env={"NOTE": "<{values.x}>"})
    words = log.read_text().splitlines()
    place = next(word for word in words if word.endswith(":/flowc-files"))
    assert words == [
        "run", "--rm", "--env", "NOTE", "--name", Path(place.partition(":")[0]).name, "--volume", place, "--entrypoint",
        "cat", "image", "/flowc-files/inputs/x", "NOTE=<a b>",
    ]  # fmt: skip


@pytest.mark.process
def test_a_container_ends_with_the_process_that_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is killed: the container is, too, and its folder goes."""
    program, log = tmp_path / "docker", tmp_path / "log"
    program.write_text(f'#!/bin/sh\necho "$1 $2" >> {log}\ntest "$1" != run || {{ echo "$PPID"; exec sleep 600; }}\n')
    program.chmod(0o755)
    (tmp_path / "files").mkdir()
    for name, value in (("TMPDIR", str(tmp_path / "files")), (env_names.CONTAINER, "docker")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    code = f"from flowc.shim.container_step import run_container as r; r({spec()!r}, None, {{}}, None, None)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert int(starter.stdout.readline()) != starter.pid
        (folder,) = (tmp_path / "files").iterdir()
        starter.kill()
        assert starter.stdout.read() == ""  # until all that could write to the pipe have ended
    assert log.read_text().splitlines() == ["run --rm", f"kill {folder.name}"]
    assert not folder.exists()


@pytest.mark.parametrize(("docker", "podman", "wanted"), [(0, 0, "docker"), (1, 0, "podman"), (1, None, "docker")])
@pytest.mark.process
def test_podman_takes_the_place_of_a_docker_without_its_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docker: int, podman: int | None, wanted: str
) -> None:
    for name, code in (("docker", docker), ("podman", podman)):
        if code is not None:
            (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
            (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(env_names.CONTAINER, raising=False)
    assert container_step.container_program() == str(tmp_path / wanted)


def test_nothing_that_runs_containers_is_there(task: Task, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(env_names.CONTAINER)
    with pytest.raises(ContainerFailed, match=r"neither docker nor podman here .* --container local"):
        run(task, {})
