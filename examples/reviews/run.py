"""Train the classifier: python run.py."""

from pipelines import training_pipeline
from zenml.config import Schedule

if __name__ == "__main__":
    nightly = training_pipeline.with_options(schedule=Schedule(cron_expression="30 2 * * *"))
    nightly(smoothing=0.5)
