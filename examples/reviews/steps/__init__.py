from steps.data import load_reviews, split
from steps.model import evaluate, publish, train

__all__ = ["evaluate", "load_reviews", "publish", "split", "train"]
