"""`Client().get_secret` in a task: the secrets of its step, by their keys."""

from __future__ import annotations

import types
from typing import Any

import pytest

from flowc.compat.zenml_client import Client
from flowc.current import running
from flowc.errors import FlowError


@pytest.fixture(autouse=True)
def _task(monkeypatch: pytest.MonkeyPatch) -> None:
    sources: list[dict[str, Any]] = [
        {"type": "kubernetes", "id": "db", "options": {}},
        {"type": "inline", "id": "x", "options": {}},
    ]
    step: Any = types.SimpleNamespace(secrets={"sources": sources, "allow_override": False})
    monkeypatch.setattr(running, "state", types.SimpleNamespace(step=step))
    monkeypatch.setenv("PW", "hidden")


def test_values_are_variables_of_the_task() -> None:
    secret = Client().get_secret("db")
    assert secret.name == "db"
    assert secret.secret_values["PW"] == "hidden"
    assert secret.secret_values.get("OTHER_KEY", "none") == "none"
    assert "PW" in secret.secret_values
    assert bool(secret.secret_values)
    with pytest.raises(KeyError, match="no variable 'OTHER_KEY'"):
        secret.secret_values["OTHER_KEY"]
    assert "hidden" not in repr(secret) + repr(secret.secret_values)


def test_which_keys_there_are_is_not_known() -> None:
    for use in (list, len, dict):
        with pytest.raises(FlowError, match="read them by their names"):
            use(Client().get_secret("db").secret_values)


@pytest.mark.parametrize("name", ["other", "x"])
def test_other_secrets_are_missing(name: str) -> None:
    with pytest.raises(KeyError, match="no secret"):
        Client().get_secret(name)


def test_no_secret_is_found_outside_of_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "state", None)
    with pytest.raises(KeyError):
        Client().get_secret("db")
