"""Train the churn model every night: a model for each region, and a report of all of them."""

import os

from churn.features import read_customers
from churn.model import accuracy, train
from metaflow import (
    Config,
    FlowSpec,
    IncludeFile,
    Parameter,
    batch,
    card,
    current,
    project,
    retry,
    schedule,
    secrets,
    step,
)
from metaflow.cards import Markdown


@project(name="churn")
@schedule(cron="0 4 * * *")
class TrainFlow(FlowSpec):
    config = Config("config", default="config.json")
    customers = IncludeFile("customers", default="data/customers.csv", help="the table that sales exports")
    rounds = Parameter("rounds", default=20, help="how often training goes over the table")

    @step
    def start(self):
        self.rows = read_customers(self.customers)
        self.regions = sorted({row["region"] for row in self.rows})
        self.next(self.train, foreach="regions")

    @batch(cpu=2, memory=4096, queue="training")
    @retry(times=2)
    @secrets(sources=["aws-secrets-manager.churn-tracking"])
    @step
    def train(self):
        self.region = self.input
        rows = [row for row in self.rows if row["region"] == self.region]
        self.model = train(rows, self.rounds, self.config.rate)
        self.accuracy = accuracy(self.model, rows)
        print("tracked" if "TRACKING_TOKEN" in os.environ else "not tracked")
        self.next(self.report)

    @card(type="blank")
    @step
    def report(self, inputs):
        self.models = {task.region: task.model for task in inputs}
        self.accuracies = {task.region: round(task.accuracy, 3) for task in inputs}
        self.weak = [task.region for task in inputs if task.accuracy < self.config.floor]
        current.card.append(Markdown(f"# Churn\n{self.accuracies}"))
        self.next(self.end)

    @step
    def end(self):
        print(f"{len(self.models)} models, weak: {self.weak}")


if __name__ == "__main__":
    TrainFlow()
