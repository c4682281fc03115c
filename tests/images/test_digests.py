"""Images by digest: what builders leave, what `flowc image --record` keeps of it, and what pods pull then."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.images.building import FLOW
from tests.support import flowc

ROOT = ("--root", "s3://b/p")
MAPPED = ("--images", "images/images.json")
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
HOOK = """\
def told():
    pass


@exit_hook(on_success=['told'], options={'image': 'hook/er:2'})
"""
FLOW_WITH_HOOK = FLOW.replace("import FlowSpec", "import FlowSpec, exit_hook").replace(
    "\n@pypi_base", f"\n{HOOK}@pypi_base"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a flow of two images, a step with its own, and a plain one; and with images.json."""
    (tmp_path / "flow.py").write_text(FLOW_WITH_HOOK)
    done = flowc(tmp_path, "image", "flow.py", "--no-lock", "--tag-prefix", "host:5000/team/env")
    assert done.returncode == 0, done.stderr
    return tmp_path


def names(folder: Path) -> dict[str, str]:
    """The image of each step that has one in images.json."""
    images = json.loads((folder / "images" / "images.json").read_text())["images"]
    return {steps[0]: item["image"] for item in images for steps in item["steps"].values()}


def pulled(folder: Path, target: str, *options: str) -> Counter[str]:
    done = flowc(folder, "compile", "flow.py", "-t", target, *ROOT, *MAPPED, *options)
    assert done.returncode == 0, done.stderr
    found = re.findall(r"""\bimage(?:: |=|": )"?([\w./:@-]+)""", done.stdout)
    return Counter(image for image in found if re.match(r"host|registry|python|hook", image))


OPTIONS = [
    ("train=" + A, {"start": None, "train": A, "own": None, "plain": None, "hook": None}),
    ("END=" + A, {"start": A, "train": None, "own": None, "plain": None, "hook": None}),
    ("own=" + A, {"start": None, "train": None, "own": A, "plain": None, "hook": None}),
    ("registry.example/own=" + A, {"start": None, "train": None, "own": A, "plain": None, "hook": None}),
    ("registry.example/own:1=" + A, {"start": None, "train": None, "own": A, "plain": None, "hook": None}),
    ("end=" + A, {"start": None, "train": None, "own": None, "plain": A, "hook": None}),
    ("python:3.11-slim=" + A, {"start": None, "train": None, "own": None, "plain": A, "hook": None}),
    ("python=" + A, {"start": None, "train": None, "own": None, "plain": A, "hook": None}),
    ("hook/er=" + A, {"start": None, "train": None, "own": None, "plain": None, "hook": A}),
]


@pytest.mark.parametrize("target", ["argo", "airflow"])
@pytest.mark.parametrize(("given", "expected"), OPTIONS)
def test_each_pod_of_an_image(folder: Path, target: str, given: str, expected: dict[str, str | None]) -> None:
    mapped = names(folder)
    given = given.replace("END", mapped["start"])
    images = {**mapped, "own": "registry.example/own:1", "plain": "python:3.11-slim", "hook": "hook/er:2"}
    found = pulled(folder, target, "--image-digest", given)
    for pod, digest in expected.items():
        by_digest = f"{images[pod].rpartition(':')[0]}@{digest}"
        assert by_digest in found if digest is not None else images[pod] in found, (pod, found)


def test_a_step_counts_more_than_its_image(folder: Path) -> None:
    found = pulled(folder, "argo", "--image-digest", f"own={A}", "--image-digest", f"registry.example/own={B}")
    assert found[f"registry.example/own@{A}"] == 1
    assert not any(B in image for image in found)


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        (f"nobody={A}", 0, "warning[FC506]: the digest of nobody has no effect"),
        (f"registry.example/own:2={A}", 0, "has no effect"),
        (f"host:5000/team/env={A}", 2, "error[FC505]: option image_digests: host:5000/team/env may be image host"),
        ("own=sha256:12", 2, "error[FC505]: option `image_digests`"),
        ("own=" + "a" * 64, 2, "FC505"),
        ("own", 2, "FC505"),
    ],
)
def test_wrong_digests(folder: Path, given: str, code: int, words: str) -> None:
    done = flowc(folder, "compile", "flow.py", *ROOT, *MAPPED, "--image-digest", given)
    assert done.returncode == code
    assert words in done.stderr


def test_a_name_of_a_step_and_of_an_image(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW.replace("registry.example/own:1", "train"))
    done = flowc(tmp_path, "compile", "flow.py", *ROOT, "--image-digest", f"train={A}")
    assert done.returncode == 2
    assert "train may be step `train` or image train" in done.stderr


