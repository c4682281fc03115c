"""What `@notify` sends, to real servers for HTTP and SMTP on this machine."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from flowc import json_post
from flowc.protocol import env_names
from flowc.shim import notifications
from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from flowc_targets.package.run_plan import build_plan
from tests.runtime.noticeserver import MailServer, Server, served
from tests.support import compiled

FLOW = """
from flowc import FlowSpec, deadline, notify, step

{decorators}
class Told(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.fixture
def server() -> Generator[Server]:
    with served() as found:
        yield found


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunLayout:
    """A run whose end has failed at its one attempt, in the environment of an exit hook."""
    monkeypatch.setattr(json_post, "PAUSES", (0.01, 0.01))
    root = tmp_path / "store"
    for name, value in {env_names.ROOT: str(root), env_names.RUN_ID: "argo-1", "SLACK": "", "KEY": "k-1"}.items():
        monkeypatch.setenv(name, value)
    layout = RunLayout(open_store(str(root)), "Told", "argo-1")
    record = {"version": 1, "started": 100.0, "host": "pod", "last": True}
    failure = {"version": 1, "type": "ValueError", "message": "<no> & 1", "traceback": "", "created": 110.0}
    for name, document in (("attempt", record), ("error", failure)):
        layout.write_json(f"{layout.folder('end', (), 0)}/{name}.json", document)
    return layout


def plan_of(folder: Path, decorators: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile a flow with these decorators, and let its plan be that of this process."""
    plan = folder / "plan.json"
    plan.write_text(json.dumps(build_plan(compiled(folder, FLOW.format(decorators=decorators)).flow)))
    monkeypatch.setenv(env_names.PLAN, str(plan))


def test_each_channel_says_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: RunLayout, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    plan_of(
        tmp_path,
        f"@notify(slack='SLACK', webhook='{server.url}/any', pagerduty='KEY', incident_io='KEY', alert_source='S-1')\n"
        "@notify(on='success', webhook='http://127.0.0.1:1/never')",
        monkeypatch,
    )
    secret = f"{server.url}/T0/secret"
    for name, value in {
        "SLACK": secret, "FLOWC_PAGERDUTY_URL": f"{server.url}/pd", "FLOWC_INCIDENT_IO_URL": f"{server.url}/io",
        env_names.RUN_URL: "https://argo.example/run",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    notifications.failure()
    posts = {path: (headers, body) for path, headers, body in server.posts}
    text = (
        "Told has failed\nRun: argo-1\nStep: end\nException: ValueError: <no> & 1\nLink: https://argo.example/run\n"
        f"Details: flowc show Told/argo-1 --root {run.store.url}"
    )
    slack = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert posts["/T0/secret"][1] == {"text": slack}
    document = posts["/any"][1]
    assert document["text"] == text
    assert {"event": "error", "step": "end", "exception": "ValueError: <no> & 1"}.items() <= document.items()
    alert = posts["/pd/v2/enqueue"][1]
    assert (alert["routing_key"], alert["event_action"], alert["dedup_key"]) == ("k-1", "trigger", "Told/argo-1")
    assert alert["payload"]["custom_details"]["exception"] == "ValueError: <no> & 1"
    headers, body = posts["/io/v2/alert_events/http/S-1"]
    assert headers["Authorization"] == "Bearer k-1"
    assert body["source_url"] == "https://argo.example/run"
    printed = capsys.readouterr()
    assert printed.out.count("flowc: notified") == 4
    assert secret not in printed.out + printed.err


@pytest.mark.parametrize(
    ("codes", "tries", "said"),
    [
        ([503, 429], 3, "notified webhook"),
        ([500, 500, 500], 3, "the notification to webhook is not sent: the server answers 500"),
        ([404], 1, "the notification to webhook is not sent: the server answers 404"),
    ],
)
def test_what_may_pass_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: RunLayout, server: Server,
    capsys: pytest.CaptureFixture[str], codes: list[int], tries: int, said: str,
) -> None:  # fmt: skip
    plan_of(tmp_path, "@notify(on=['success'], webhook='HOOK')", monkeypatch)
    monkeypatch.setenv("HOOK", f"{server.url}/hidden")
    server.codes = codes
    notifications.success()
    assert len(server.posts) == tries
    printed = capsys.readouterr()
    assert said in printed.out + printed.err
    assert "hidden" not in printed.out + printed.err  # which the server's answers have, too


def test_what_cannot_be_sent_is_said_without_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: RunLayout, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    plan_of(tmp_path, "@notify(slack='SLACK', webhook='HOOK', pagerduty='a/b', email='a@b.c')", monkeypatch)
    monkeypatch.setenv("SLACK", "file:///etc/passwd")
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:{port}/hidden")
    notifications.failure()
    said = capsys.readouterr().err
    for part in (
        "slack is not sent: its URL does not begin with http:// or https://", "webhook is not sent: no answer",
        "pagerduty is not sent: the environment has no A_B", "email is not sent: the environment has no FLOWC_SMTP_URL",
    ):  # fmt: skip
        assert part in said
    assert "hidden" not in said
    assert "passwd" not in said


@pytest.mark.parametrize(("seconds", "events"), [("59.9", ["error"]), ("60.2", ["late"]), ("", ["error"])])
def test_a_run_is_late_when_its_deadline_has_ended_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: RunLayout, server: Server, seconds: str, events: list[str]
) -> None:
    plan_of(
        tmp_path,
        f"@deadline(minutes=1)\n@notify(on=['late', 'error'], webhook='{server.url}/both')\n"
        f"@notify(on='late', webhook='{server.url}/late')",
        monkeypatch,
    )
    monkeypatch.setenv(env_names.RUN_SECONDS, seconds)
    notifications.failure()
    assert [body["event"] for path, _, body in server.posts if path == "/both"] == events
    assert len([path for path, _, _ in server.posts if path == "/late"]) == (events == ["late"])


def test_a_mail_is_sent_by_smtp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: RunLayout) -> None:
    plan_of(tmp_path, "@notify(email=['a@example.com', 'b@example.com'], smtp='mail/url')", monkeypatch)
    with MailServer() as mail:
        threading.Thread(target=mail.serve_forever, args=(0.02,), daemon=True).start()
        port = mail.server_address[1]
        monkeypatch.setenv("MAIL_URL", f"smtp://127.0.0.1:{port}?from=flows@example.com")
        notifications.failure()
        mail.shutdown()
    [(recipients, content)] = mail.mails
    found = message_from_bytes(content, policy=default)
    assert recipients == ["a@example.com", "b@example.com"]
    assert (found["Subject"], found["From"]) == ("Told has failed", "flows@example.com")
    assert "Exception: ValueError: <no> & 1" in found.get_content()


def test_a_password_is_not_sent_without_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: RunLayout, capsys: pytest.CaptureFixture[str]
) -> None:
    plan_of(tmp_path, "@notify(email='a@example.com')", monkeypatch)
    with MailServer() as mail:
        threading.Thread(target=mail.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv(env_names.SMTP_URL, f"smtp://user:hidden@127.0.0.1:{mail.server_address[1]}")
        notifications.failure()
        mail.shutdown()
    said = capsys.readouterr().err
    assert "offers no TLS" in said
    assert "hidden" not in said
    assert not mail.mails
