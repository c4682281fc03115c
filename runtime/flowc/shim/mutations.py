"""What mutators have changed when the flow was compiled, as the plan has it: parameters of the class, and arguments."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict


def change_class(cls: type, changes: Dict[str, Any]) -> None:
    """Give a flow's class the parameters that mutators have added, and take those that they have removed."""
    from flowc import IncludeFile, JSONType, Parameter

    types = {"str": str, "int": int, "float": float, "bool": bool, "JSONType": JSONType}
    for name in changes["removed"]:
        for base in cls.__mro__:
            if name in vars(base):
                delattr(base, name)
    for name, given in changes["added"].items():
        arguments = {key: known(value) for key, value in given.items()}
        kind: Any = IncludeFile if arguments.pop("class") == "IncludeFile" else Parameter
        if arguments.get("type") in types:
            arguments["type"] = types[arguments["type"]]
        made = kind(**arguments)
        made.__set_name__(cls, name)
        setattr(cls, name, made)


def known(value: Dict[str, Any]) -> Any:
    """The value of a literal of the plan."""
    if "literal" in value:
        return value["literal"]
    import ast

    return ast.literal_eval(value["python"])