def test_digests_in_pyproject_and_processes(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(f'[tool.flowc.image_digests]\nown = "{A}"\nother-flows-step = "{A}"\n')
    done = flowc(folder, "compile", "flow.py", *ROOT, *MAPPED)
    assert f"registry.example/own@{A}" in done.stdout
    assert "FC506" not in done.stderr
    options = ("-t", "airflow", "--operator", "local", "--image-digest", f"own={A}")
    done = flowc(folder, "compile", "flow.py", *ROOT, *options)
    assert "option image_digests has no effect where tasks are processes" in done.stderr
    assert A not in done.stdout


def built(folder: Path, builder: str, digest: str) -> None:
    """Do what a builder does with the digest when one of the printed commands runs, for each of them."""
    printed = flowc(folder, "image", "flow.py", "--no-lock", "--tag-prefix", "host:5000/team/env", "--builder", builder)
    for line in printed.stdout.splitlines():
        words = shlex.split(line)
        option = {"docker": "--metadata-file", "kaniko": "--digest-file"}.get(builder, "--digestfile")
        place = folder / words[words.index(option) + 1]
        image = words[words.index("--destination" if builder == "kaniko" else "-t") + 1]
        text = json.dumps({"containerimage.digest": digest, "image.name": image}) if builder == "docker" else digest
        place.write_text(text)
        context = words[words.index("--context") + 1].removeprefix("dir://") if builder == "kaniko" else place.parent
        assert (folder / context / "Dockerfile").is_file()


@pytest.mark.parametrize("builder", ["docker", "podman", "buildah", "kaniko"])
def test_the_digests_of_builds_are_recorded(folder: Path, builder: str) -> None:
    done = flowc(folder, "image", "flow.py", "--record", "--builder", builder)
    assert done.returncode == 2
    assert done.stderr.count("its build has left no digest") == 2
    built(folder, builder, A)
    assert flowc(folder, "image", "flow.py", "--record", "--check").returncode == 1
    assert "2 digests recorded" in flowc(folder, "image", "flow.py", "--record").stderr
    assert flowc(folder, "image", "flow.py", "--record", "--check").returncode == 0
    for target in ("argo", "airflow"):
        found = pulled(folder, target)
        assert not any(image in found for image in names(folder).values())
        assert f"host:5000/team/env@{A}" in found
    assert f"host:5000/team/env@{B}" in pulled(folder, "argo", "--image-digest", f"train={B}")


def test_the_last_build_counts(folder: Path) -> None:
    built(folder, "buildah", A)
    built(folder, "docker", B)
    assert flowc(folder, "image", "flow.py", "--record").returncode == 0
    assert f"host:5000/team/env@{B}" in pulled(folder, "argo")


def test_a_digest_goes_with_its_image(folder: Path) -> None:
    built(folder, "docker", A)
    flowc(folder, "image", "flow.py", "--record")
    same = ("--no-lock", "--tag-prefix", "host:5000/team/env")
    assert flowc(folder, "image", "flow.py", *same, "--check").returncode == 0
    flowc(folder, "image", "flow.py", "--no-lock", "--tag-prefix", "elsewhere/env")
    assert A not in (folder / "images" / "images.json").read_text()
    assert flowc(folder, "image", "flow.py", "--record").returncode == 2
    (folder / "flow.py").write_text(FLOW.replace("4.10.0", "4.11.0"))
    done = flowc(folder, "image", "flow.py", "--record")
    assert done.returncode == 2
    assert "has no image for what PackagesFlow requires now" in done.stderr


def test_digests_of_bake(folder: Path) -> None:
    images = json.loads((folder / "images" / "images.json").read_text())["images"]
    metadata = {
        item["folder"]: {"containerimage.digest": C, "image.name": f"docker.io/x,{item['image']}"} for item in images
    }
    (folder / "images" / "docker-bake.metadata.json").write_text(json.dumps(metadata))
    assert flowc(folder, "image", "flow.py", "--record").returncode == 0
    assert f"host:5000/team/env@{C}" in pulled(folder, "airflow")


@pytest.mark.parametrize("content", ["", "sha256:12", "latest"])
def test_what_is_no_digest(folder: Path, content: str) -> None:
    built(folder, "buildah", content)
    done = flowc(folder, "image", "flow.py", "--record")
    assert done.returncode == 2
    assert "is not the digest of an image" in done.stderr


def test_two_digests_of_one_image(folder: Path) -> None:
    built(folder, "buildah", A)
    flowc(folder, "image", "flow.py", "--record")
    path = folder / "images" / "images.json"
    path.write_text(path.read_text().replace('"image": "host:5000/team/env', f'"image": "host:5000/team/env@{B}-'))
    path.write_text(re.sub(rf"{B}-[^\"]*", B, path.read_text()))
    done = flowc(folder, "compile", "flow.py", *ROOT, *MAPPED)
    assert done.returncode == 2
    assert "names a digest, and so does `digest`" in done.stderr


@pytest.mark.process
@pytest.mark.parametrize("builder", ["docker", "buildah"])
def test_the_printed_lines_run_in_a_shell(folder: Path, builder: str) -> None:
    """With a program of the builder's name that does what it does with its options."""
    (folder / "bin").mkdir()
    program = folder / "bin" / builder
    options = "--metadata-file|--digestfile) f=$2;; -t) t=$2;;"
    read_options = f"while [ $# -gt 0 ]; do case $1 in {options} esac; shift; done"
    text = (
        f'printf \'{{"containerimage.digest": "{A}", "image.name": "%s"}}\' "$t"'
        if builder == "docker"
        else f"echo {A}"
    )
    program.write_text(f'#!/bin/sh\n{read_options}\n[ -z "$f" ] || {text} > "$f"\n')
    program.chmod(0o755)
    printed = flowc(folder, "image", "flow.py", "--no-lock", "--builder", builder).stdout
    subprocess.run(["sh", "-e"], input=f"PATH={folder}/bin:$PATH\n{printed}", cwd=folder, text=True, check=True)
    assert flowc(folder, "image", "flow.py", "--record").returncode == 0
    assert f"flowc-env@{A}" in flowc(folder, "compile", "flow.py", *ROOT, *MAPPED).stdout
