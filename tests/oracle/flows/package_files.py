import os

from metaflow import (
    Config,
    FlowSpec,
    conda_environment_yml_parser,
    config_expr,
    environment as variables,
    pyproject_toml_parser,
    requirements_txt_parser,
    step,
    yaml_parser,
)

REQUIREMENTS = """\
# what the steps need
-e file:.
pandas==2.2.3  # the last of the twos
numpy >= 1.26 , < 3
requests[security, socks] ~=2.31
scikit_learn.extra (>1,!=1.5)
tool @ git+https://host/tool.git@v1
python>=3.9
plain
"""
PROJECT = """\
[project]
name = "p"
requires-python = "==3.11.*"
dependencies = ["polars[all]>=1,<2", "attrs", " httpx ==0.27 "]
"""
ENVIRONMENT = """\
name: e
channels:
  - conda-forge
dependencies:
  - python=3.11
  - numpy==1.26.4
  - scipy >=1.10,<2  # bounds
  - pandas
prefix: /tmp
"""
WRONG = {
    "requirements": ("-r other.txt", "a; python_version < '3'", "a==", "a b", "python==3.9\npython==3.10", "==1", "a[", ""),
    "project": ("[project]\ndependencies = ['a; x==1']", "[project]\ndependencies = ['-e .']", "[tool]\na = 1"),
    "environment": ("dependencies:\n - pip:\n", "dependencies:\n - a b\n", "name: x", "dependencies:\n- a=1=b\n\n- c"),
}


def said(parse, text):
    try:
        return parse(text)
    except Exception as error:
        return type(error).__name__


class PackageFilesFlow(FlowSpec):
    """Files that list packages, read by Metaflow's own parsers."""

    requirements = Config("requirements", default_value=REQUIREMENTS, parser=requirements_txt_parser)
    project = Config("project", default_value=PROJECT, parser=pyproject_toml_parser)
    environment = Config("environment", default_value=ENVIRONMENT, parser=conda_environment_yml_parser)
    settings = Config("settings", default_value="a: [1, {b: c}]", parser=yaml_parser)
    named = Config("named", default_value="x==1", parser="metaflow.plugins.pypi.parsers.requirements_txt_parser")

    @variables(vars={"ATTRS": config_expr("project.packages['attrs']"), "PYTHON": config_expr("project.python")})
    @step
    def start(self):
        self.variables = os.environ["ATTRS"], os.environ["PYTHON"]
        requirements = self.requirements.to_dict()
        extras = requirements["packages"]
        # Metaflow has extras in the order of a set.
        self.read = [{key.replace("socks,security", "security,socks"): extras[key] for key in extras}, requirements["python"]]
        self.others = [self.project.to_dict(), self.environment.to_dict(), self.settings.to_dict(), self.named.to_dict()]
        parsers = {
            "requirements": requirements_txt_parser,
            "project": pyproject_toml_parser,
            "environment": conda_environment_yml_parser,
        }
        self.wrong = {name: [said(parsers[name], text) for text in texts] for name, texts in WRONG.items()}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    PackageFilesFlow()
