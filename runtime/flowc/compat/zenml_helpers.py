"""Helpers of ZenML that are about its dashboard, its materializers and GPUs.

There is no dashboard, so that a page of it has no address: `None`, as in ZenML without a server.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict


def get_cloud_dashboard_url() -> str | None:
    """No address."""
    return None


def get_server_dashboard_url() -> str | None:
    """No address."""
    return None


def get_stack_url(stack: Any) -> str | None:
    """No address."""
    del stack
    return None


def get_component_url(component: Any) -> str | None:
    """No address."""
    del component
    return None


def get_run_url(run: Any) -> str | None:
    """No address."""
    del run
    return None


def get_model_version_url(model_version_id: Any) -> str | None:
    """No address."""
    del model_version_id
    return None


def get_deployment_url(deployment: Any) -> str | None:
    """No address."""
    del deployment
    return None


def show_dashboard_with_url(url: str) -> None:
    """Say where the page is: a task has no browser."""
    from flowc.compat.zenml_types import get_logger

    get_logger(__name__).info("%s", url)


def show_dashboard(local: bool = False, ngrok_token: str | None = None) -> None:
    """Say that there is no dashboard."""
    del local, ngrok_token
    show_dashboard_with_url("flowc has no dashboard: `flowc ui` shows the runs of a store")


def cleanup_gpu_memory(force: bool = False) -> None:
    """Free what PyTorch holds of the GPUs' memory; without `force`, only warn, as in ZenML."""
    from flowc.compat.zenml_types import get_logger

    logger = get_logger(__name__)
    if not force:
        logger.warning("This frees all GPU memory that PyTorch holds on this machine: pass force=True to do it.")
        return
    import gc
    from importlib import import_module

    try:
        torch: Any = import_module("torch")
    except ModuleNotFoundError:
        logger.warning("No PyTorch installed. Skipping GPU memory cleanup.")
        return

    while gc.collect():
        torch.cuda.empty_cache()


class MaterializerRegistry:
    """The materializers by the types that they are for. flowc keeps it, and stores values without them."""

    def __init__(self) -> None:
        self.materializer_types: Dict[Any, Any] = {}

    def register_materializer_type(self, key: Any, type_: Any) -> None:
        """Name the materializer of a type, unless it has one."""
        self.materializer_types.setdefault(key, type_)

    def register_and_overwrite_type(self, key: Any, type_: Any) -> None:
        """Name the materializer of a type."""
        self.materializer_types[key] = type_

    def __getitem__(self, key: Any) -> Any:
        for base in getattr(key, "__mro__", ()):
            if base in self.materializer_types:
                return self.materializer_types[base]
        return self.get_default_materializer()

    def get_default_materializer(self) -> Any:
        """The materializer of any other type."""
        from flowc.pipeline_settings import BaseMaterializer

        return self.materializer_types.get(object, BaseMaterializer)

    def get_materializer_types(self) -> Dict[Any, Any]:
        """All of them, by type."""
        return dict(self.materializer_types)


materializer_registry = MaterializerRegistry()


def alerter_failure_hook(exception: BaseException) -> None:
    """Say that nobody gets an alert, as ZenML does where no stack has an alerter."""
    del exception
    _skip("failure")


def alerter_success_hook() -> None:
    """Say that nobody gets an alert."""
    _skip("success")


def _skip(what: str) -> None:
    import sys

    sys.stderr.write(f"flowc: there is no alerter: the standard {what} hook does nothing\n")
