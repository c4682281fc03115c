"""A model that a person promotes: the run trains it, and asks before it goes out.

flowc run examples/promote_model.py
flowc approve PromoteModelFlow review --choose promote --note "better than the last one"
flowc run examples/promote_model.py --approve review=reject
"""

from __future__ import annotations

from flowc import FlowSpec, Parameter, approval, current, step, wait_for


class PromoteModelFlow(FlowSpec):
    """Train a model on data that come later, and promote it when a person says so."""

    rows = Parameter("rows", default=1000, help="how many rows to train on")

    @step
    def start(self) -> None:
        self.next(self.train)

    @wait_for("/etc/hosts", every=30, timeout="6h")  # in production s3://shop/sales/day={scheduled:%F}/_SUCCESS
    @step
    def train(self) -> None:
        self.accuracy = round(1 - 50 / (self.rows + 100), 3)
        self.next(self.review)

    @approval(choices=["promote", "reject"], message="Promote the model?", timeout="2d", default="reject")
    @step
    def review(self) -> None:
        self.reason = current.approval.note or "no reason given"
        self.next({"promote": self.promote, "reject": self.keep}, condition="decision")

    @step
    def promote(self) -> None:
        self.serving = f"the model with accuracy {self.accuracy}"
        self.next(self.end)

    @step
    def keep(self) -> None:
        self.serving = "the model of before"
        self.next(self.end)

    @step
    def end(self) -> None:
        print(f"{self.decision}: {self.reason}")
        print(f"serving {self.serving}")


if __name__ == "__main__":
    PromoteModelFlow()
