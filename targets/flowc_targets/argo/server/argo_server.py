"""Argo Server: where it is, how to talk to it, and calls by the methods of the library `argo-workflows`.

The variables of the `argo` command are read as it reads them (its cmd/argo/commands/client/conn.go): ARGO_SERVER,
ARGO_SECURE, ARGO_INSECURE_SKIP_VERIFY, ARGO_BASE_HREF, ARGO_TOKEN and ARGO_NAMESPACE. No command has an option for the
token, as everyone on a machine sees its command lines.

Answers are plain JSON (`_preload_content=False`), and each kind of failure has its message. The library's models follow
release 3.7: turning an answer of another release into them fails on fields that they do not know, and its methods for
streams always fail.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from flowc_targets.base.engine import EngineError
from flowc_targets.base.json_parts import as_maps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.base.engine import Address

Json = dict[str, Any]
"""An object of an answer."""

CONNECT_SECONDS = 10.0
"""How long to wait for a connection."""
READ_SECONDS = 60.0
"""How long to wait for an answer, and for the next line of a stream."""
LONGEST_MESSAGE = 2000
"""How much of a server's message is shown: it may repeat the whole manifest."""
DEFAULT_NAMESPACE = "default"
"""The namespace where nothing names one, as for kubectl."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one Argo Server."""

    url: str
    """The server's address with its scheme and its base path, without a slash at the end."""
    namespace: str
    token: str = field(default="", repr=False)
    """The value of the header Authorization; empty for a server without login."""
    verify: bool = True
    """Whether the server's certificate must be good."""


def read_access(address: Address, environment: Mapping[str, str]) -> Access:
    """The access that the command line and the environment describe. Raises EngineError FC502 for no server, FC505."""
    server = address.server or environment.get("ARGO_SERVER", "")
    if not server:
        raise EngineError(
            "FC502",
            "the address of Argo Server is not set",
            "set ARGO_SERVER=host:port, or give --server; `kubectl port-forward svc/argo-server 2746` opens one",
        )
    secure = environment.get("ARGO_SECURE") != "false"
    return Access(
        url=_url(server, environment.get("ARGO_BASE_HREF", ""), secure=secure),
        namespace=address.namespace or environment.get("ARGO_NAMESPACE") or _namespace_of_kubectl(environment),
        token=environment.get("ARGO_TOKEN", "").strip(),
        verify=environment.get("ARGO_INSECURE_SKIP_VERIFY") != "true",
    )


def _url(server: str, base: str, *, secure: bool) -> str:
    """`host:port` with the scheme that ARGO_SECURE says, unless it is written out; then the base path."""
    full = server if "://" in server else f"{'https' if secure else 'http'}://{server}"
    parts = urlsplit(full)
    try:
        bad = parts.scheme not in {"http", "https"} or not parts.hostname or bool(parts.query) or parts.port == 0
    except ValueError:
        bad = True
    if bad or parts.username is not None:
        message = f"{server!r} is not the address of a server"
        raise EngineError("FC505", message, "write host:port, or http://host:port for one without TLS")
    path = "/".join(part for part in (parts.path.strip("/"), base.strip("/")) if part)
    return f"{parts.scheme}://{parts.netloc}" + (f"/{path}" if path else "")


def _namespace_of_kubectl(environment: Mapping[str, str]) -> str:
    """The namespace of kubectl's current context, which the `argo` command takes where ARGO_NAMESPACE is not set."""
    named = environment.get("KUBECONFIG", "")
    paths = [Path(part) for part in named.split(os.pathsep) if part] or [Path.home() / ".kube" / "config"]
    contexts: dict[str, str] = {}
    current = ""
    for path in paths:
        found = _read_config(path)
        current = current or str(found.get("current-context") or "")
        for entry in as_maps(found.get("contexts")):
            context = entry.get("context")
            if isinstance(context, dict):
                namespace = cast("dict[str, Any]", context).get("namespace")
                contexts.setdefault(str(entry.get("name")), str(namespace or ""))
    return contexts.get(current) or DEFAULT_NAMESPACE


