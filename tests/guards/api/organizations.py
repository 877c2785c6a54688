"""Operations of `organizations`: partners' profiles, and who works with whom."""

from tests.guards.api import READERS, op
from tests.guards.routes import many
from tests.support.builders import World
from tests.support.story import Story


def _resellers(story: Story, count: int) -> None:
    """Make the partner an indirect provider with so many resellers."""
    world = World(story.app)
    story.make_provider()
    for _ in range(count):
        world.pair(story.partner, world.a_partner(programme="indirect_reseller", roles=()))


OPERATIONS = {
    "GET /v1/profiles/mpn": op(200, to=READERS),
    "GET /v1/profiles/partnernetworkprofile": op(200, to=READERS),
    "GET /v1/profiles/organization": op(200, to=READERS),
    "GET /v1/relationships": op(200, to=READERS),
}

LISTS = {"GET /v1/relationships": many("api_read_only", _resellers)}
