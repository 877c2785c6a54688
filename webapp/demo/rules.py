"""When the demonstration may be loaded."""

from __future__ import annotations

from webapp.errors import Refusal


class NotADemonstration(Refusal):
    """COUNTERSIGN_DEMO is not set: sample people with a known password exist nowhere else."""

    operator = True


class DatabaseNotEmpty(Refusal):
    """The database holds organizations already."""

    operator = True


def check_may_load(demo: bool, organizations: int) -> None:
    """Raises NotADemonstration, DatabaseNotEmpty."""
    if not demo:
        raise NotADemonstration()
    if organizations:
        raise DatabaseNotEmpty()
