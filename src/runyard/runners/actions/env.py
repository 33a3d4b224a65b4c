"""env.set: variables for later steps."""

from __future__ import annotations

from runyard.model.action import Param, Work
from runyard.model.result import Outcome
from runyard.model.status import Status


class EnvSet:
    """Numbers, lists and maps stay what they are. They rank below exports and above inventory."""

    name = "env.set"
    summary = "Set variables for later steps"
    params = (Param("env", "env", "names and values", required=True),)
    idempotent = True
    supervised = False

    async def run(self, work: Work) -> Outcome:
        """Hand the values over as they are: numbers stay numbers."""
        env = dict(work.args["env"])
        return Outcome(status=Status.SUCCESS, env=env, message=f"set {', '.join(env) or 'nothing'}")
