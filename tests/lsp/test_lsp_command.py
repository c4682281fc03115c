"""`flowc lsp` as a process: without pygls, which is not a requirement, and with messages that no editor sends."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.editor import SERVER
from tests.support import flowc


def test_without_pygls_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(name: str) -> None:
        del name

    monkeypatch.setattr("flowc_cli.commands.lsp.find_spec", find_nothing)
    result = flowc(tmp_path, "lsp")
    assert result.returncode == 2
    assert "pip install 'flowc[lsp]'" in result.stderr


WRONG: dict[str, tuple[str, Any]] = {
    "unknown_name": ("textDocument/hover", {"x": 1}),
    "list": ("textDocument/completion", []),
    "null": ("textDocument/definition", None),
    "text": ("textDocument/documentSymbol", "x"),
    "wrong_type": ("textDocument/codeAction", {"textDocument": 3, "range": [], "context": {}}),
    "half": ("textDocument/references", {"textDocument": {"uri": "file:///a.py"}}),
    "position": ("textDocument/hover", {"textDocument": {"uri": "file:///a.py"}, "position": {"line": "one"}}),
}


@pytest.mark.process
def test_a_wrong_request_is_answered_and_shown_in_no_window(tmp_path: Path) -> None:
    requests = [(number, *item) for number, item in enumerate(WRONG.values(), 1)]
    known: dict[str, Any] = {"textDocument": {"uri": "file:///a.py"}, "position": {"line": 0, "character": 0}}
    sent = [
        message(id=0, method="initialize", params={"processId": None, "rootUri": None, "capabilities": {}}),
        *(message(id=number, method=method, params=params) for number, method, params in requests),
        message(id="no such", method="textDocument/unheardOf", params={}),
        message(method="textDocument/didOpen", params={"x": 1}),
        b"Content-Length: 3\r\n\r\n{]}",
        message(id="right", method="textDocument/hover", params=known),
        message(id="last", method="shutdown", params=None),
        message(method="exit", params=None),
    ]
    done = subprocess.run(SERVER, cwd=tmp_path, input=b"".join(sent), capture_output=True, timeout=120, check=False)
    found = list(messages(done.stdout))
    answers = {item["id"]: item for item in found if "id" in item}
    assert done.returncode == 0, done.stderr.decode()
    for number, method, _ in requests:
        assert answers[number]["error"]["code"] == -32602, (method, answers.get(number))
        assert method in answers[number]["error"]["message"]
    assert answers["no such"]["error"]["code"] == -32601
    assert answers["right"]["result"] is None
    assert "last" in answers
    assert "window/showMessage" not in {item.get("method") for item in found}


def message(**content: object) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **content}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def messages(output: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while output:
        head, _, rest = output.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n"))
        length = int(fields[b"Content-Length"])
        found.append(json.loads(rest[:length]))
        output = rest[length:]
    return found
