"""Draws the charts of which standard input has a JSON list: a line of JSON for each, with its `svg` or an `error`."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Draw each chart. Nothing is loaded: no address is allowed."""
    import vl_convert

    for spec in json.load(sys.stdin):
        is_vega = "/vega/" in str(spec.get("$schema", ""))
        try:
            if is_vega:
                svg = vl_convert.vega_to_svg(spec, allowed_base_urls=[])
            else:
                svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
            found = {"svg": svg}
        except Exception as error:
            found = {"error": str(error).strip().partition("\n    at ")[0][:500]}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
