"""The operator of notifications, which tells people how a run has ended."""
# pyright: standard

from __future__ import annotations

from typing import Any

from flowc_targets.airflow.operators.hook_operator import HookOperator


class NotifyOperator(HookOperator):
    """Sends the notifications of a run that has ended."""

    def execute(self, context: Any) -> Any:
        """Send them. A pod that does not start is logged, and fails no run."""
        try:
            return super().execute(context)
        except Exception:
            self.log.exception("the notifications are not sent")

    def shim_environment(self, context: Any) -> dict[str, str]:
        """Return the task's variables, with the address of its own log."""
        url = getattr(context["ti"], "log_url", None)
        variables = super().shim_environment(context)
        return {**variables, "FLOWC_RUN_URL": str(url)} if url else variables
