"""Of the process whose clock libfaketime fakes: a sleep until a moment that has just passed is an error there (EINVAL, 0.9.10).

It should return at once; on a busy machine every few starts would end by that.
"""

import threading
import time


def _sleep(seconds: float) -> None:
    threading.Event().wait(seconds)


time.sleep = _sleep
