"""Blocking calls in threads that nobody has to wait for.

asyncio's own executor joins its threads at the end: a name service that does not answer would hold up the process.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_thread(call: Callable[..., T], *arguments: object) -> T:
    """`call(*arguments)`; a wait that is cancelled leaves the thread to its end."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        try:
            value = call(*arguments)
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            _tell(loop, result, error=error)
        else:
            _tell(loop, result, value=value)

    threading.Thread(target=work, name="probe", daemon=True).start()
    return await result


def _tell(
    loop: asyncio.AbstractEventLoop,
    result: asyncio.Future[T],
    *,
    value: T | None = None,
    error: BaseException | None = None,
) -> None:
    def settle() -> None:
        if result.done():  # cancelled
            return
        if error is None:
            result.set_result(value)  # type: ignore[arg-type]
        else:
            result.set_exception(error)

    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(settle)
