"""What every verb needs: the store, the sealer of secrets, the clock; and who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from haibun.kit.clock import Clock
from haibun.store.engine import Store, Tx
from haibun.store.log_events import say
from haibun.wire.sealed import Sealer


@dataclass(frozen=True)
class Actor:
    """Who asks: a user, by which authorization, with which scopes."""

    user_id: str
    email: str
    is_admin: bool = False
    authorization_id: str | None = None
    scope: tuple[str, ...] = ("global",)


@dataclass(frozen=True)
class Platform:
    """Facts of this platform that verbs need. Hosts carry their port if it is not the scheme's own."""

    domain: str
    web_url: str
    git_host: str
    api_url: str
    rendezvous_host: str
    default_stack: str
    stacks: tuple[str, ...]

    def app_url(self, name: str) -> str:
        """Where an app answers: web_url is a template with `{app}`."""
        return self.web_url.replace("{app}", name)

    def git_url(self, name: str) -> str:
        return f"https://{self.git_host}/{name}.git"


@dataclass(frozen=True)
class Control:
    """Handed to every verb."""

    store: Store
    sealer: Sealer
    clock: Clock
    platform: Platform

    def say_api(self, tx: Tx, app_id: str, text: str) -> None:
        """One `app[api]:` line in the app's log."""
        say(tx, app_id, self.clock.now(), "app", "api", text)

    def seal_config(self, config: dict[str, str]) -> str:
        return self.sealer.seal(config)

    def open_config(self, sealed: str) -> dict[str, str]:
        config: Any = self.sealer.open(sealed)
        return dict(config)
