"""Secrets that tasks fetch themselves; the server of `tests/cluster/managers.py` answers for all four managers."""

import os
from typing import Any

from flowc import FlowSpec, catch, environment, secrets, step

HOST = "managers.invalid:8000"
PLACES = {
    "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://{HOST}",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://{HOST}",
    "METAFLOW_AZURE_KEY_VAULT_PREFIX": f"http://{HOST}/azure",
    "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": f"http://{HOST}",
    "GCE_METADATA_HOST": HOST,
    "VAULT_ADDR": f"http://{HOST}",
}
SOURCES: list[dict[str, Any]] = [
    {"type": "aws-secrets-manager", "id": "team/db"},
    {"type": "az-key-vault", "id": "api-key", "options": {"env_var_name": "FROM_AZURE"}},
    {"type": "gcp-secret-manager", "id": "projects/p/secrets/token", "options": {"env_var_name": "FROM_GCP"}},
    {"type": "vault", "id": "secret/data/db", "role": "flows"},
]


class FetchedFlow(FlowSpec):
    @environment(vars=PLACES)
    @secrets(sources=SOURCES)
    @step
    def start(self) -> None:
        self.found = {name: os.environ[name] for name in ("user", "FROM_AZURE", "FROM_GCP", "from_vault")}
        self.next(self.without)

    @catch(var="failure")
    @environment(vars=PLACES)
    @secrets(sources=["aws-secrets-manager.nothing"])
    @step
    def without(self) -> None:
        self.next(self.end)

    @step
    def end(self) -> None:
        self.left = "user" in os.environ


if __name__ == "__main__":
    FetchedFlow()
