"""Wrong tokens: how many an address has, what is remembered, when it ends."""

from __future__ import annotations

from lakescope.core.guesses import ADDRESSES_MAX, WINDOW_S, WRONG_MAX, Guesses


def test_after_so_many_an_address_waits_until_its_minute_is_over() -> None:
    now = [1000.0]
    guesses = Guesses(lambda: now[0])
    for _ in range(WRONG_MAX):
        assert guesses.wait_s("192.0.2.1") == 0
        guesses.count("192.0.2.1")
    now[0] += 20
    assert guesses.wait_s("192.0.2.1") == WINDOW_S - 20
    assert guesses.wait_s("192.0.2.2") == 0
    now[0] += WINDOW_S - 20
    assert guesses.wait_s("192.0.2.1") == 0
    guesses.count("192.0.2.1")
    assert guesses.wait_s("192.0.2.1") == 0, "the next minute begins anew"


def test_a_network_of_ipv6_is_one_address_and_the_table_is_bounded() -> None:
    guesses = Guesses()
    for number in range(WRONG_MAX):
        guesses.count(f"2001:db8::{number:x}")
    assert guesses.wait_s("2001:db8::ffff:1") and not guesses.wait_s("2001:db8:0:1::1")
    for number in range(ADDRESSES_MAX):
        guesses.count(f"10.0.{number >> 8}.{number & 255}")
    assert not guesses.wait_s("2001:db8::1") and len(guesses._windows) == ADDRESSES_MAX
