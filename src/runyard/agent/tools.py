"""What the tasks of an agent share. It holds; it does not act."""

from __future__ import annotations

from runyard.agent.settings import Bounds
from runyard.agent.shelf import Shelf
from runyard.agent.slots import Slots
from runyard.agent.spools import Spools
from runyard.agent.yard import Yard
from runyard.model.light import dataclass


@dataclass(frozen=True, slots=True)
class Tools:
    """Where work is done, kept, counted, and how much of it."""

    yard: Yard
    shelf: Shelf
    slots: Slots
    spools: Spools
    bounds: Bounds