def _read_config(path: Path) -> dict[str, Any]:
    import yaml

    try:
        found: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


class StreamBrokenError(Exception):
    """A stream has broken off."""


class ArgoServer:
    """One server's API. Raises EngineError FC610 where the library is not installed."""

    def __init__(self, access: Access) -> None:
        self.access = access
        try:
            client = import_module("argo_workflows.api_client")
            settings = import_module("argo_workflows.configuration")
        except ImportError as error:
            if (error.name or "").split(".")[0] != "argo_workflows":
                raise
            message = "the library argo-workflows, which talks to Argo Server, is not installed"
            raise EngineError.unusable(message, "pip install 'flowc[argo]'") from None
        configuration: Any = settings.Configuration(host=access.url)
        configuration.verify_ssl = access.verify
        configuration.retries = False
        self._client: Any = client.ApiClient(configuration)
        if access.token:
            self._client.set_default_header("Authorization", access.token)
        self._services: dict[str, Any] = {}

    def call(self, service: str, method: str, *arguments: object, **options: object) -> Json:
        """The answer of one method, such as `workflow` and `get_workflow`. A dict among its arguments is its body.

        Raises EngineError.
        """
        response = self._send(service, method, *arguments, **options)
        try:
            found: object = json.loads(response.data or b"{}")
        except self._network_errors() as error:
            raise self._unreachable(error) from None
        except ValueError:
            raise self._no_argo(bytes(response.data).decode("utf-8", "replace")) from None
        return cast("Json", found) if isinstance(found, dict) else {}

    def stream(self, service: str, method: str, *arguments: object, **options: object) -> Iterator[Json]:
        """The results of a method that answers line by line. Raises EngineError and StreamBrokenError."""
        response = self._send(service, method, *arguments, **options)
        try:
            yield from _results(response)
        except self._network_errors() as error:
            raise StreamBrokenError(str(error)) from None
        finally:
            response.close()

    def _send(self, service: str, method: str, *arguments: object, **options: object) -> Any:
        exceptions = import_module("argo_workflows.exceptions")
        options |= {"_preload_content": False, "_request_timeout": (CONNECT_SECONDS, READ_SECONDS)}
        try:
            api = self._service(service)
            given = [_body(api, method, cast("Json", item)) if isinstance(item, dict) else item for item in arguments]
            return getattr(api, method)(*given, **options)
        except self._network_errors() as error:
            raise self._unreachable(error) from None
        except exceptions.ApiException as error:
            raise self._refusal(error) from None
        except (AttributeError, UnicodeDecodeError) as error:
            # The library decodes the body of every answer that is no success: also of one that never came.
            if not isinstance(error.__context__, exceptions.ApiException):
                raise
            raise self._refusal(error.__context__) from None

    def _service(self, name: str) -> Any:
        """`workflow` is WorkflowServiceApi, `cron_workflow` CronWorkflowServiceApi."""
        if name not in self._services:
            module = import_module(f"argo_workflows.api.{name}_service_api")
            words = "".join(word.capitalize() for word in name.split("_"))
            self._services[name] = getattr(module, f"{words}ServiceApi")(self._client)
        return self._services[name]

    def _network_errors(self) -> tuple[type[Exception], ...]:
        errors = import_module("urllib3.exceptions")
        return (errors.HTTPError, OSError)

    def _unreachable(self, error: Exception) -> EngineError:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        message = f"Argo Server at {self.access.url} does not answer: {text}"
        return EngineError.unusable(message, self._way_in(text))

    def _way_in(self, text: str) -> str:
        secure = self.access.url.startswith("https:")
        if secure and ("WRONG_VERSION_NUMBER" in text.upper() or "RECORD_LAYER" in text.upper()):
            return "it speaks plain http: set ARGO_SECURE=false"
        if "CERTIFICATE_VERIFY_FAILED" in text.upper():
            return "name its CA's file in SSL_CERT_FILE, or set ARGO_INSECURE_SKIP_VERIFY=true for one that you trust"
        if not secure and ("aborted" in text or "reset" in text):
            return "it may speak https: unset ARGO_SECURE"
        return "check that ARGO_SERVER (or --server) is its host:port, and that it can be reached from here"

    def _refusal(self, error: Any) -> EngineError:
        """The meaning of a status other than success."""
        text, known = self._message(error)
        if error.status == 0:  # the library's way to say that TLS has failed
            return self._unreachable(ConnectionError(str(error.reason).replace("\n", ": ")))
        if error.status == 400 and "HTTP request to an HTTPS server" in text:
            message = f"Argo Server at {self.access.url} does not answer: {text}"
            return EngineError.unusable(message, "it speaks https: unset ARGO_SECURE")
        match error.status:
            case 401:
                help_ = "set ARGO_TOKEN to what `argo auth token` prints: `Bearer ...`"
                return EngineError.unusable(f"Argo Server does not know who asks: {text}", help_)
            case 403:
                help_ = f"give the account of ARGO_TOKEN that right in namespace {self.access.namespace}"
                return EngineError.unusable(f"Argo Server does not allow it: {text}", help_)
            case 404 if not known:
                return self._no_argo(text)
            case 404:
                return EngineError.unknown(text, "see that it is there, and in this namespace")
            case status if status >= 500 and not _about_the_request(text):
                message = f"Argo Server at {self.access.url} fails: {status} {text}"
                return EngineError.unusable(message, "look into its log")
            case _:
                return EngineError.refused(f"Argo Server refuses it: {text}", "correct what it names, and try again")

    def _message(self, error: Any) -> tuple[str, bool]:
        """The server's own words, and whether it is Argo's: its gateway puts them into JSON."""
        raw: Any = error.body or b""
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
        try:
            found: object = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict):
            said = cast("Json", found)
            text = str(said.get("message") or said.get("error") or text)
        text = text.strip() or str(error.reason or error.status)
        return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}...", isinstance(found, dict)

    def _no_argo(self, body: str) -> EngineError:
        start = body[:60].split("\n", maxsplit=1)[0]
        message = f"the server at {self.access.url} is not Argo Server: it answers {start!r}"
        return EngineError.unusable(message, "check that ARGO_SERVER and ARGO_BASE_HREF name Argo Server itself")


