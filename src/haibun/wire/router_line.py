"""HAProxy's record of one request -> the router line that Heroku users know. Pure, no I/O.

A record is 17 fields with tabs between, in the order of FIELDS. The H code follows from the termination state:
its first letter says who ended it (C client, S server, P proxy; small: a timeout), its second when
(Q queue, C connect, H headers, D data).
"""

from __future__ import annotations

from dataclasses import dataclass

FIELDS = "owner code ts status server TR Tw Tc Ta bytes request_id protocol method host forwarded ip uri".split()
TABS = len(FIELDS) - 1


@dataclass(frozen=True)
class Error:
    """What the line says of a failed request. `before`: text ahead of `at=`. `status` None: as it was sent."""

    code: str
    desc: str
    status: int | None = 503
    at: str = "error"
    before: str = ""


H10 = Error("H10", "App crashed")
H12 = Error("H12", "Request timeout")
H13 = Error("H13", "Connection closed without response")
H14 = Error("H14", "No web processes running")
H15 = Error("H15", "Idle connection")
H17 = Error("H17", "Poorly formatted HTTP response")
H18 = Error("H18", "Server Request Interrupted", before="sock=backend ")
H19 = Error("H19", "Backend connection timeout")
H20 = Error("H20", "App boot timeout")
H21 = Error("H21", "Backend connection refused")
H26 = Error("H26", "Request Error", 400)
H27 = Error("H27", "Client Request Interrupted", 499, "warning", "sock=client ")
H28 = Error("H28", "Client Connection Idle", 499, "warning", "sock=client ")
H80 = Error("H80", "Maintenance mode", at="info")
H81 = Error("H81", "Blank app", 502, "info")
H99 = Error("H99", "Platform error")

PAGES = {error.code: error for error in (H10, H14, H20, H80, H81)}
"""What the router answers itself, by the code in the record."""

ENDS = {
    "sH": H12, "SH": H13, "SC": H21, "sC": H19, "sQ": H99, "SD": H18, "sD": H15, "PH": H17, "SL": H18,
    "PR": H26, "CR": H27, "CC": H27, "CQ": H27, "CH": H27, "CD": H27, "CL": H27,
    "cC": H28, "cH": H28, "cD": H28, "cR": H28,
}  # fmt: skip
OWN_FAULT = frozenset("RI")
TUNNEL = "101"
NO_SERVER = "<NOSRV>"


def parse(record: str) -> tuple[str, str] | None:
    """(app id, the line's text) of one record; None if it is of no app or not a record at all.

    >>> parse("a/serving\\t-\\t--\\t200\\tweb.1:d7\\t0\\t0\\t1\\t19\\t13\\trid\\thttp\\tGET\\th\\t-\\t::1\\t/\\n")
    ('a', 'at=info method=GET path="/" host=h request_id=rid fwd="::1" dyno=web.1 connect=1ms \
service=18ms status=200 bytes=13 protocol=http')
    """
    fields = record.rstrip("\n").split("\t", TABS)
    if len(fields) <= TABS or fields[0] in ("", "-"):
        return None
    owner, code, end, status, server, tr, tw, tc, ta, size, rid, protocol, method, host, forwarded, ip, uri = (
        fields
    )
    app_id = owner.partition("/")[0]
    fwd = ip if forwarded == "-" else f"{forwarded}, {ip}"
    error = _error(code, end, status, server)
    head = "at=info"
    if error is not None:
        head = f'{error.before}at={error.at} code={error.code} desc="{error.desc}"'
        status = status if error.status is None else str(error.status)
    connect = service = dyno = ""
    if server != NO_SERVER:
        dyno = server.partition(":")[0]
    if tc != "-1":
        connect = f"{tc}ms"
        service = f"{max(0, int(ta) - max(0, int(tr)) - max(0, int(tw)) - int(tc))}ms"
    if error is not None and dyno == "":
        size = ""
    elif error is H27 and end[1] != "D":
        size = "0"  # the page that nobody was there to take
    return app_id, (
        f'{head} method={method} path="{_quoted(_path(uri))}" host={_bare(host)} request_id={rid} '
        f'fwd="{_quoted(fwd)}" dyno={dyno} connect={connect} service={service} status={status} bytes={size} '
        f"protocol={protocol}"
    )


def _error(code: str, end: str, status: str, server: str) -> Error | None:
    if code != "-":
        return PAGES.get(code, H99)
    if end == "--":
        return None
    key = end[:2]
    if status == TUNNEL and key in ("CD", "SD"):
        return None  # either side may hang up a WebSocket
    if key == "SC" and server == NO_SERVER:
        return H99
    if key[0] in OWN_FAULT:
        return H99
    return ENDS.get(key)


def _path(uri: str) -> str:
    """HTTP/2 records carry the whole URL; the line has the path and the query. What is not fit for a line comes
    as #hex, and no request has a # of its own."""
    uri = uri.replace("#", "%")
    if uri.startswith("/"):
        return uri
    _, found, rest = uri.partition("://")
    return "/" + rest.partition("/")[2] if found else uri


def _quoted(text: str) -> str:
    return text.replace('"', "%22") if '"' in text else text


def _bare(text: str) -> str:
    return text.replace(" ", "").replace('"', "") if " " in text or '"' in text else text
