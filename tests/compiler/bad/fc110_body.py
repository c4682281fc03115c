import asyncio

from flowc import pipeline, step


@step
def work(x: int) -> int:
    return x


async def later():
    return 1


@pipeline
def flow():
    with open("data") as file:  # FC110
        work(1)
    try:  # noqa: SIM105
        work(2)  # FC110
    except ValueError:
        pass
    import json

    class Inner:  # FC110
        pass

    global COUNT  # FC110
    COUNT = 1
    work(later())  # FC110
    work.size = 2  # FC110
    work(work.size)  # FC110
    asyncio.run(later())  # FC110
    work("a".nothing())  # FC110
    work(x async for x in [1])  # FC110
    json.loads(file)
    Inner()
