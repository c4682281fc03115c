"""What may stand in files of packages and in Dockerfiles, and above all what may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowc_targets.package.images import image_environments
from flowc_targets.package.images.image_environments import GrammarError

PYPI = [
    ("pandas", "", "pandas"),
    ("pandas", "2.2.3", "pandas==2.2.3"),
    ("pandas", "2.*", "pandas==2.*"),
    ("torch", "2.4.0+cu121", "torch==2.4.0+cu121"),
    ("pandas", ">=2,<3", "pandas>=2,<3"),
    ("pandas", "~=2.1", "pandas~=2.1"),
    ("pandas", "==2.1", "pandas==2.1"),
    ("pandas[sql,aws]", ">= 2, != 2.1", "pandas[sql,aws]>= 2, != 2.1"),
    ("tool", "@git+https://host.example/a/tool.git@v1", "tool @git+https://host.example/a/tool.git@v1"),
    ("tool", "@ https://host.example/tool-1-py3-none-any.whl", "tool @ https://host.example/tool-1-py3-none-any.whl"),
    ("git+https://host.example/a/tool.git", "@1f2e3d", "git+https://host.example/a/tool.git@1f2e3d"),
    ("git+ssh://git@host.example/a/tool.git", "", "git+ssh://git@host.example/a/tool.git"),
]
CONDA = [
    ("numpy", "", "numpy", None),
    ("numpy", "1.26.4", "numpy==1.26.4", None),
    ("numpy", ">=1.26,<2", "numpy>=1.26,<2", None),
    ("numpy", "=1.26", "numpy=1.26", None),
    ("numpy", "==1.26", "numpy==1.26", None),
    ("pytorch::pytorch", "2.4", "pytorch::pytorch==2.4", "pytorch"),
    ("_libgcc_mutex", "0.1=main", "_libgcc_mutex==0.1=main", None),
]
HOSTILE = [
    "--index-url https://evil.example", "-e .", "-r /etc/passwd", "a\nRUN evil", "a\r--index-url", "a $(evil)",
    "$(evil)", "${HOME}", "`evil`", "a'b", 'a"b', "a\\", "a b", "a #", "a\tb", "a&&b", "file:///etc/passwd", "a\0",
    "a\u2028b", "é", "{{a}}", "a(b)", "a ;", "a; b; c", "a ; $(b)", 'a; b == "$(c)" \\',
]  # fmt: skip
"""What is outside of every grammar."""
NO_NAMES = ["", "--index-url", "a,b", "a|b", "../a", "a;b"]
"""What is no name of anything."""


@pytest.mark.parametrize(("name", "version", "line"), PYPI)
def test_pypi(name: str, version: str, line: str) -> None:
    assert image_environments.pypi_requirement(name, version) == line
    assert image_environments.pypi_line(line) == line


@pytest.mark.parametrize(("name", "version", "entry", "channel"), CONDA)
def test_conda(name: str, version: str, entry: str, channel: str | None) -> None:
    assert image_environments.conda_requirement(name, version) == (entry, channel)


@pytest.mark.parametrize(
    "line", ["six", "six>=1; python_version < '3.13'", 'a==1 ; sys_platform == "linux" and extra == "b"', "a[b]"]
)
def test_lines(line: str) -> None:
    assert image_environments.pypi_line(line) == line


NAMES: dict[str, Callable[[str], object]] = {
    "pypi": lambda text: image_environments.pypi_requirement(text, ""),
    "conda": lambda text: image_environments.conda_requirement(text, ""),
    "python": image_environments.python_version,
    "debian": image_environments.debian_package,
    "image": image_environments.image_reference,
    "repository": image_environments.image_repository,
}


@pytest.mark.parametrize("text", [*HOSTILE, *NO_NAMES])
@pytest.mark.parametrize("kind", NAMES)
def test_hostile_names(kind: str, text: str) -> None:
    with pytest.raises(GrammarError) as caught:
        NAMES[kind](text)
    assert caught.value.help


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("check", [image_environments.pypi_line, image_environments.program])
def test_hostile_lines_and_programs(check: Callable[[str], str], text: str) -> None:
    with pytest.raises(GrammarError):
        check(text)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("check", [image_environments.pypi_requirement, image_environments.conda_requirement])
def test_hostile_versions(check: Callable[[str, str], object], text: str) -> None:
    for version in (text, f"1.0{text}", f">=1{text}", f"@ https://host.example/a {text}"):
        with pytest.raises(GrammarError):
            check("pandas", version)


@given(st.text(), st.text())
def test_what_passes_is_one_word_of_one_line(name: str, version: str) -> None:
    for check in (image_environments.pypi_requirement, image_environments.conda_requirement):
        try:
            made = check(name, version)
        except GrammarError:
            continue
        line = made if isinstance(made, str) else made[0]
        assert line.isprintable()
        assert line.isascii()
        assert not line.startswith("-")
        assert not set(line) & set("$`\\'\";&(){}\n")


@pytest.mark.parametrize("version", ["3.9", "3.12.1", "==3.12"])
def test_python(version: str) -> None:
    assert version.endswith(image_environments.python_version(version))


@pytest.mark.parametrize("version", ["3.8", "2.7", "3", "3.13t", ">=3.9", "3.12; evil"])
def test_python_that_a_task_cannot_run_on(version: str) -> None:
    with pytest.raises(GrammarError):
        image_environments.python_version(version)


@pytest.mark.parametrize(
    "image", ["python:3.11-slim", "localhost:5000/a/b_c:1", "host.example/a@sha256:" + "0" * 64, "a/b-c.d", "Host.io/a"]
)
def test_images(image: str) -> None:
    assert image_environments.image_reference(image) == image
