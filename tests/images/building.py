"""What a container engine would do with a folder of `flowc image`, step by step, in folders of this machine."""

from __future__ import annotations

from pathlib import Path

from dockerfile_parse import DockerfileParser

FLOW = '''\
"""Two environments, a step with an image of its own, and one without packages."""

from flowc import FlowSpec, kubernetes, pypi, pypi_base, step


@pypi_base(packages={"humanize": "4.9.0"})
class PackagesFlow(FlowSpec):
    @step
    def start(self):
        import humanize

        self.text = humanize.intcomma(1234567)
        self.next(self.train)

    @pypi(packages={"python-slugify[unidecode]": ">=8,<9", "humanize": "4.10.0"}, python="3.11")
    @step
    def train(self):
        from importlib.metadata import version

        from slugify import slugify

        self.slug = slugify("Größe 1")
        self.versions = [version("humanize"), version("Unidecode").split(".")[0]]
        self.next(self.own)

    @kubernetes(image="registry.example/own:1")
    @step
    def own(self):
        self.next(self.end)

    @pypi(disabled=True)
    @step
    def end(self):
        print(self.text, self.slug, self.versions)
'''

HEAD = "from flowc import FlowSpec, conda, conda_base, kubernetes, pypi, pypi_base, step\n"


def one_step(decorators: str, base: str = "", name: str = "OneFlow") -> str:
    """A flow whose first step has decorators."""
    return (
        f"{HEAD}\n{base}\nclass {name}(FlowSpec):\n    {decorators}\n    @step\n    def start(self):\n"
        "        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n"
    )


def instructions(folder: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile and their arguments, as a parser of Dockerfiles reads them."""
    found = DockerfileParser(path=str(folder)).structure
    return [(item["instruction"], item["value"]) for item in found if item["instruction"] != "COMMENT"]


def shell_of(run: str) -> str:
    """The shell command of a RUN instruction, without the mounts in front."""
    while run.startswith("--"):
        run = run.partition(" ")[2].lstrip()
    return run
