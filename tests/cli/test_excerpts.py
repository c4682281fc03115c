"""The lines that diagnostics show: those of the text that was compiled, with nothing in them that steers a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import flowc

FLOW = """\
from flowc import FlowSpec, step


class A(FlowSpec):
    @step
    def start(self):
        {before}
        self.next(self.nope)  # here {behind}

    @step
    def end(self): ...
"""


def excerpt(folder: Path, text: str, encoding: str = "utf-8") -> str:
    """What `flowc check` prints for a file whose start step names an unknown step."""
    (folder / "flow.py").write_bytes(text.encode(encoding))
    done = flowc(folder, "check", "flow.py")
    assert done.returncode == 2
    assert "error[FC201]" in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    "before", ["'''\f'''", "'''\v'''", "'''\u2028'''", "'''\x85'''", "'''\x1c'''", "pass\r", "pass\r\n        pass"]
)
def test_the_line_is_the_one_that_python_counts(tmp_path: Path, before: str) -> None:
    text = FLOW.format(before=before, behind="")
    printed = excerpt(tmp_path, text)
    line = text.replace("\r\n", "\n").replace("\r", "\n").split("\n").index("        self.next(self.nope)  # here ") + 1
    assert f"flow.py:{line}:" in printed
    assert f"{line} |         self.next(self.nope)  # here\n" in printed


def test_the_line_has_the_encoding_that_the_file_declares(tmp_path: Path) -> None:
    text = "# -*- coding: latin-1 -*-\n" + FLOW.format(before="pass", behind="größer")
    assert "self.next(self.nope)  # here größer\n" in excerpt(tmp_path, text, "latin-1")


def test_a_byte_order_mark_is_no_column(tmp_path: Path) -> None:
    text = "\ufeffimport flowc; flowc.nope; from flowc import nope\n"
    (tmp_path / "flow.py").write_text(text)
    done = flowc(tmp_path, "check", "flow.py")
    assert "\ufeff" not in done.stderr


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x1b[2J", "␛[2J"),
        ("\x08", "␈"),
        ("\x0c", "␌"),
        ("\x7f", "␡"),
        ("\x9b2J", "�2J"),
        ("\u202e", "�"),
        ("\u2066", "�"),
    ],
)
def test_control_characters_of_the_line_do_not_reach_the_terminal(tmp_path: Path, character: str, shown: str) -> None:
    printed = excerpt(tmp_path, FLOW.format(before="pass", behind=character))
    assert f"# here {shown}\n" in printed
    assert not {ord(item) for item in printed} & {
        *range(0x0A),
        *range(0x0B, 0x20),
        0x7F,
        *range(0x80, 0xA0),
        0x202E,
        0x2066,
    }


def test_control_characters_of_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW.format(before="pass", behind=""))
    done = flowc(tmp_path, "check", "flow.py", "--with", "\x1b[2Jretry")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr


def test_a_line_that_is_gone_from_the_file_is_still_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The excerpt is of the text that was compiled, so a file that is saved meanwhile does not garble it."""
    read = Path.read_bytes

    def read_and_replace(path: Path) -> bytes:
        content = read(path)
        if path.name == "flow.py":
            path.write_text("")
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_replace)
    assert "self.next(self.nope)" in excerpt(tmp_path, FLOW.format(before="pass", behind=""))


def test_sarif_counts_columns_in_characters_and_has_the_line(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW.format(before="pass", behind="\f\u2028 😀"))
    run = json.loads(flowc(tmp_path, "check", "flow.py", "--format", "sarif").stdout)["runs"][0]
    assert run["columnKind"] == "unicodeCodePoints"
    region = next(item for item in run["results"] if item["ruleId"] == "FC201")["locations"][0]["physicalLocation"][
        "region"
    ]
    assert region["startLine"] == 8
    assert region["snippet"] == {"text": "        self.next(self.nope)  # here \f\u2028 😀"}
