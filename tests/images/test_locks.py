"""The locks of `flowc image`: what is written, when it is resolved again, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from flowc_targets.package.images import lock_resolution
from flowc_targets.package.images.build_files import Bases, build_files
from flowc_targets.package.images.image_environments import Environment, GrammarError
from flowc_targets.package.images.package_lock import package_lock, read_lock
from tests.images.building import instructions, one_step, shell_of
from tests.images.wheel_index import add_wheel
from tests.support import flowc

HASH = "--hash=sha256:" + "0" * 64
COMMIT = "git+https://host.example/a.git@" + "1" * 40
PYPI = "@pypi(packages={'humanize': '', 'six': ''})"


def image(folder: Path, text: str, *options: str, code: int = 0) -> str:
    """Run the command for a flow; what it prints."""
    (folder / "flow.py").write_text(text)
    done = flowc(folder, "image", "flow.py", *options)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def lock_of(folder: Path, step: str = "start") -> str:
    """The lock of a step's environment."""
    entries = json.loads((folder / "images" / "images.json").read_text())["images"]
    (entry,) = (item for item in entries if step in item["steps"].get("OneFlow", ()))
    return (folder / "images" / str(entry["folder"]) / "requirements.txt").read_text()


def pins(folder: Path) -> list[str]:
    return re.findall(r"^[\w-]+==\S+", lock_of(folder), re.MULTILINE)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.process
def test_a_lock_stays_until_it_is_resolved_again(tmp_path: Path, package_index: Path) -> None:
    printed = image(tmp_path, one_step(PYPI))
    assert pins(tmp_path) == ["humanize==4.11.0", "six==1.16.0"]
    assert len(re.findall(r"^    --hash=sha256:[0-9a-f]{64}$", lock_of(tmp_path), re.MULTILINE)) == 2
    before = snapshot(tmp_path / "images")
    add_wheel(package_index, "humanize", "4.12.0")
    assert image(tmp_path, one_step(PYPI)) == printed
    image(tmp_path, one_step(PYPI), "--check")
    assert snapshot(tmp_path / "images") == before
    assert image(tmp_path, one_step(PYPI), "--upgrade") != printed
    assert pins(tmp_path) == ["humanize==4.12.0", "six==1.16.0"]
    (before_tag, after_tag) = (re.findall(r"-t (\S+)", text)[0] for text in (printed, image(tmp_path, one_step(PYPI))))
    assert before_tag != after_tag


@pytest.mark.process
def test_other_packages_keep_their_versions(tmp_path: Path, package_index: Path) -> None:
    image(tmp_path, one_step(PYPI))
    add_wheel(package_index, "humanize", "4.12.0")
    more = one_step("@pypi(packages={'humanize': '', 'six': '', 'attrs': ''})")
    before = snapshot(tmp_path / "images")
    printed = image(tmp_path, more, "--check", code=1)
    assert re.fullmatch(r"images/env-\w{12}/requirements\.txt is missing\n", printed)
    assert snapshot(tmp_path / "images") == before
    image(tmp_path, more)
    assert pins(tmp_path) == ["attrs==24.2.0", "humanize==4.11.0", "six==1.16.0"]
    image(tmp_path, one_step("@pypi(packages={'humanize': '<4.10', 'six': ''})"))
    assert pins(tmp_path) == ["humanize==4.9.0", "six==1.16.0"]


@pytest.mark.process
@pytest.mark.parametrize(
    ("decorator", "options", "python", "pin"),
    [
        ("@pypi(packages={'newer': ''})", (), "3.11", "newer==1.0"),
        ("@pypi(packages={'newer': ''}, python='3.12')", (), "3.12", "newer==2.0"),
        ("@pypi(packages={'newer': ''})", ("--base", "registry.example/python:3.12-x"), "3.12", "newer==2.0"),
        ("@pypi(packages={'newer': ''})", ("--base", "registry.example/own:1"), "3.9", "newer==1.0"),
        ("@pypi(packages={'newer': ''})", ("--base", "own:{python}"), "3.11", "newer==1.0"),
    ],
)
def test_the_python_of_a_lock(
    tmp_path: Path, package_index: Path, decorator: str, options: tuple[str, ...], python: str, pin: str
) -> None:
    add_wheel(package_index, "newer", "1.0", python=">=3.9,<3.12")
    add_wheel(package_index, "newer", "2.0", python=">=3.12")
    image(tmp_path, one_step(decorator), *options)
    assert f"# python: >={python}\n" in lock_of(tmp_path)
    assert pins(tmp_path)[0] == pin


