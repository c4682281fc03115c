from __future__ import annotations

from typing import TYPE_CHECKING, Any

import metaflow as mf
from metaflow import Parameter, step
from metaflow import retry as again

if TYPE_CHECKING:
    import pandas as pd


class TypedFlow(mf.FlowSpec):
    """Annotations everywhere, and names of Metaflow by its module."""

    alpha: float = Parameter("alpha", default=0.1, type=float)
    beta: int = mf.Parameter("beta", default=1)
    frame: pd.DataFrame

    @mf.retry(times=2, minutes_between_retries=0)
    @mf.step
    def start(self) -> None:
        self.x: dict[str, int] = {"a": mf.current.retry_count}
        if mf.current.retry_count < 1:
            raise RuntimeError
        self.y: list[int]
        self.next(self.fit, self.other)

    @again(times=0)
    @mf.step
    def fit(self) -> None:
        match self.x:
            case {"a": n}:
                self.n = n
        if (m := self.n) > 0:
            self.m = m
        self.next(self.join)

    @step
    def other(self) -> None:
        self.next(self.join)

    @step
    def join(self, inputs: Any) -> None:
        self.merge_artifacts(inputs)
        self.next(self.end)

    @step
    def end(self) -> None:
        self.hasy = hasattr(self, "y"), hasattr(self, "frame"), self.alpha


if __name__ == "__main__":
    TypedFlow()
