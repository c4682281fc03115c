"""The pipeline, with the image that ZenML would build for it."""

from steps import evaluate, load_reviews, publish, split, train
from zenml import pipeline
from zenml.config import DockerSettings

docker = DockerSettings(required_integrations=["mlflow"], requirements=["pandas"])


@pipeline(enable_cache=True, settings={"docker": docker})
def training_pipeline(path: str = "data/reviews.csv", every: int = 4, smoothing: float = 1.0, least: float = 0.7):
    reviews = load_reviews(path)
    train_set, test_set = split(reviews, every)
    model = train(train_set, smoothing)
    publish(model, evaluate(model, test_set), least)