@pytest.mark.process
def test_another_base_resolves_again(tmp_path: Path, package_index: Path) -> None:
    add_wheel(package_index, "newer", "2.0", python=">=3.12")
    text = one_step("@pypi(packages={'newer': ''})")
    assert "FC509" in image(tmp_path, text, code=2)
    image(tmp_path, text, "--base", "python:3.12-slim")
    assert "requirements.txt would change\n" in image(tmp_path, text, "--base", "python:3.13", "--check", code=1)


@pytest.mark.process
def test_packages_that_cannot_be_resolved(tmp_path: Path, package_index: Path) -> None:
    printed = image(tmp_path, one_step("@pypi(packages={'humanize': '99'})"), code=2)
    assert "error[FC509]: step `start`: the packages cannot be locked: " in printed
    assert "humanize" in printed
    assert "flow.py:5:" in printed
    assert not (tmp_path / "images").exists()


def test_uv_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_resolution, "uv_program", lambda: None)
    printed = image(tmp_path, one_step(PYPI), code=2)
    assert "FC509" in printed
    assert "pip install 'flowc[image]'" in printed
    assert "FC509" not in image(tmp_path, one_step(PYPI), "--no-lock")
    lock = package_lock("3.11", ("humanize", "six"), f"humanize==4.9.0 {HASH}\nsix==1.16.0 {HASH}\n")
    place = next((tmp_path / "images").glob("env-*"))
    (place / "requirements.txt").write_text(lock.files()["requirements.txt"])
    image(tmp_path, one_step(PYPI))  # a lock that fits needs no uv
    assert pins(tmp_path) == ["humanize==4.9.0", "six==1.16.0"]


@pytest.mark.process
@pytest.mark.parametrize("change", ["--index-url https://evil.example\n", "humanize>=4\n", "humanize==4.9.0\n"])
def test_a_lock_that_was_changed_by_hand(tmp_path: Path, package_index: Path, change: str) -> None:
    image(tmp_path, one_step(PYPI))
    (path,) = (tmp_path / "images").glob("env-*/requirements.txt")
    path.write_text(path.read_text() + change)
    for options in ((), ("--check",)):
        printed = image(tmp_path, one_step(PYPI), *options, code=2)
        assert "FC509" in printed
        assert "--upgrade" in printed
    image(tmp_path, one_step(PYPI), "--upgrade")
    assert change not in path.read_text()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--upgrade", "--check"), "--upgrade has no effect with --check"),
        (("--upgrade", "--no-lock"), "--upgrade has no effect with --no-lock"),
        (("--no-lock", "--conda-base", "a/b:1"), "--conda-base has no effect"),
        (("--record", "--base", "a/b:1"), "--base has no effect with --record"),
        (("--record", "--upgrade"), "--upgrade has no effect with --record"),
        (("--record", "--no-lock"), "--no-lock has no effect with --record"),
        (("--record", "--tag-prefix", "a/b"), "--tag-prefix has no effect with --record"),
    ],
)
def test_options_without_effect(tmp_path: Path, options: tuple[str, ...], what: str) -> None:
    (tmp_path / "flow.py").write_text(one_step(PYPI))
    printed = flowc(tmp_path, "image", "flow.py", *options).stderr
    assert f"warning[FC506]: {what}" in printed


