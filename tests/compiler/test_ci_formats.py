"""Reports for other tools fit what these say of their formats, whatever a message has in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from flowc_compiler.diagnostics import CODES, Diagnostic
from flowc_compiler.diagnostics.ci_formats import render_concise, render_gitlab, render_junit
from flowc_compiler.diagnostics.render import render_json, render_sarif
from flowc_compiler.source import Span

EVERYTHING = "".join(map(chr, [*range(0x250), *range(0x2020, 0x2070), 0xD800, 0xDFFF, 0xFEFF, 0xFFFE, 0xFFFF, 0x1F600]))
HOSTILE = [
    "plain",
    EVERYTHING,
    "]]></failure></testcase>",
    '"><script>alert(1)</script>',
    "&amp;&#0;&#x1b;%0A",
    "\x1b[31mred\x1b[0m\x07\x00",
    "line\r\nanother\u2028one\x85more",
    "\ud83d",
    "",
]


def diagnostic(text: str, severity: str = "error", line: int = 3, file: str = "flows/a.py") -> Diagnostic:
    span = Span(file, line, 5, line, 9)
    return Diagnostic("FC202", "error" if severity == "error" else "warning", text, span, help=text)


JUNIT: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "timestamp", "hostname", "id", "package", "file", "log", "url", "group", "skipped"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "testcase": ({"name"}, {"time", "classname", "group"}, {"skipped", "error", "failure", "system-out", "system-err"}),
    "failure": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}
"""Required attributes, further ones, and elements within, by the schema of Jenkins' xUnit plugin, junit-10.xsd."""


@pytest.mark.parametrize("text", HOSTILE)
def test_junit(text: str) -> None:
    by_file = {"flows/a.py": [diagnostic(text), diagnostic(text, "warning")], f"{text}.py": [], "c.py": [no_span(text)]}
    report = render_junit(by_file)
    report.encode()
    root = ET.fromstring(report.encode())
    for element in root.iter():
        required, allowed, within = JUNIT[element.tag]
        assert required <= element.attrib.keys() <= required | allowed, element.tag
        assert {item.tag for item in element} <= within
    suites = [suite.attrib for suite in root]
    assert [(suite["tests"], suite["failures"]) for suite in suites] == [("2", "1"), ("1", "0"), ("1", "1")]
    assert (root.attrib["tests"], root.attrib["failures"]) == ("4", "2")
    assert sum(1 for _ in root.iter("testcase")) == 4
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", report)


def no_span(text: str) -> Diagnostic:
    return Diagnostic("FC104", "error", text, None)


@pytest.mark.parametrize("text", HOSTILE)
def test_gitlab(text: str, tmp_path: Path) -> None:
    """What https://docs.gitlab.com/ci/testing/code_quality/ requires of each entry."""
    absolute = (tmp_path / "flows/b.py").as_posix()
    by_file = {
        "flows/a.py": [diagnostic(text), diagnostic(text, line=9), diagnostic(text, "warning")],
        "flows/b.py": [no_span(text), diagnostic(text, file=absolute)],
    }
    report = render_gitlab(by_file, Path.cwd())
    report.encode()
    assert "\x1b" not in report
    entries = json.loads(report)
    assert len(entries) == 5
    for entry in entries:
        assert {"description", "check_name", "fingerprint", "severity", "location"} <= entry.keys()
        assert entry["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert entry["check_name"] in CODES
        assert isinstance(entry["description"], str)
        assert re.fullmatch(r"[0-9a-f]{40}", entry["fingerprint"])
        assert isinstance(entry["location"]["lines"]["begin"], int)
        assert not Path(entry["location"]["path"]).is_absolute()
        assert not entry["location"]["path"].startswith("./")
    assert len({entry["fingerprint"] for entry in entries}) == 5
    relative = render_gitlab({"": [diagnostic(text, file=absolute)]}, tmp_path)
    assert json.loads(relative)[0]["location"]["path"] == "flows/b.py"


def test_a_fingerprint_does_not_change_with_the_line() -> None:
    def fingerprint(line: int) -> str:
        return str(json.loads(render_gitlab({"a.py": [diagnostic("wrong", line=line)]}, Path.cwd()))[0]["fingerprint"])

    assert fingerprint(3) == fingerprint(300)


@pytest.mark.parametrize("text", HOSTILE)
def test_concise(text: str) -> None:
    report = render_concise({"flows/a.py": [diagnostic(text), no_span(text)], "flowc": [no_span(text)]})
    report.encode()
    assert report.splitlines()[1].startswith("flows/a.py:1:1: error[FC104]: ")
    assert report.splitlines()[2].startswith("error[FC104]: ")
    assert report.count("\n") == len(report.splitlines()) == 3
    assert report.startswith("flows/a.py:3:5: error[FC202]: ")


URIS = {
    "flows/a.py": "flows/a.py",
    "proj/a b.py": "proj/a%20b.py",
    "proj/#hash%20.py": "proj/%23hash%2520.py",
    "proj/[x]?.py": "proj/%5Bx%5D%3F.py",
    "new\nline.py": "new%0Aline.py",
    "ünï.py": "%C3%BCn%C3%AF.py",
    "lat\udce9.py": "lat%E9.py",
    "a:b.py": "a%3Ab.py",
    "back\\slash.py": "back%5Cslash.py",
    "../up.py": "../up.py",
    "/abs/a b.py": "file:///abs/a%20b.py",
    "/abs/lat\udce9.py": "file:///abs/lat%E9.py",
}
"""References of RFC 3986, relative ones to the folder of the run."""


@pytest.mark.parametrize(("path", "uri"), URIS.items())
def test_sarif_names_files_by_their_uris(path: str, uri: str) -> None:
    report = render_sarif([diagnostic(f"wrong in {path}", file=path)], {}, "1")
    report.encode()
    (result,) = json.loads(report)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}
    assert not re.search("[\ud800-\udfff]", result["message"]["text"])


@pytest.mark.parametrize("text", HOSTILE)
def test_json_has_no_half_characters(text: str) -> None:
    """Readers of JSON other than Python's refuse them, be they escaped or not."""
    found = [diagnostic(text), no_span(text)]
    for report in (render_json(found), render_sarif(found, {}, "1"), render_gitlab({"a\udce9.py": found}, Path.cwd())):
        json.loads(report, object_pairs_hook=lambda pairs: [str(item).encode() for pair in pairs for item in pair])


def test_nothing_found() -> None:
    assert json.loads(render_gitlab({"a.py": []}, Path.cwd())) == []
    assert ET.fromstring(render_junit({})).attrib["tests"] == "0"
    assert render_concise({"a.py": []}) == ""
