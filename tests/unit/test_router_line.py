"""Records of HAProxy -> router lines: one row a cause."""

from __future__ import annotations

import pytest

from haibun.wire import router_line


def record(**given: str) -> str:
    fields = {
        "owner": "a1/serving", "code": "-", "ts": "--", "status": "200", "server": "web.1:d7",
        "TR": "0", "Tw": "0", "Tc": "1", "Ta": "19", "bytes": "13", "request_id": "rid", "protocol": "https",
        "method": "GET", "host": "h.io", "forwarded": "-", "ip": "1.2.3.4", "uri": "/",
    }  # fmt: skip
    assert list(fields) == router_line.FIELDS
    return "\t".join((fields | given).values()) + "\n"


def line(**given: str) -> str:
    parsed = router_line.parse(record(**given))
    assert parsed
    assert parsed[0] == "a1"
    return parsed[1]


def test_herokus_own_sample() -> None:
    """[the sample in Heroku's article on HTTP routing, field by field]"""
    assert line(
        request_id="8601b555-6a83-4c12-8269-97c8e32cdb22", host="app.herokuapp.com", ip="204.204.204.204"
    ) == (
        'at=info method=GET path="/" host=app.herokuapp.com request_id=8601b555-6a83-4c12-8269-97c8e32cdb22 '
        'fwd="204.204.204.204" dyno=web.1 connect=1ms service=18ms status=200 bytes=13 protocol=https'
    )


@pytest.mark.parametrize(
    ("given", "start", "status"),
    [
        ({"ts": "sH", "status": "504"}, 'at=error code=H12 desc="Request timeout" method=', 503),
        ({"ts": "SH", "status": "502"}, 'at=error code=H13 desc="Connection closed without response" ', 503),
        ({"ts": "SC", "status": "503"}, 'at=error code=H21 desc="Backend connection refused" ', 503),
        ({"ts": "sC", "status": "503"}, 'at=error code=H19 desc="Backend connection timeout" ', 503),
        ({"ts": "SD"}, 'sock=backend at=error code=H18 desc="Server Request Interrupted" ', 503),
        ({"ts": "sD"}, 'at=error code=H15 desc="Idle connection" ', 503),
        ({"ts": "CD"}, 'sock=client at=warning code=H27 desc="Client Request Interrupted" ', 499),
        ({"ts": "cD"}, 'sock=client at=warning code=H28 desc="Client Connection Idle" ', 499),
        ({"ts": "PH", "status": "502"}, 'at=error code=H17 desc="Poorly formatted HTTP response" ', 503),
        ({"ts": "RC", "status": "503"}, 'at=error code=H99 desc="Platform error" ', 503),
        ({"ts": "SC", "server": "<NOSRV>", "status": "503"}, 'at=error code=H99 desc="Platform error" ', 503),
        ({"ts": "LR", "code": "H14"}, 'at=error code=H14 desc="No web processes running" ', 503),
        ({"ts": "LR", "code": "H80"}, 'at=info code=H80 desc="Maintenance mode" ', 503),
        ({"ts": "sD", "status": "101"}, 'at=error code=H15 desc="Idle connection" ', 503),
        ({"ts": "CD", "status": "101"}, "at=info method=GET ", 101),
        ({"ts": "SD", "status": "101"}, "at=info method=GET ", 101),
    ],
)
def test_causes(given: dict[str, str], start: str, status: int) -> None:
    text = line(**given)
    assert text.startswith(start)
    assert f" status={status} " in text


def test_no_dyno_no_numbers() -> None:
    text = line(code="H14", ts="LR", server="<NOSRV>", Tc="-1", Ta="0", status="503", bytes="1700")
    assert " dyno= connect= service= status=503 bytes= protocol=https" in text


def test_what_a_stranger_sends_stays_in_its_field() -> None:
    text = line(uri='/"\tx status=1', forwarded='1.1.1.1" status=2', host='h" at=error')
    assert 'path="/%22\tx status=1"' in text
    assert 'fwd="1.1.1.1%22 status=2, 1.2.3.4"' in text
    assert "host=hat=error" in text


def test_an_http2_record_has_the_whole_url() -> None:
    assert ' path="/a/b?c" ' in line(uri="https://h.io/a/b?c")
    assert ' path="/" ' in line(uri="https://h.io")
    assert ' path="*" ' in line(uri="*", method="OPTIONS")


@pytest.mark.parametrize("text", ["", "-", "hello", record(owner="-"), record(owner=""), "a\tb\tc"])
def test_not_an_apps_record(text: str) -> None:
    assert router_line.parse(text) is None
