"""What became of a unit on Ray: it ran, or it lost its worker, and to what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from interloom.pipeline.errors import ConfigError, FatalError
from interloom.pipeline.execution.units import Unit

Loss = Literal["", "worker", "memory", "node"]
_MOST_ENDED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Ended:
    """A unit that ended: `lost` says what was lost with its worker, '' if it ran; `message` why it failed, '' if it did not."""

    unit: Unit
    lost: Loss = ""
    message: str = ""


def ready(refs: list[Any], timeout_s: float) -> list[Any]:
    """The refs that are ready, as soon as there is one; none after the timeout."""
    import ray

    if not refs:
        return []
    there, _ = ray.wait(refs, num_returns=1, timeout=timeout_s, fetch_local=False)
    if there and len(refs) > 1:  # and those that ended meanwhile
        there, _ = ray.wait(refs, num_returns=min(len(refs), _MOST_ENDED_AT_ONCE), timeout=0, fetch_local=False)
    return list(there)


def ended(unit: Unit, ref: Any) -> Ended:
    """What became of a unit. Raises what the worker raised to stop the run."""
    import ray
    from ray import exceptions

    try:
        return Ended(unit, message=ray.get(ref) or "")
    except exceptions.OutOfMemoryError as error:
        return Ended(unit, "memory", first_line(error))
    except (exceptions.NodeDiedError, exceptions.ObjectLostError, exceptions.ActorUnavailableError) as error:
        return Ended(unit, "node", first_line(error))
    except (exceptions.WorkerCrashedError, exceptions.ActorDiedError) as error:
        return Ended(unit, "worker", first_line(error))
    except exceptions.RayError as error:
        raise translated(error) from error


def first_line(error: Exception) -> str:
    """What Ray says, without the name of the task: errors of a task's arguments are wrapped in one that names the task."""
    return str(getattr(error, "cause", None) or error).strip().splitlines()[0]


def translated(error: Exception) -> Exception:
    """Our own error from inside Ray's wrapping, or one line about Ray's."""
    from ray.exceptions import RayError

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, FatalError | ConfigError) and not isinstance(cause, RayError):  # Ray's wrapping is both
            return cause
        cause = getattr(cause, "cause", None) or cause.__cause__
    return FatalError(f"Ray gave up: {str(error).strip().splitlines()[-1]}")
