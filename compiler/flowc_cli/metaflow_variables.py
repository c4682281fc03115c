"""The environment variables of Metaflow's command line and configuration: what counts here, and a warning for the rest.

Metaflow's `click` reads METAFLOW_<OPTION> for options before the command and METAFLOW_RUN_<OPTION> for those of `run`;
`metaflow_config.py` reads the rest. `flowc run` itself reads METAFLOW_RUN_* (see `shared_options.env_option`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from flowc.protocol import env_names
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.parameters.text_conversion import FALSE_WORDS, TRUE_WORDS
from flowc_compiler.source import SourceFile

BRANCH, PRODUCTION = "METAFLOW_BRANCH", "METAFLOW_PRODUCTION"
_DECORATORS = ("METAFLOW_DECOSPECS", "METAFLOW_DEFAULT_DECOSPECS")
_NAMESPACES = {"run": "METAFLOW_RUN_USER_NAMESPACE", "resume": "METAFLOW_RESUME_USER_NAMESPACE"}

_STORE = "the store is a URL or a folder: --root, FLOWC_ROOT, or `root` in [tool.flowc]"
_SERVICE = "flowc has no metadata service: runs are in the store"
_SETTINGS = "flowc reads no configuration of Metaflow's: put what the flow needs into [tool.flowc] of pyproject.toml"
_PACKAGES = "flowc installs nothing: `flowc image` makes images with the packages of @conda and @pypi"
_LOGS = "logs are kept whole"
_IDS = "use --run-id-file"
_RESUMES = "flowc resumes with its own ids: --origin-run-id"
_FILES = "name the files to ship: `include` in [tool.flowc], or --include '**/*.csv'"
_ENCRYPTED = "name the encryption of the store in its own settings"
_PATIENCE = "FLOWC_STORE_PATIENCE says for how long requests are retried"
_IN_PODS = "pods have the variables of @environment"
_LIMIT = "give the steps that need one a @timeout, or all of them: --with timeout:hours=..."
_ON_PODS = "say it in [tool.flowc], or in @kubernetes"

Command = Literal["run", "resume", "compile"]

OF_S3: Mapping[str, str] = {
    "DATASTORE_SYSROOT_S3": f"for the artifacts {_STORE}",
    "S3_ENDPOINT_URL": "AWS_ENDPOINT_URL names the server for the store as well",
    "S3_SERVER_SIDE_ENCRYPTION": _ENCRYPTED,
}
"""Variables, without METAFLOW_, that count for `metaflow.S3` in tasks on this machine, and what to do for the rest."""

UNREAD: Mapping[str, str] = {
    **dict.fromkeys(("DATASTORE", "DEFAULT_DATASTORE", "DATASTORE_ROOT"), _STORE),
    **{f"DATASTORE_SYSROOT_{kind}": _STORE for kind in ("LOCAL", "AZURE", "GS")},
    **dict.fromkeys(("METADATA", "DEFAULT_METADATA", "SERVICE_URL", "SERVICE_INTERNAL_URL"), _SERVICE),
    **dict.fromkeys(("ENVIRONMENT", "DEFAULT_ENVIRONMENT"), _PACKAGES),
    **dict.fromkeys(("HOME", "PROFILE"), _SETTINGS),
    **dict.fromkeys(("PACKAGE_SUFFIXES", "DEFAULT_PACKAGE_SUFFIXES"), _FILES),
    "MODE": "flowc has no spin",
    "DEFAULT_SECRETS_ROLE": "give @secrets its role",
    **OF_S3,
    **dict.fromkeys(("S3_RETRY_COUNT", "S3_TRANSIENT_RETRY_COUNT"), _PATIENCE),
    **dict.fromkeys(("RUN_MAX_LOG_SIZE", "RESUME_MAX_LOG_SIZE"), _LOGS),
    **dict.fromkeys(("RUN_RUNNER_ATTRIBUTE_FILE", "RESUME_RUNNER_ATTRIBUTE_FILE"), _IDS),
    **{f"RESUME_{name}": _RESUMES for name in ("RUN_ID", "CLONE_ONLY", "REENTRANT", "RESUME_IDENTIFIER")},
}
"""Variables, without METAFLOW_, that would change a run of Metaflow's, and what to do instead."""

