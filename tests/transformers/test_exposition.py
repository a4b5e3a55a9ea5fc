"""The exposition formats: what Prometheus's own parsers accept of a line (prometheus/prometheus model/textparse)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakescope.transformers._common import identify_series
from lakescope.transformers._exposition import LineError, Sample, Types, parse_sample


@pytest.mark.parametrize(
    ("line", "sample"),
    [
        ("a 1", Sample("a", {}, 1.0, None)),
        ("a\t1\t2000", Sample("a", {}, 1.0, 2000.0)),
        ("a{} 1", Sample("a", {}, 1.0, None)),
        ('a {b="c"} 1', Sample("a", {"b": "c"}, 1.0, None)),
        ('a{b="c",} 1', Sample("a", {"b": "c"}, 1.0, None)),
        ('a{ b = "c" , d="e" }1', Sample("a", {"b": "c", "d": "e"}, 1.0, None)),
        ('a{b=""} 1', Sample("a", {}, 1.0, None)),
        ('a{b="}{,=# \\"\\\\\\n"} 1', Sample("a", {"b": '}{,=# "\\\n'}, 1.0, None)),
        ('{"a.b", c="d"} 1', Sample("a.b", {"c": "d"}, 1.0, None)),
        ('{"a b"} 1', Sample("a b", {}, 1.0, None)),
        ('a{"b.c"="d"} 1', Sample("a", {"b.c": "d"}, 1.0, None)),
        ("a:b -1.5e3 1520879607.789", Sample("a:b", {}, -1500.0, 1520879607.789)),
        ('a_total 17 # {trace_id="x"} 0.5 1520879607.789', Sample("a_total", {}, 17.0, None)),
        ('a_bucket{le="1"} 17 123 # {} 0.5', Sample("a_bucket", {"le": "1"}, 17.0, 123.0)),
    ],
)
def test_line(line: str, sample: Sample) -> None:
    assert parse_sample(line) == sample


@pytest.mark.parametrize(
    ("text", "value"), [("+Inf", "inf"), ("-Inf", "-inf"), ("NaN", "nan"), ("1e9999", "inf"), ("0x1p3", None)]
)
def test_values(text: str, value: str | None) -> None:
    if value is None:
        with pytest.raises(LineError):
            parse_sample(f"a {text}")
    else:
        assert str(parse_sample(f"a {text}").value) == value


@pytest.mark.parametrize(
    "line",
    [
        "a",
        "node_load15",  # of a page that was cut: not load1's 5
        "a one",
        "a 1_000",
        "a 1 2 3",
        '{b="c"} 1',
        'a{"d"} 1',
        'a{b="c"',
        'a{b="c} 1',
        'a{b="c",b="d"} 1',
        "a{b=c} 1",
        "a{b} 1",
        'a{,b="c"} 1',
        "<html>",
        "0a 1",
        'a{b="c"}} 1',
    ],
)
def test_no_sample(line: str) -> None:
    with pytest.raises(LineError):
        parse_sample(line)


def test_a_type_holds_from_its_line_on() -> None:
    """A Go program's gauge and counter of one name (caddyserver/caddy#3940)."""
    types = Types()
    types.note("# TYPE go_memstats_alloc_bytes gauge")
    assert not types.grows("go_memstats_alloc_bytes")
    types.note("# HELP go_memstats_alloc_bytes Total.")
    types.note("# TYPE go_memstats_alloc_bytes counter")
    assert types.grows("go_memstats_alloc_bytes_total")
    types.note("# TYPE rpc histogram")
    assert [types.grows(name) for name in ("rpc_bucket", "rpc_sum", "rpc_count", "rpc_created", "rpc")] == [
        *(True, True, True),
        *(False, False),
    ]


NAMES = st.text(max_size=6)
LABELS = st.dictionaries(NAMES, NAMES, max_size=4)


@given(st.tuples(NAMES, LABELS), st.tuples(NAMES, LABELS))
def test_two_series_never_share_an_id_and_one_has_one(
    one: tuple[str, dict[str, str]], other: tuple[str, dict[str, str]]
) -> None:
    def known(series: tuple[str, dict[str, str]]) -> tuple[str, dict[str, str]]:
        return series[0], {name: value for name, value in series[1].items() if value}

    ids = [identify_series(name, labels=labels) for name, labels in (one, other)]
    assert (ids[0] == ids[1]) == (known(one) == known(other))
    backwards = dict(reversed(one[1].items()))
    assert identify_series(one[0], labels=backwards) == ids[0]


@given(st.text(max_size=60))
def test_no_text_crashes_it(line: str) -> None:
    try:
        parse_sample(line)
    except LineError:
        return


@pytest.mark.parametrize(
    "line", ["a" * 50_000 + "{", "a" * 50_000 + '{x="', "a{" + 'x="' * 50_000, "a " + "1" * 50_000 + "{"]
)
def test_a_long_line_that_is_no_sample_is_refused_in_one_pass(line: str) -> None:
    """One that is gone over again and again takes minutes."""
    with pytest.raises(LineError):
        parse_sample(line)


def test_a_time_of_0_is_a_time() -> None:
    assert parse_sample("a 1 0").time == 0
