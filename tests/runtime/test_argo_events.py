"""`ArgoEvent` and `flowc publish`: what a webhook gets, and what becomes of errors."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowc import ArgoEvent, json_post
from flowc.argo_events import ArgoEventException
from flowc.compat.served_modules import find
from tests.runtime.noticeserver import Server, served
from tests.support import flowc


@pytest.fixture
def webhook() -> Iterator[Server]:
    with served() as found:
        yield found


def test_what_the_webhook_gets(webhook: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METAFLOW_ARGO_EVENTS_WEBHOOK_URL", webhook.url)
    event = ArgoEvent("sold", payload={"shop": "north"}, access_token="secret").add_to_payload("rows", 5)
    found = event.publish({"tree": {"a": [1]}})
    ((_, headers, document),) = webhook.posts
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer secret"
    payload = document["payload"]
    assert document["name"] == payload["name"] == "sold"
    assert (payload["shop"], payload["rows"], payload["tree"]) == ("north", "5", {"a": [1]})
    assert payload["id"] == found
    assert isinstance(payload["timestamp"], int)
    assert re.fullmatch(r"\d{8}", payload["utc_date"])
    assert payload["generated-by-metaflow"] is True


def test_headers_of_the_service(webhook: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METAFLOW_ARGO_EVENTS_WEBHOOK_AUTH", "service")
    monkeypatch.setenv("METAFLOW_SERVICE_HEADERS", '{"X-Key": "k"}')
    ArgoEvent("sold", webhook.url).publish()
    assert webhook.posts[0][1]["X-Key"] == "k"


def test_a_server_error_is_tried_again_and_a_refusal_is_not(
    webhook: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(json_post, "PAUSES", (0.01, 0.01))
    webhook.codes = [503, 502]
    assert ArgoEvent("sold", webhook.url).publish() is not None
    assert len(webhook.posts) == 3
    webhook.codes = [403]
    assert ArgoEvent("sold", webhook.url).publish() is None
    expected = "Unable to publish Argo Event (sold): the server answers 403 Forbidden: Nothing at /\n"
    assert capsys.readouterr().err.endswith(expected)
    assert len(webhook.posts) == 4


def test_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("METAFLOW_ARGO_EVENTS_WEBHOOK_URL", raising=False)
    for event, message in (
        (ArgoEvent("a"), "nowhere to go"),
        (ArgoEvent("a", "file:///etc"), "is not the URL of a webhook"),
        (ArgoEvent("a", "http://127.0.0.1:1", {"x": object()}), "is no JSON"),
    ):
        assert event.publish() is None
        with pytest.raises(ArgoEventException, match=message):
            event.publish(ignore_errors=False)


def test_a_server_of_another_protocol(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Such as the event bus itself: `publish` says so, and the task goes on."""
    monkeypatch.setattr(json_post, "PAUSES", ())
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _address = server.accept()
            with client:
                client.sendall(b"INFO {}\r\n")
                client.recv(65536)

        threading.Thread(target=answer, daemon=True).start()
        assert ArgoEvent("sold", f"http://127.0.0.1:{server.getsockname()[1]}").publish() is None
    assert "Unable to publish Argo Event (sold): no answer: INFO {}" in capsys.readouterr().err


def test_safe_publish_is_for_runs_on_argo(webhook: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for run, engine, published in (("20260101T000000-abc", "", 0), ("argo-1", "simulate", 0), ("argo-1", "", 1)):
        monkeypatch.setenv("FLOWC_RUN_ID", run)
        monkeypatch.setenv("FLOWC_ENGINE", engine)
        assert (ArgoEvent("sold", webhook.url).safe_publish() is not None) == bool(published)
        assert len(webhook.posts) == published


def test_metaflow_has_it_in_two_places() -> None:
    assert find("metaflow.integrations", "ArgoEvent") is ArgoEvent
    assert find("metaflow.plugins.argo.argo_events", "ArgoEvent") is ArgoEvent


def test_the_command(webhook: Server, tmp_path: Path) -> None:
    done = flowc(tmp_path, "publish", "sold", "--payload", "shop=north", "--payload", "a=b=c", "--url", webhook.url)
    assert done.returncode == 0, done.stderr
    payload = webhook.posts[0][2]["payload"]
    assert (payload["shop"], payload["a"], payload["id"]) == ("north", "b=c", done.stdout.strip())
    (tmp_path / "more.json").write_text('{"rows": 5}')
    objects = ("--payload", '{"days": [1, 2], "none": null}', "--payload", "@more.json")
    assert flowc(tmp_path, "publish", "sold", *objects, "--payload", "a=1", "--url", webhook.url).returncode == 0
    payload = webhook.posts[1][2]["payload"]
    assert [payload[name] for name in ("days", "none", "rows", "a")] == [[1, 2], None, 5, "1"]
    webhook.codes = [404]
    failed = flowc(tmp_path, "publish", "sold", "--url", webhook.url)
    assert failed.returncode == 3
    assert "FC610" in failed.stderr
    wrong = [("x",), ("a=1", "a=2"), ("a=1", '{"a": 1}'), ("{",), ('{"a"}',), ("@none.json",), ("@.",), ("@list.json",)]
    (tmp_path / "list.json").write_text("[1]")
    for texts in wrong:
        given = [word for text in texts for word in ("--payload", text)]
        refused = flowc(tmp_path, "publish", "sold", *given, "--url", webhook.url)
        assert (refused.returncode, "--payload" in refused.stderr) == (2, True), texts