def _about_the_request(text: str) -> bool:
    """Whether an error 500 is Kubernetes' answer to the object: Argo Server hands refusals on with that status."""
    signs = ("is invalid:", "admission webhook", "already exists", "denied the request", "exceeded quota", "forbidden:")
    return any(sign in text for sign in (*signs, "cannot shutdown a completed workflow", "Too long:"))


def _results(response: Any) -> Iterator[Json]:
    """The `result` of each line. Raises EngineError for a line with an error in it."""
    pending = b""
    for chunk in response.stream(65536, decode_content=True):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in filter(bytes.strip, lines):
            yield _result(line)
    if pending.strip():
        yield _result(pending)


def _result(line: bytes) -> Json:
    try:
        found: object = json.loads(line)
    except ValueError:
        raise StreamBrokenError(f"a line that is no JSON: {line[:80]!r}") from None
    said = cast("Json", found) if isinstance(found, dict) else {}
    if "error" in said:
        error = said["error"]
        text = str(cast("Json", error).get("message", error)) if isinstance(error, dict) else str(error)
        raise StreamBrokenError(text)
    result = said.get("result")
    return cast("Json", result) if isinstance(result, dict) else {}


def _body(api: Any, method: str, body: Json) -> Any:
    """A body as an instance of the library's model, which its methods insist on, with plain JSON in its fields."""
    model = getattr(api, f"{method}_endpoint").openapi_types["body"][0]
    names = {shown: name for name, shown in model.attribute_map.items()}
    return model(_check_type=False, **{names[key]: value for key, value in body.items()})
