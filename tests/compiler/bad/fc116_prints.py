import logging

from flowc import pipeline, step

logger = logging.getLogger(__name__)


@step
def work(x: int) -> int:
    return x


@pipeline
def flow():
    print("working")  # FC116
    logger.info("working")  # FC116
    logging.warning("working")  # FC116
    work(missing)  # FC112
