"""pkt-line: what goes in comes out, in whatever pieces it travels; anything else is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haibun.wire.pkt_line import FLUSH, MAX_PAYLOAD_BYTES, Decoder, PktLineError, encode

payloads = st.lists(st.none() | st.binary(max_size=40), max_size=12)


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(payloads, st.lists(st.integers(0, 10_000), max_size=6))
def test_round_trip_in_any_pieces(lines, cuts):
    data = b"".join(FLUSH if line is None else encode(line) for line in lines)
    decoder = Decoder()
    assert [line for piece in pieces_of(data, cuts) for line in decoder.feed(piece)] == lines
    assert decoder.pending_bytes == 0


@given(st.binary(max_size=60))
def test_any_bytes_are_lines_or_refused_and_never_lost(data):
    decoder = Decoder()
    taken = 0
    try:
        for line in decoder.feed(data):
            taken += 4 + len(line or b"")
    except PktLineError:
        return
    assert taken + decoder.pending_bytes == len(data)


@pytest.mark.parametrize("data", [b"0001", b"0003", b"fff5", b"zzzz", b" +1f", b"0x10", b"-001", b"1_00"])
def test_what_is_no_length_is_refused(data):
    with pytest.raises(PktLineError):
        list(Decoder().feed(data + bytes(70_000)))


def test_the_longest_line_and_one_more():
    assert encode(bytes(MAX_PAYLOAD_BYTES))[:4] == b"fff0"
    assert list(Decoder().feed(encode(bytes(MAX_PAYLOAD_BYTES)))) == [bytes(MAX_PAYLOAD_BYTES)]
    with pytest.raises(PktLineError):
        encode(bytes(MAX_PAYLOAD_BYTES + 1))


def test_known_lines():
    assert encode(b"hi\n") == b"0007hi\n"
    assert encode(b"") == b"0004"
