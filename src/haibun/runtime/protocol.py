"""The words between the runtime and those who ask it: one JSON object a line over a unix stream socket.

Requests are the methods of Driver and nothing else: no path, no host command. Each has an `id` its answer
repeats; answers come in any order. `changes` answers many times; `attach` has a connection of its own and
answers with a descriptor. Pure: bytes and values only.
"""

from __future__ import annotations

from typing import Any

import msgspec

from haibun.core.errors import Final, HaibunError, Refused, Temporary
from haibun.runtime.driver import DynoSpec

LINE_BYTES = 8 * 1024 * 1024


class Start(msgspec.Struct, tag="start", forbid_unknown_fields=True):
    id: int
    spec: DynoSpec


class Signal(msgspec.Struct, tag="signal", forbid_unknown_fields=True):
    id: int
    dyno_id: str
    number: int


class Stop(msgspec.Struct, tag="stop", forbid_unknown_fields=True):
    id: int
    dyno_id: str
    grace_seconds: float


class Remove(msgspec.Struct, tag="remove", forbid_unknown_fields=True):
    id: int
    dyno_id: str


class List(msgspec.Struct, tag="list", forbid_unknown_fields=True):
    id: int


class Changes(msgspec.Struct, tag="changes", forbid_unknown_fields=True):
    id: int


class Attach(msgspec.Struct, tag="attach", forbid_unknown_fields=True):
    id: int
    dyno_id: str


class Resize(msgspec.Struct, tag="resize", forbid_unknown_fields=True):
    id: int
    dyno_id: str
    rows: int
    cols: int


class Listening(msgspec.Struct, tag="listening", forbid_unknown_fields=True):
    id: int
    dyno_id: str
    port: int


class Seal(msgspec.Struct, tag="seal", forbid_unknown_fields=True):
    id: int
    dyno_id: str
    slug_id: str


class MemoryBytes(msgspec.Struct, tag="memory_bytes", forbid_unknown_fields=True):
    id: int
    dyno_id: str


Request = Start | Signal | Stop | Remove | List | Changes | Attach | Resize | Listening | Seal | MemoryBytes


class Failure(msgspec.Struct):
    """An error of the driver on its way: `kind` is temporary, final or invalid (the request itself)."""

    kind: str
    message: str
    code: str = ""
    after_seconds: float = 1.0


class Answer(msgspec.Struct, omit_defaults=True):
    """`result` is JSON of what the method returns. id -1: the request was not understood at all."""

    id: int
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Failure | None = None


_requests: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Request)
_answers = msgspec.json.Decoder(Answer)
_encoder = msgspec.json.Encoder()


def encode(message: Any) -> bytes:
    """A line."""
    return _encoder.encode(message) + b"\n"


def decode_request(line: bytes) -> Request:
    """Final('invalid') with what is wrong if the line is no request."""
    try:
        request: Request = _requests.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Final("invalid", f"The runtime does not understand this request: {error}.") from None
    return request


def decode_answer(line: bytes) -> Answer:
    """Temporary if the line is no answer: the two sides are of different versions."""
    try:
        return _answers.decode(line)
    except msgspec.DecodeError as error:
        raise Temporary(f"The runtime's answer is not understood: {error}.", after_seconds=5) from None


def answer(id: int, result: Any) -> bytes:
    return encode(Answer(id, msgspec.Raw(_encoder.encode(result))))


def failure(id: int, error: Exception) -> bytes:
    """An error as an answer. What is not one of ours is temporary, and says nothing of our insides."""
    if isinstance(error, Temporary):
        said = Failure("temporary", str(error), after_seconds=error.after_seconds)
    elif isinstance(error, Final):
        said = Failure("final", str(error), code=error.code)
    elif isinstance(error, Refused):
        said = Failure("final", error.message, code=error.id)
    else:
        said = Failure("temporary", f"The runtime failed ({type(error).__name__}); its log has the details.")
    return encode(Answer(id, error=said))


def raised(failure: Failure) -> HaibunError:
    """The error as it was on the other side."""
    if failure.kind == "temporary":
        return Temporary(failure.message, after_seconds=failure.after_seconds)
    return Final(failure.code or failure.kind, failure.message)
