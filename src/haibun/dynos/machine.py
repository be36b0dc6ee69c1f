"""What the runtime says of dynos, kept at hand: list() is the truth, changes() make it sooner. Writes no rows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from haibun.core.errors import HaibunError, Temporary
from haibun.runtime.driver import Driver, DynoSeen

log = logging.getLogger(__name__)
AGAIN_SECONDS = 0.5


class Machine:
    """`on_news(app_id)` is called when a dyno of the app has changed."""

    def __init__(self, driver: Driver, on_news: Callable[[str], None]) -> None:
        self._driver = driver
        self._on_news = on_news
        self._seen: dict[str, DynoSeen] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self._touched: set[str] = set()
        self._listing = asyncio.Lock()

    def seen(self, dyno_id: str) -> DynoSeen | None:
        """The dyno as it was last seen; None if the runtime had none of that id."""
        return self._seen.get(dyno_id)

    def has_exited(self, dyno_id: str) -> bool:
        seen = self._seen.get(dyno_id)
        return seen is not None and seen.state == "exited"

    def note(self, seen: DynoSeen) -> None:
        """It was started, or has changed. Phases only grow: one that has exited does not run again."""
        self._touched.add(seen.id)
        if self.has_exited(seen.id):
            return
        self._seen[seen.id] = seen
        if seen.state == "exited" and (event := self._ended.get(seen.id)):
            event.set()

    def forget(self, dyno_id: str) -> None:
        """It was removed."""
        self._touched.add(dyno_id)
        self._seen.pop(dyno_id, None)

    async def until_ended(self, dyno_id: str) -> None:
        """Wait until the dyno has exited. One waiter a dyno."""
        if self.has_exited(dyno_id):
            return
        event = self._ended[dyno_id] = asyncio.Event()
        try:
            await event.wait()
        finally:
            self._ended.pop(dyno_id, None)

    async def watch(self) -> None:
        """Note changes until cancelled; whatever goes wrong, it begins again."""
        while True:
            try:
                async for seen in self._driver.changes():
                    self.note(seen)
                    self._on_news(seen.app_id)
            except HaibunError as error:
                log.warning("the runtime is away: %s", error)
            except Exception:
                log.exception("watching the runtime failed; beginning again")
            await asyncio.sleep(AGAIN_SECONDS)

    async def refresh(self) -> list[DynoSeen]:
        """Take the list of now for the truth, but for what was noted while it was made; tells of what is news.

        Temporary if the runtime is away: then nothing is known anew.
        """
        async with self._listing:
            self._touched.clear()
            listed = {seen.id: seen for seen in await self._driver.list()}
            old, self._seen = self._seen, {}
            for dyno_id in listed.keys() | old.keys():
                held = dyno_id in self._touched or (dyno_id in listed and _exited(old.get(dyno_id)))
                seen = old.get(dyno_id) if held else listed.get(dyno_id)
                if seen is not None:
                    self._seen[dyno_id] = seen
        self._tell(old)
        return list(self._seen.values())

    async def until_known(self) -> None:
        """Return once the runtime has said what there is. Until then every dyno would look lost."""
        while True:
            try:
                await self.refresh()
            except Temporary as error:
                log.warning("the runtime is away: %s", error)
            except Exception:
                log.exception("listing the dynos failed; asking again")
            else:
                return
            await asyncio.sleep(AGAIN_SECONDS)

    def _tell(self, old: dict[str, DynoSeen]) -> None:
        for dyno_id, seen in self._seen.items():
            if _exited(seen) and not _exited(old.get(dyno_id)):
                if event := self._ended.get(dyno_id):
                    event.set()
                self._on_news(seen.app_id)


def _exited(seen: DynoSeen | None) -> bool:
    return seen is not None and seen.state == "exited"
