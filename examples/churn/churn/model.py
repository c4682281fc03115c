"""Logistic regression by gradient descent, without packages."""

import math

from churn.features import features


def train(rows, rounds, rate):
    """The weights of a model of these customers."""
    longest = max(row["months"] for row in rows)
    weights = [0.0, 0.0, 0.0]
    for _ in range(rounds):
        for row in rows:
            inputs = features(row, longest)
            error = row["left"] - probability(weights, inputs)
            weights = [weight + rate * error * value for weight, value in zip(weights, inputs)]
    return {"weights": weights, "longest": longest}


def probability(weights, inputs):
    """How likely a customer leaves."""
    return 1 / (1 + math.exp(-sum(weight * value for weight, value in zip(weights, inputs))))


def accuracy(model, rows):
    """The share of customers that the model is right about."""
    right = [(probability(model["weights"], features(row, model["longest"])) > 0.5) == row["left"] for row in rows]
    return sum(right) / len(right)
