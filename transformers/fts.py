"""Not written yet."""
from lakescope.messages import Decoded, Message, Rejected


def decode(message: Message, out: Decoded) -> None:
    raise Rejected("unknown_kind", expected="a format that is written")