UNREAD_FOR_PODS: Mapping[str, str] = {
    **dict.fromkeys(("DEFAULT_CONTAINER_IMAGE", "KUBERNETES_CONTAINER_IMAGE"), "--image names the image"),
    **dict.fromkeys(
        ("DEFAULT_CONTAINER_REGISTRY", "KUBERNETES_CONTAINER_REGISTRY"), "write the registry into the image's name"
    ),
    "KUBERNETES_NAMESPACE": "--namespace names it",
    "KUBERNETES_SERVICE_ACCOUNT": "--service-account names it",
    **dict.fromkeys(("KUBERNETES_SECRETS", "ARGO_WORKFLOWS_KUBERNETES_SECRETS"), "--env-from-secret names them"),
    **{
        f"KUBERNETES_{name}": _ON_PODS
        for name in (
            "ANNOTATIONS", "CPU", "DISK", "GPU_VENDOR", "IMAGE_PULL_POLICY", "IMAGE_PULL_SECRETS", "LABELS", "MEMORY",
            "NODE_SELECTOR", "PORT", "QOS", "SHARED_MEMORY", "TOLERATIONS",
        )
    },
    **{f"ARGO_EVENTS_{name}": "the options of events: --set event_source=..." for name in (
        "EVENT", "EVENT_BUS", "EVENT_SOURCE", "SERVICE_ACCOUNT", "WEBHOOK_URL")},
    **dict.fromkeys(("AIRFLOW_KUBERNETES_CONN_ID", "AIRFLOW_KUBERNETES_KUBECONFIG_FILE"),
                    "--set kubernetes_conn_id=..., or config_file=..."),
    "DEFAULT_RUNTIME_LIMIT": _LIMIT,
    **dict.fromkeys(("DATATOOLS_S3ROOT", "DATATOOLS_SUFFIX", "DATATOOLS_CLIENT_PARAMS", "S3_WORKER_COUNT"), _IN_PODS),
}  # fmt: skip
"""The same for pods."""

_DEFAULTS = {
    "DATASTORE": "local", "DEFAULT_DATASTORE": "local", "METADATA": "local", "DEFAULT_METADATA": "local",
    "ENVIRONMENT": "local", "DEFAULT_ENVIRONMENT": "local",
}  # fmt: skip
"""Values that ask for what flowc does anyway."""
_IMPORTS_METAFLOW = re.compile(r"^[ \t]*(?:from|import)[ \t]+metaflow\b", re.MULTILINE)


def default_decorators(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Decorators for every step, after those of the command line: words, as Metaflow reads them."""
    return tuple(word for name in _DECORATORS for word in environment.get(name, "").split())


def default_branch(environment: Mapping[str, str], sink: DiagnosticSink) -> tuple[str | None, bool]:
    """The branch and whether it is production, as the environment says for a flow with `@project`. Collects FC505."""
    production = environment.get(PRODUCTION, "")
    if production.lower() not in {"", *TRUE_WORDS, *FALSE_WORDS}:
        sink.error("FC505", f"{PRODUCTION}={production!r} is not a boolean", None, help="write true or false")
    return environment.get(BRANCH) or None, production.lower() in TRUE_WORDS


def task_namespace(command: Command, environment: Mapping[str, str]) -> dict[str, str]:
    """The variable that gives tasks the namespace of Metaflow's own, unless they have one."""
    value = environment.get(_NAMESPACES.get(command, ""))
    return {env_names.NAMESPACE: value} if value and env_names.NAMESPACE not in environment else {}


def check_variables(source: SourceFile, command: Command, environment: Mapping[str, str], sink: DiagnosticSink) -> None:
    """Warn (FC302) of variables that Metaflow would read for this flow and flowc does not, once for each way out."""
    if not _IMPORTS_METAFLOW.search(source.text):
        return
    unread = {**UNREAD, **UNREAD_FOR_PODS} if command == "compile" else UNREAD
    others = tuple(prefix for prefix in ("RUN_", "RESUME_") if prefix != f"{command.upper()}_")
    found: dict[str, list[str]] = {}
    for name, way_out in unread.items():
        value = environment.get(f"METAFLOW_{name}")
        if value and value != _DEFAULTS.get(name) and not name.startswith(others):
            found.setdefault(way_out, []).append(f"METAFLOW_{name}")
    for way_out, names in found.items():
        one = len(names) == 1
        what = f"{'does' if one else 'do'} not count: flowc does not read them"
        if way_out in OF_S3.values():
            what = f"{'counts' if one else 'count'} for metaflow.S3 in tasks on this machine only"
        sink.warning("FC302", f"{' and '.join(names)} {what}", None, help=way_out)


def variables_of_file(source: SourceFile) -> set[str]:
    """The variables METAFLOW_RUN_NAME that a flow's file surely sets itself, before Metaflow's click reads them.

    Those of the environment count for nothing then. `os.environ.setdefault` leaves them.
    """
    if "METAFLOW_RUN_" not in source.text:
        return set()
    import ast

    found: set[str] = set()
    statements = list(ast.parse(source.text).body)
    for item in statements:
        match item:
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__")), body=body):
                statements += body
            case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=str(name)))]):
                found.add(name)
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="update"), args=args, keywords=keywords)):
                found.update(keyword.arg for keyword in keywords if keyword.arg is not None)
                keys = (key for arg in args if isinstance(arg, ast.Dict) for key in arg.keys)
                found.update(key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
            case _:
                pass
    return {name for name in found if name.startswith("METAFLOW_RUN_")}
