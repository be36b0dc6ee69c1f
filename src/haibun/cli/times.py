"""Times and sizes as people read them. Pure: the present is an argument."""

from __future__ import annotations

from datetime import UTC, datetime


def parse(text: str) -> datetime:
    """A time of the API (`2015-01-01T12:00:00Z`), aware."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def shown(text: str | None, now: datetime | None = None) -> str:
    """`2026/11/23 16:19:10 +0000 (~ 6m ago)` in the local zone; no age after 25 hours, as Heroku's CLI."""
    if not text:
        return ""
    moment = parse(text)
    stamp = moment.astimezone().strftime("%Y/%m/%d %H:%M:%S %z")
    seconds = int(((now or datetime.now(UTC)) - moment).total_seconds())
    if seconds >= 25 * 3600:
        return stamp
    return f"{stamp} (~ {age(max(seconds, 0))} ago)"


def age(seconds: int) -> str:
    """`42s`, `6m`, `3h`."""
    if seconds < 60:
        return f"{seconds}s"
    return f"{seconds // 60}m" if seconds < 3600 else f"{seconds // 3600}h"


def size(count: int | None) -> str | None:
    """`27 MB`: a count of bytes, in steps of 1000 as Heroku's CLI prints it; None stays None."""
    if count is None:
        return None
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.3g} {unit}"
