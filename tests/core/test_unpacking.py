"""Packed bodies: unpacked whatever transport brought them, within a limit, told apart from damaged ones."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard

from lakescope.core.events import Push
from lakescope.core.messages import Message
from lakescope.core.unpacking import DamagedError, TooLargeError, unpack
from lakescope.pipeline.normalise import Normaliser
from lakescope.transformers.push import decode

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
BODY = b'{"producer": "p", "type": "t", "timestamp": 1767225600, "n": 1}'


@pytest.mark.parametrize("encoding", PACK)
def test_members_one_after_the_other_are_one_body(encoding: str) -> None:
    pack = PACK[encoding]
    assert unpack(pack(b"a" * 5000) + pack(b"") + pack(b"b"), encoding) == b"a" * 5000 + b"b"


@pytest.mark.parametrize("encoding", PACK)
def test_limit_is_exact(encoding: str) -> None:
    packed = PACK[encoding](b"a" * 4096)
    assert len(unpack(packed, encoding, 4096)) == 4096
    with pytest.raises(TooLargeError, match="exceeds 4095 bytes"):
        unpack(packed, encoding, 4095)


@pytest.mark.parametrize("encoding", PACK)
@pytest.mark.parametrize("damage", [lambda b: b[:-5], lambda b: b"\0" + b[1:], lambda b: b + b"rest"])
def test_damage_is_an_error(encoding: str, damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(DamagedError, match=f"the body is not {encoding}: "):
        unpack(damage(PACK[encoding](b"some text")), encoding)


@pytest.mark.parametrize("encoding", PACK)
def test_a_bomb_never_takes_more_memory_than_its_bound(encoding: str) -> None:
    bomb = PACK[encoding](bytes(2**28))
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            unpack(bomb, encoding, 2**20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**26


def normalise(body: bytes) -> tuple[list[object], list[str]]:
    out = Normaliser({"push": decode}, lambda events: None)([Message(body, "push", {}, 1767225600.0)])
    return list(out.events), [str(reject) for reject in out.rejects]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_packed_message_is_read(encoding: str) -> None:
    (event,), rejects = normalise(PACK[encoding](BODY))
    assert isinstance(event, Push)
    assert event.data == {"n": 1}
    assert not rejects


def test_a_damaged_message_is_rejected_by_its_own_reason() -> None:
    assert normalise(gzip.compress(BODY)[:-9]) == (
        [],
        ["not_unpacked at $: expected a body in gzip, found the body is not gzip: it ends too early"],
    )


def test_a_bomb_is_rejected() -> None:
    events, rejects = normalise(gzip.compress(b" " * (64 * 2**20 + 1)))
    assert not events
    assert rejects[0].startswith("not_unpacked at $: expected at most 67108864 bytes unpacked")