def test_conda_is_not_locked(tmp_path: Path) -> None:
    text = one_step("@conda(packages={'numpy': ''})")
    printed = image(tmp_path, text)
    assert "warning[FC509]: step `start`: Conda's packages are not locked" in printed
    assert "flow.py:5:" in printed
    assert "FC509" not in image(tmp_path, text, "--no-lock")
    assert "--upgrade has no effect as no step has packages of pypi" in image(tmp_path, text, "--upgrade")


def test_printed_files_are_compared_with_nothing(tmp_path: Path) -> None:
    assert "FC603" in image(tmp_path, one_step(PYPI), "-o", "-", "--check", code=2)


def test_version_control_has_a_file_of_its_own() -> None:
    text = f"six==1.16.0 \\\n    {HASH}\nB-Tool @ {COMMIT}\na ; python_version == '3.*'\n".replace(
        "a ;", f"a @ {COMMIT} ;"
    )
    lock = package_lock("3.11", ("six", f"b @ {COMMIT}"), text)
    files = lock.files()
    assert files["requirements-git.txt"].splitlines()[1:] == [
        f"a @ {COMMIT} ; python_version == '3.*'",
        f"B-Tool @ {COMMIT}",
    ]
    assert read_lock(files) == lock
    assert read_lock({**files, "requirements-git.txt": files["requirements-git.txt"] + "\n"}) == lock
    with pytest.raises(GrammarError):
        read_lock({"requirements.txt": files["requirements.txt"]})
    environment = Environment("pypi", None, ("six", f"b @ {COMMIT}"))
    dockerfile = build_files(environment, Bases(), lock)["Dockerfile"]
    assert "--no-deps --require-hashes -r /opt/flowc/requirements.txt" in dockerfile
    assert "--no-deps -r /opt/flowc/requirements-git.txt" in dockerfile
    only_git = package_lock("3.11", (f"b @ {COMMIT}",), f"b @ {COMMIT}\n")
    assert "/requirements.txt" not in build_files(environment, Bases(), only_git)["Dockerfile"]


def test_a_stale_second_file_does_not_count() -> None:
    lock = package_lock("3.11", ("six",), f"six==1.16.0 {HASH}\n")
    assert read_lock({**lock.files(), "requirements-git.txt": f"b @ {COMMIT}\n"}) == lock
    assert read_lock({"requirements.txt": "six==1.16.0\n"}) is None


@pytest.mark.parametrize(
    "line",
    [
        "-e .", "--find-links x", "six", "six>=1", f"six==1 --global-option=x {HASH}", "six==1; x",
        f"six==1 ; $(a) {HASH}",
        "six==1 --hash=md5:0", f"six @ file:///etc {HASH}", "six==1`a`", f"six==1 {HASH}x", "../six==1", "six==1 # a",
    ],
)  # fmt: skip
def test_hostile_lines(line: str) -> None:
    with pytest.raises(GrammarError) as caught:
        package_lock("3.11", ("six",), line)
    assert caught.value.help


@pytest.mark.process
def test_a_rebuilt_image_is_the_same(tmp_path: Path, package_index: Path) -> None:
    """What a Dockerfile runs, twice in one place and with time between: all files of both are the same."""
    import hashlib
    import shutil
    import subprocess
    import sys

    image(tmp_path, one_step(PYPI))
    (folder,) = (tmp_path / "images").glob("env-*")
    found: list[dict[str, str]] = []
    for _ in range(2):
        home = tmp_path / "root"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", home], check=True)
        runs = [shell_of(value) for word, value in instructions(folder) if word == "RUN"]
        for run in runs:
            command = run.replace("/opt/flowc", str(folder)).replace("python3 -m", f"{sys.executable} -m")
            command = command.replace("pip install", f"pip --python {home}/bin/python install --ignore-installed")
            subprocess.run(command, shell=True, check=True, capture_output=True)
        library = next(home.glob("lib/*/site-packages"))
        found.append({name: hashlib.sha256(data).hexdigest() for name, data in snapshot(library).items()})
        shutil.rmtree(home)
    assert any(name.endswith(".pyc") for name in found[0])
    assert found[0] == found[1]
