"""k8s-file records to lines and lines to events: nothing lost, nothing forged, whatever a program prints."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from haibun.wire import k8s_log, log_line, sse

MARK = log_line.mark("app", "web.1")
NOW = b"2026-11-23T23:59:59.999999+00:00"
TIME = b"2026-11-23T23:00:00.123456789+00:00"
START = TIME[:26] + MARK

text = st.text(st.sampled_from("aé\u2028😀 \t:"), max_size=30).map(str.encode)
long_text = st.tuples(st.sampled_from(["x", "é", "😀", "aé"]), st.integers(0, 12_000)).map(
    lambda pair: (pair[0] * pair[1]).encode()
)
clean_line = st.one_of(text, long_text)
raw = st.binary(max_size=40).map(lambda data: data.replace(b"\n", b""))


def conmon(printed: bytes, reads: list[int], stream: bytes = b"stdout", time: bytes = TIME) -> bytes:
    """What conmon writes of `printed` if its reads return so many bytes each (the last number repeats)."""
    out, at, turn = b"", 0, 0
    while at < len(printed):
        size = reads[min(turn, len(reads) - 1)]
        part, at, turn = printed[at : at + size], at + size, turn + 1
        *full, rest = part.split(b"\n")
        out += b"".join(time + b" " + stream + b" F " + row + b"\n" for row in full)
        if rest:
            out += time + b" " + stream + b" P " + rest + b"\n"
    return out


def decode(data: bytes, cuts: list[int]) -> list[bytes]:
    """Decode in as many calls as there are cuts, each at the end of a record; then flush."""
    carry: k8s_log.Carry = {}
    rows = [row + b"\n" for row in data.split(b"\n")[:-1]]
    found, at = [], 0
    for cut in [*sorted(cut % (len(rows) + 1) for cut in cuts), len(rows)]:
        if rows[at:cut]:
            found += k8s_log.decode(b"".join(rows[at:cut]), MARK, carry, NOW)
        at = cut
    return found + k8s_log.flush(MARK, carry, NOW)


def texts(lines: list[bytes]) -> list[bytes]:
    assert all(line[26 : 26 + len(MARK)] == MARK for line in lines)
    return [line[26 + len(MARK) :] for line in lines]


@given(
    st.lists(clean_line, max_size=6),
    st.lists(st.integers(1, 9_000), min_size=1, max_size=6),
    st.lists(st.integers(0, 50), max_size=4),
)
@example([b"x" * 10_000, b"y" * 10_001, b"z" * 20_000, b""], [8192], [1, 2])
def test_round_trip_of_clean_lines(lines: list[bytes], reads: list[int], cuts: list[int]) -> None:
    if min(reads) < 50:  # small reads of long text are slow and say nothing new
        lines = [line[:200] if line.isascii() else line.decode()[:60].encode() for line in lines]
    data = conmon(b"".join(line + b"\n" for line in lines), reads)
    found = texts(decode(data, cuts))
    assert all(len(part) <= log_line.LIMIT for part in found)
    expected = [part for line in lines for part in log_line.pieces(line)]
    assert found == expected


@given(st.lists(raw, max_size=8), st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 9))
def test_any_bytes_become_clean_lines(lines: list[bytes], reads: list[int], cut: int) -> None:
    data = conmon(b"".join(line + b"\n" for line in lines), reads)
    found = texts(decode(data, [cut]))
    assert found == [log_line.clean(line) for line in lines]
    for part in found:
        part.decode()
        assert not set(b"\r\n\0") & set(part)


@given(st.integers(9_990, 30_010), st.sampled_from([b"x", "é".encode(), "😀".encode()]))
def test_pieces_are_whole_characters_and_nearly_full(size: int, character: bytes) -> None:
    message = character * size
    parts = log_line.pieces(message)
    assert b"".join(parts) == message
    assert all(log_line.LIMIT - 4 < len(part) <= log_line.LIMIT for part in parts[:-1])
    assert all(part.decode() for part in parts)


@given(st.lists(st.tuples(st.sampled_from([b"stdout", b"stderr"]), st.sampled_from("PF"), text), max_size=20))
def test_streams_do_not_mix(records: list[tuple[bytes, str, bytes]]) -> None:
    data = b"".join(
        TIME + b" " + stream + b" " + tag.encode() + b" " + body + b"\n" for stream, tag, body in records
    )
    expected: list[bytes] = []
    held = {b"stdout": b"", b"stderr": b""}
    for stream, tag, body in records:
        held[stream] += body
        if tag == "F":
            expected.append(held[stream])
            held[stream] = b""
    carry: k8s_log.Carry = {}
    assert texts(k8s_log.decode(data, MARK, carry, NOW)) == expected if data else True
    assert {name: carry.get(name, b"") for name in held} == held


def test_the_hosts_zone_becomes_utc() -> None:
    def line(time: bytes) -> bytes:
        return k8s_log.decode(time + b" stdout F hi\n", MARK, {}, NOW)[0]

    assert line(b"2026-11-24T00:30:00.123456789+01:00") == b"2026-11-23T23:30:00.123456+00:00 app[web.1]: hi"
    assert line(b"2026-12-31T23:30:00.000001999-05:30") == b"2027-01-01T05:00:00.000001+00:00 app[web.1]: hi"
    assert line(TIME) == START + b"hi"


def test_zones_may_change_in_the_middle_of_a_batch() -> None:
    data = TIME + b" stdout F one\n" + b"2026-11-24T00:00:00.123456789+01:00 stderr F two\n"
    assert k8s_log.decode(data, MARK, {}, NOW) == [START + b"one", START + b"two"]


@given(st.binary(max_size=60).filter(lambda data: b"\n" not in data))
def test_what_is_no_record_is_still_said(junk: bytes) -> None:
    (line,) = k8s_log.decode(junk + b"\n", MARK, {}, NOW)
    assert line[26 : 26 + len(MARK)] == MARK


@given(st.lists(raw.map(log_line.clean)), st.integers(0, 10**12), st.lists(st.integers(1, 40), min_size=1))
def test_events_round_trip_however_they_arrive(lines: list[bytes], first: int, sizes: list[int]) -> None:
    data = sse.encode(first, lines) + sse.KEEPALIVE + sse.notice(b"n")
    decoder, found, at, turn = sse.Decoder(), [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        found += decoder.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    expected = [(str(first + place), line.decode()) for place, line in enumerate(lines)]
    assert found == [*expected, (None, "n")]
