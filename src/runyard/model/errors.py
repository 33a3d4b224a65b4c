"""The one error tree.

    RunyardError                code            retryable  exit
    ├── UsageError              USAGE           no         2     the call itself is wrong
    │   └── ArgumentError       ARGUMENT        no         2     arguments of an action or a runner
    ├── WorkflowError           WORKFLOW        no         2     a document with diagnostics
    ├── NotFoundError           NOT_FOUND       no         2     no such run, step, host, file
    ├── ConflictError           CONFLICT        no         1     the state does not allow it
    │   └── FencedError         FENCED          no         4     a newer owner has taken the run
    ├── ExecutionError          EXECUTION       yes        1     ran, and ended badly
    ├── DeadlineError           TIMEOUT         yes        1     took longer than allowed
    ├── CanceledError           CANCELED        no         3     somebody asked it to stop
    ├── SystemFault             SYSTEM          yes        1     disk full, no memory, lost process
    │   └── StoreError          STORE           yes        1     the journal cannot be read or written
    ├── NetworkError            NETWORK         yes        1     a peer cannot be reached
    │   └── HostLost            HOST_LOST       yes        1     contact with a host was lost at work
    └── InternalError           INTERNAL        no         1     a defect of runyard

The five classes of contract 3 ("Errors: argument, execution, timeout, system, network") are the
`klass` of each.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self


class RunyardError(Exception):
    """A failure that a user can be told: what happened, its stable code, and what to do."""

    code: str = "RUNYARD"
    klass: ClassVar[str] = "execution"
    retryable: bool = False
    exit_code: ClassVar[int] = 1
    hint: str = ""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if hint is not None:
            self.hint = hint
        if retryable is not None:
            self.retryable = retryable

    def about(self, what: str) -> Self:
        """The same failure, said of `what`: who is told it would take it for another's."""
        said = type(self).__new__(type(self))
        said.__dict__.update(self.__dict__)
        said.message = f"{what}: {self.message}"
        said.args = (said.message,)
        return said

    def to_dict(self) -> dict[str, Any]:
        """The one JSON shape of an error: `code message class retryable hint`."""
        return {
            "code": self.code,
            "message": self.message,
            "class": self.klass,
            "retryable": self.retryable,
            "hint": self.hint,
        }


class UsageError(RunyardError):
    """The call itself is wrong: an option, a name, a combination."""

    code = "USAGE"
    klass = "argument"
    exit_code = 2


class ArgumentError(UsageError):
    """Arguments of an action or a runner cannot be used as they are."""

    code = "ARGUMENT"


class WorkflowError(RunyardError):
    """A document was refused; the compiler's subclass carries the diagnostics."""

    code = "WORKFLOW"
    klass = "argument"
    exit_code = 2


class NotFoundError(RunyardError):
    """What was named does not exist."""

    code = "NOT_FOUND"
    klass = "argument"
    exit_code = 2


class ConflictError(RunyardError):
    """The state of the thing does not allow what was asked."""

    code = "CONFLICT"


class FencedError(ConflictError):
    """A newer owner has taken this run: the write of the older one is refused."""

    code = "FENCED"
    exit_code = 4
    hint = "another process owns this run now; `runyard show RUN` tells which"


class ExecutionError(RunyardError):
    """The work ran and ended badly."""

    code = "EXECUTION"
    retryable = True


class DeadlineError(RunyardError):
    """The work took longer than it was allowed to."""

    code = "TIMEOUT"
    klass = "timeout"
    retryable = True


class CanceledError(RunyardError):
    """Somebody asked the work to stop."""

    code = "CANCELED"
    klass = "canceled"
    exit_code = 3


class SystemFault(RunyardError):
    """This machine could not do it: disk full, out of memory, a supervisor lost."""

    code = "SYSTEM"
    klass = "system"
    retryable = True


class StoreError(SystemFault):
    """The journal or the output store cannot be read or written."""

    code = "STORE"


class NetworkError(RunyardError):
    """A peer could not be reached, or the connection broke."""

    code = "NETWORK"
    klass = "network"
    retryable = True


class HostLost(NetworkError):
    """Contact with a host was lost while it worked for us; what goes on there is not known."""

    code = "HOST_LOST"

    @classmethod
    def of(cls, host: str, error: RunyardError, *, canceled: bool = False) -> HostLost:
        """Contact with `host` was lost by `error`; `canceled`: what runs there was to be ended."""
        what = "its cancellation could not be delivered" if canceled else "what ran there may go on"
        return cls(
            f"contact with {host} was lost, {what}: {error.message}",
            hint="once the host is back, `runyard resume RUN` takes up what still runs there, and "
            "`runyard cancel RUN` ends it; `offline: {lease: 5m}` has the host end by itself what "
            "nobody asks for",
        )


class InternalError(RunyardError):
    """A defect of runyard: an exception nobody expected, with its place."""

    code = "INTERNAL"
    klass = "system"
    hint = "this is a defect of runyard; please report it with `runyard events RUN -o json`"

    @classmethod
    def of(cls, error: BaseException, where: str) -> InternalError:
        """Wrap an unexpected exception, naming `where` and the line of code it came from."""
        tb = error.__traceback__
        while tb is not None and tb.tb_next is not None:
            tb = tb.tb_next
        at = f" at {tb.tb_frame.f_code.co_filename}:{tb.tb_lineno}" if tb is not None else ""
        return cls(f"{where}: {type(error).__name__}: {error}{at}")
