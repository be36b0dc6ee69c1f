"""Token buckets in memory: requests per account, wrong passwords per e-mail. Lost on a restart, which is fine."""

from __future__ import annotations

import threading

from haibun.core.errors import Refused
from haibun.kit.clock import Clock

MOST_BUCKETS = 10_000


class Buckets:
    """A bucket of `capacity` per key, refilled by `per_second`. Safe to use from several threads."""

    def __init__(self, clock: Clock, capacity: int, per_second: float) -> None:
        self._clock, self._capacity, self._per_second = clock, capacity, per_second
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key: str, message: str) -> int:
        """Take one and return how many are left; Refused (429) from an empty bucket."""
        now = self._clock.monotonic()
        with self._lock:
            left = self._left(key, now)
            if left < 1:
                raise Refused(message, id="rate_limit", status=429)
            if len(self._buckets) >= MOST_BUCKETS:
                self._forget_full(now)
            self._buckets[key] = (left - 1, now)
        return int(left - 1)

    def check(self, key: str, message: str) -> None:
        """Refused (429) if the bucket is empty; takes nothing."""
        with self._lock:
            if self._left(key, self._clock.monotonic()) < 1:
                raise Refused(message, id="rate_limit", status=429)

    def left(self, key: str) -> int:
        with self._lock:
            return int(self._left(key, self._clock.monotonic()))

    def _left(self, key: str, now: float) -> float:
        left, since = self._buckets.get(key, (float(self._capacity), now))
        return min(float(self._capacity), left + (now - since) * self._per_second)

    def _forget_full(self, now: float) -> None:
        for key in [key for key in self._buckets if self._left(key, now) >= self._capacity]:
            del self._buckets[key]
