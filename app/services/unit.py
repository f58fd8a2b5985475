"""One call of a service is one transaction."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy.exc import DataError, IntegrityError
from sqlmodel import Session

from app.services.errors import Conflict, Invalid
from engine.store import db as engine_db

_Asked = ParamSpec("_Asked")
_Result = TypeVar("_Result")
_Function = TypeVar("_Function", bound=Callable[..., Any])

_THREADS: Final = 12
_AFTER_COMMIT: Final = "after_commit"
_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="unit")


def reads(service: _Function) -> _Function:
    """Mark a service that only reads: it never waits for a writer, and the database refuses it any write."""
    service.__reads__ = True  # type: ignore[attr-defined]
    return service


async def ask(
    service: Callable[Concatenate[Session, _Asked], _Result], *args: _Asked.args, **kwargs: _Asked.kwargs
) -> _Result:
    """Call ``service(db, …)`` in a thread, in a transaction of its own; what it raises comes through."""
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: call(service, *args, **kwargs))


def call(
    service: Callable[Concatenate[Session, _Asked], _Result], *args: _Asked.args, **kwargs: _Asked.kwargs
) -> _Result:
    """The same in this thread, for code that has no event loop.

    Raises:
        Conflict: two transactions wanted to write the same unique thing and this one was second.
        Invalid: a value is none that the database can hold, such as text with a NUL or a number of 70 bits.
    """
    try:
        with transaction(write=not getattr(service, "__reads__", False)) as db:
            return service(db, *args, **kwargs)
    except IntegrityError as error:
        raise Conflict("Somebody else did the same at this moment. Look again, then retry.") from error
    except (DataError, UnicodeEncodeError, OverflowError) as error:
        raise Invalid("A value holds characters or a number that cannot be stored.") from error


@contextmanager
def transaction(write: bool = True) -> Iterator[Session]:
    """A session whose block is one transaction; what was left to ``after_commit`` follows it."""
    with engine_db.transaction(write) as db:
        yield db
    for work in db.info.pop(_AFTER_COMMIT, ()):
        work()


def after_commit(db: Session, work: Callable[[], None]) -> None:
    """Do this once the transaction stands, for instance fill a cache; not at all if it is rolled back."""
    db.info.setdefault(_AFTER_COMMIT, []).append(work)
