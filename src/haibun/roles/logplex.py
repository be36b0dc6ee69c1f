"""The logplex process: every line in, buffers, tails out."""

from __future__ import annotations

import asyncio

from haibun.roles import compose


def main() -> None:
    settings, layout = compose.enter("logplex")
    from haibun.logplex.serve import serve
    from haibun.store import dynos, log_events

    control = compose.control_of(settings, layout)

    def take() -> list[log_events.Line]:
        with control.store.read() as conn:
            return log_events.take(conn)

    def forget(up_to_id: int) -> None:
        with control.store.write() as tx:
            log_events.forget(tx, up_to_id)

    def is_gone(dyno_id: str) -> bool:
        with control.store.read() as conn:
            row = dynos.by_id(conn, dyno_id)
        return row is None or row.phase in ("gone", "crashed")

    asyncio.run(serve(layout, control.sealer, take, forget, is_gone))


if __name__ == "__main__":
    main()
