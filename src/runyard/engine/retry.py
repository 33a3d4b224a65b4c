"""When to try again, and after how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runyard.model.light import dataclass
from runyard.model.result import Outcome
from runyard.model.status import Status

RETRY_ON = ("any", "execution", "timeout", "network", "system")


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry policy (contract 1, "Grammar by example").

    Attributes:
        attempts: tries in all, at least 1; `retries: 3` in a document is 4 attempts.
        delay: seconds before the second try. backoff: factor from try to try.
        max_delay: seconds, an upper bound of the delay. jitter: ± share of the delay.
        on: error classes (`RETRY_ON`) and `exit:N`; empty means every retryable failure.
    """

    attempts: int = 1
    delay: float = 1.0
    backoff: float = 2.0
    max_delay: float = 60.0
    jitter: float = 0.1
    on: tuple[str, ...] = ()

    def wants(self, outcome: Outcome, attempt: int) -> bool:
        """True when `outcome` of try number `attempt` is to be followed by another."""
        if attempt >= self.attempts or outcome.status.is_good:
            return False
        if outcome.status is Status.CANCELED:
            return False
        if outcome.is_lost:  # what runs there must not meet its successor
            return False
        error: Mapping[str, Any] = outcome.error or {}
        if not self.on:
            return bool(error.get("retryable", True))
        return any(
            word == "any"
            or word == error.get("class", "execution")
            or (word.startswith("exit:") and word[5:] == str(outcome.exit_code))
            for word in self.on
        )

    def pause(self, attempt: int) -> float:
        """Seconds to wait after try number `attempt` (from 1), jitter included."""
        from random import uniform

        base = min(self.delay * self.backoff ** min(attempt - 1, 64), self.max_delay)
        return float(base * (1 + uniform(-self.jitter, self.jitter)))
