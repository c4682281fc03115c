"""Files as an editor or standard input holds them, and the record of what compiling saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_cli.checking import Checked, CheckOptions, check_file
from flowc_compiler.filesystem import SEEN, Seen, held_in_memory, look
from tests.support import write_files

FLOW = """\
from base import Base
from flowc import step


class Small(Base):
    @step
    def end(self):
        pass
"""
BASE = """\
from flowc import FlowSpec, step


class Base(FlowSpec):
    @step
    def start(self):
        self.next(self.{target})
"""


def check_text(text: str | bytes, path: Path, options: CheckOptions) -> Checked:
    with held_in_memory({path: text}):
        return check_file(path, options)


def codes(file: Path) -> list[str]:
    return [item.code for item in check_file(file, CheckOptions()).sink.diagnostics]


def test_a_text_is_checked_in_the_place_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    write_files(tmp_path, {"base.py": BASE.format(target="end")})
    checked = check_text(FLOW, tmp_path / "flow.py", CheckOptions())
    assert not checked.sink.diagnostics
    assert [item.flow.name for item in checked.compilations] == ["Small"]
    assert codes(tmp_path / "flow.py") == ["FC104"]


def test_a_text_counts_more_than_the_file(tmp_path: Path) -> None:
    write_files(tmp_path, {"base.py": BASE.format(target="end"), "flow.py": FLOW})
    wrong = check_text(FLOW.replace("def end(self)", "def end(self, inputs)"), tmp_path / "flow.py", CheckOptions())
    assert [item.code for item in wrong.sink.diagnostics] == ["FC208"]
    assert codes(tmp_path / "flow.py") == []


def test_texts_of_several_files_are_held_at_once(tmp_path: Path) -> None:
    texts: dict[Path, str | bytes] = {
        tmp_path / "flow.py": FLOW,
        tmp_path / "base.py": BASE.format(target="ende"),
    }
    with held_in_memory(texts):
        (found,) = check_file(tmp_path / "flow.py", CheckOptions()).sink.diagnostics
    assert found.code == "FC201"
    assert found.span is not None
    assert found.span.file == (tmp_path / "base.py").as_posix()


def test_bytes_are_decoded_as_a_file_is_and_text_is_not(tmp_path: Path) -> None:
    text = "# coding: latin-1\nfrom flowc import FlowSpec, step\nclass Süß(FlowSpec):\n"
    text += "    @step\n    def start(self): pass\n"
    for given in (text, text.encode("latin-1")):
        (compilation,) = check_text(given, tmp_path / "flow.py", CheckOptions()).compilations
        assert compilation.flow.name == "Süß"


@pytest.mark.parametrize("change", ["content", "new module", "new folder", "link"])
def test_what_was_seen_changes_with_what_a_check_depends_on(tmp_path: Path, change: str) -> None:
    write_files(
        tmp_path, {"base.py": BASE.format(target="end"), "other.py": BASE.format(target="end"), "flow.py": FLOW}
    )
    seen: Seen = {}
    token = SEEN.set(seen)
    check_file(tmp_path / "flow.py", CheckOptions())
    SEEN.reset(token)
    assert all(look(aspect, path) == value for (aspect, path), value in seen.items())
    match change:
        case "content":
            (tmp_path / "base.py").write_text(BASE.format(target="ende"))
        case "new module":
            (tmp_path / "flowc.py").touch()
        case "new folder":
            (tmp_path / "base").mkdir()
            (tmp_path / "base" / "__init__.py").touch()
        case _:
            (tmp_path / "flow.py").rename(tmp_path / "moved.py")
            (tmp_path / "flow.py").symlink_to("moved.py")
    assert any(look(aspect, path) != value for (aspect, path), value in seen.items())
