"""Looking at runs and asking things of them, from whatever process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from runyard.engine.flying import Flying, row_of
from runyard.expr.secrets import Secrets
from runyard.hosts.site import Access
from runyard.model.errors import ConflictError, NotFoundError, RunyardError, UsageError
from runyard.model.event import Event, NewEvent
from runyard.model.light import dataclass
from runyard.model.run import RunFilter, RunRecord
from runyard.model.status import Status
from runyard.store.home import Home
from runyard.store.journal import Journal
from runyard.store.output import OutputFilter, OutputStore
from runyard.store.tail import OutputChunk

DIED = "the process that ran it died"
_OWNER_CHECK = 1.0
_AS_BEFORE = Access()


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What a run that has ended had left behind: attempts ended, processes that could not be.

    `unreached` maps hosts that could not be asked to the reason; what ran there may go on.
    """

    ended: int
    survivors: int
    unreached: Mapping[str, str] = field(default_factory=dict)


class Desk:
    """The runs of one state home as anybody sees them: read, follow, cancel, decide.

    Whoever owns a run obeys what is asked here; nothing of it needs to be in this process.
    """

    def __init__(self, home: Home, journal: Journal, secrets: Secrets | None = None) -> None:
        self.home = home
        self.journal = journal
        self.output = OutputStore(home)
        self._secrets = secrets or Secrets()

    # -- asking of a run, from any process

    async def cancel(
        self, run_id: str, reason: str = "", *, kill: bool = False, access: Access = _AS_BEFORE
    ) -> Cancellation | None:
        """Ask the owner to stop the run; returns None: what came of it is in the journal.

        A run that has ended has no owner any more. What an interrupted one left behind, here and
        at other hosts, is ended now, and counted; so is what any other was told to end, or had to
        leave, at a host that could not be reached. `access` is what is said now of how hosts let
        us in; with `kill` nothing gets a grace.

        Raises:
            ConflictError: the run has ended, and nothing of it is left (RUN_FINAL), or somebody
                resumes it now (RUN_OWNED).
        """
        try:
            await self.journal.post(run_id, "cancel", {"reason": reason, "kill": kill})
        except ConflictError:
            record = await self.journal.get(run_id, outputs=False)
            if record.status is not Status.INTERRUPTED and not await self._flying(run_id):
                raise
            with self.home.own(run_id):
                left, settled = await self._end_left(run_id, record.epoch, access, kill)
                data: dict[str, Any] = {"ended": left.ended, "survivors": left.survivors}
                if left.unreached:
                    data["unreached"] = dict(left.unreached)
                elif not left.survivors:
                    settled = await self._flying(run_id)
                if settled:
                    data["settled"] = [list(row_of(each)) for each in settled]
                await self.journal.commit(run_id, record.epoch, [NewEvent("run.swept", data=data)])
            return left
        return None

    async def _flying(self, run_id: str) -> list[Flying]:
        """What of a run that has ended may go on, as far as the journal tells."""
        from runyard.service.abandoned import flights_of

        return await flights_of(self.journal, run_id)

    async def _end_left(
        self, run_id: str, epoch: int, access: Access, kill: bool
    ) -> tuple[Cancellation, Sequence[Flying]]:
        """What came of ending all, and those at other hosts that are over for sure."""
        from runyard.hosts.abandoned import end_abandoned
        from runyard.service.abandoned import Elsewhere

        ended, survivors = await end_abandoned(self.home.root, run_id, epoch, kill=kill)
        here = await self._end_containers(run_id, kill)
        ended, survivors = ended + here.ended, survivors + here.survivors
        try:
            elsewhere = await Elsewhere.of(self.journal, run_id)
        except RunyardError as error:
            unreached = {**here.unreached, "other hosts": error.message}
            return Cancellation(ended, survivors, unreached), ()
        if elsewhere is None:
            return Cancellation(ended, survivors, here.unreached), ()
        there = await elsewhere.end(self.home, epoch, access, self._secrets, kill=kill)
        unreached = {**here.unreached, **there.unreached}
        left = Cancellation(ended + there.ended, survivors + there.survivors, unreached)
        return left, there.settled

    async def _end_containers(self, run_id: str, kill: bool) -> Cancellation:
        from runyard.runners.docker.book import unfinished

        folder = self.home.output_dir(run_id)
        if not unfinished(folder):
            return Cancellation(0, 0)
        from runyard.runners.docker.abandoned import end_here

        return Cancellation(*await end_here(folder, kill=kill))

    async def decide(
        self, run_id: str, *, accept: bool, step: str = "", by: str = "", comment: str = ""
    ) -> None:
        """Answer an approval; an empty `step` answers whichever is asked.

        Raises:
            UsageError: NOT_APPROVER, somebody else is to decide.
            ConflictError: RUN_FINAL.
        """
        await self._check_approver(run_id, step, by)
        data = {"step": step, "by": by, "comment": comment}
        await self.journal.post(run_id, "approve" if accept else "reject", data)

    async def _check_approver(self, run_id: str, step: str, by: str) -> None:
        """A question that waits for others is not answered; one not yet asked may be."""
        waiting: dict[str, tuple[str, ...]] = {}
        async for event in self._all_events(run_id):
            if event.type == "approval.requested":
                waiting[event.step] = tuple(event.data.get("approvers", ()))
            elif event.type == "approval.decided":
                waiting.pop(event.step, None)
        asked = [who for name, who in waiting.items() if step in ("", name)]
        if asked and all(who and by not in who for who in asked):
            names = ", ".join(sorted({name for who in asked for name in who}))
            raise UsageError(
                f"{by or 'nobody'} is not among the approvers: {names}",
                code="NOT_APPROVER",
                hint="one of them decides, or say who decides with --by",
            )

    async def post_event(self, run_id: str, name: str, data: Mapping[str, Any]) -> None:
        """Deliver a named event to a run (`wait.event`)."""
        await self.journal.post(run_id, "event", {"name": name, "data": dict(data)})

    # -- reading

    async def find(self, word: str) -> str:
        """The run id that `word` means: an id, a unique beginning of one, or `last`.

        Raises:
            NotFoundError: no such run, or several.
        """
        if word != "last":
            with contextlib.suppress(NotFoundError):
                await self.journal.events(word, limit=1)
                return word
        records = await self.journal.list(RunFilter(limit=1 if word == "last" else 10_000))
        ids = [record.run_id for record in records]
        if word == "last" and ids:
            return ids[0]
        found = [run_id for run_id in ids if run_id.startswith(word)]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFoundError(
                f"{word} is the beginning of {len(found)} runs", hint=", ".join(found[:5])
            )
        raise NotFoundError(f"no run {word}", code="RUN", hint="`runyard runs` lists them")

    async def get(self, run_id: str) -> RunRecord:
        """The record of a run."""
        return await self.journal.get(run_id)

    async def spec(self, run_id: str) -> dict[str, Any]:
        """What the run was started from: `text path digest options`."""
        return await self.journal.spec(run_id)

    async def list(self, filter: RunFilter) -> list[RunRecord]:
        """Runs, newest first, without their steps."""
        return await self.journal.list(filter)

    async def events(
        self, run_id: str, after: int = 0, *, follow: bool = False
    ) -> AsyncIterator[Event]:
        """The run's events above `after`; with `follow`, until the run is final."""
        if follow:
            watch = asyncio.ensure_future(self._watch_owner(run_id))
            try:
                async for event in self.journal.follow(run_id, after):
                    yield event
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)
            return
        async for event in self._all_events(run_id, after):
            yield event

    async def logs(
        self,
        run_id: str,
        *,
        step: str | None = None,
        host: str | None = None,
        stream: str | None = None,
        follow: bool = False,
        after: Mapping[str, int] | None = None,
    ) -> AsyncIterator[OutputChunk]:
        """Output in order of arrival; with `follow`, until the run is final.

        `stream` is `stdout` or `stderr`; None is both, and all steps, and all hosts. `after` maps
        ids of attempts to the `next` of the last chunk that was seen of them.
        """
        only = OutputFilter(step, host, stream=stream)
        if not follow:
            for chunk in self.output.read(run_id, only, after):
                yield chunk
            return
        ended = asyncio.Event()
        watcher = asyncio.ensure_future(self._until_final(run_id, ended))
        try:
            async for chunk in self.output.follow(run_id, ended, only, after):
                yield chunk
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)

    async def _until_final(self, run_id: str, ended: asyncio.Event) -> None:
        try:
            async for _ in self.events(run_id, follow=True):
                pass
        finally:
            ended.set()

    async def _watch_owner(self, run_id: str) -> None:
        """A follower must not wait for ever for a run whose owner died meanwhile."""
        while True:
            await asyncio.sleep(_OWNER_CHECK)
            if not self.home.is_owned(run_id):
                await self.journal.interrupt_unowned(DIED)

    async def _all_events(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        while page := await self.journal.events(run_id, after):
            for event in page:
                yield event
            after = page[-1].seq
