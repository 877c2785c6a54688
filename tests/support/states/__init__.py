"""Page states by slice: each module here has `STATES` and `fill(filling)`, which makes what its pages show.

`filling` is the gallery in the making (`tests/support/page_states.py`): its `app`, `language`, `world`, `made` (people and
values that addresses are filled with) and parties such as `partner`, `customer`, `accepted`.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def parts() -> list[ModuleType]:
    """Every part, by name."""
    return [importlib.import_module(f"{__name__}.{part.name}") for part in pkgutil.iter_modules(__path__)]
