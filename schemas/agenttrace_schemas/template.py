"""Templates of SQL: `${name}` stands for a fragment of SQL, as in `string.Template`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_PLACE: Final = re.compile(r"\$\{(\w+)\}")


def render(template: str, fragments: Mapping[str, str]) -> str:
    """Returns the template with each `${name}` replaced by its fragment; raises `KeyError` for an unknown name.

    What a fragment contains is not looked at again, so that a quoted text stays as it is. Fragments are SQL of ours or
    quoted literals; values of callers are parameters.
    """
    return _PLACE.sub(lambda found: fragments[found[1]], template)


def is_template(text: str) -> bool:
    """True if the text names a fragment."""
    return _PLACE.search(text) is not None
