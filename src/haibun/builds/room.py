"""The builds room: a pending build gets a build dyno; its output becomes the build's stream; its end becomes
a slug and a release, or a failure that leaves everything as it was. Never detects or compiles itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any

from sqlalchemy import Row, select

from haibun.blobs import sources
from haibun.blobs.streams import StreamWriter
from haibun.blobs.streams import path as stream_path
from haibun.builds import text
from haibun.builds.output import Output
from haibun.control import builds as verbs
from haibun.control.context import Control
from haibun.core.errors import HaibunError
from haibun.core.layout import Layout
from haibun.core.names import check_process_type
from haibun.kit.keyed_loop import KeyedLoop
from haibun.store import apps as app_rows
from haibun.store import dynos as dyno_rows
from haibun.store.tables import apps, builds

log = logging.getLogger(__name__)
POLL_SECONDS = 0.02


class BuildsRoom:
    """run() until cancelled. `build_env`: what the operator lets reach every build (CA, proxies, indexes)."""

    def __init__(self, control: Control, layout: Layout, build_env: dict[str, str]) -> None:
        self.control, self.layout, self.build_env = control, layout, build_env
        self.loop = KeyedLoop("builds", self._keys, self._look)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._wake: dict[str, asyncio.Event] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self.loop.run())

    def hint(self, app_id: str) -> None:
        for event in self._wake.values():
            event.set()
        self.loop.hint(app_id)

    def _keys(self) -> list[str]:
        with self.control.store.read() as conn:
            return list(conn.execute(select(builds.c.app_id).where(builds.c.status == "pending")).scalars())

    async def _look(self, app_id: str) -> float | None:
        build = await asyncio.to_thread(self._pending, app_id)
        if build is None or build.id in self._running:
            return None
        assert self._group is not None
        self._running[build.id] = self._group.create_task(self._guarded(build))
        return None

    def _pending(self, app_id: str) -> Row[Any] | None:
        query = select(builds).where(builds.c.app_id == app_id, builds.c.status == "pending")
        with self.control.store.read() as conn:
            return conn.execute(query).first()

    async def _guarded(self, build: Row[Any]) -> None:
        self._wake[build.id] = asyncio.Event()
        writer = StreamWriter(self.layout, build.id)
        try:
            await self._run(build, writer)
        except Exception as error:
            log.exception("build %s failed for a reason of ours", build.id)
            reason = str(error) if isinstance(error, HaibunError) else "see the platform's log"
            await self._fail(build, writer, text.broken(reason))
        else:
            await asyncio.to_thread(self._tidy, build)
        finally:
            self._running.pop(build.id, None)
            self._wake.pop(build.id, None)

    def _tidy(self, build: Row[Any]) -> None:
        """What only this build needed: its source, and the dyno's output, which its stream has now."""
        sources.delete(self.layout, build.source_id)
        with self.control.store.read() as conn:
            dyno_id = conn.execute(select(builds.c.dyno_id).where(builds.c.id == build.id)).scalar()
        # By its id: the app's next build may already write beside it.
        for path in (self.layout.output / build.app_id).glob(f"build.*.{dyno_id}.log"):
            path.unlink(missing_ok=True)

    # -- one build, start to end

    async def _run(self, build: Row[Any], writer: StreamWriter) -> None:
        env = self._env(build)
        dyno_id = await asyncio.to_thread(verbs.start_dyno, self.control, build.id, command="build", env=env)
        name = await asyncio.to_thread(self._dyno_name, dyno_id)
        output = Output(self.layout.output / build.app_id / f"{name}.{dyno_id}.log")
        # Until the dyno's end a stream holds its output and nothing else, so its length says where to go on.
        output.skip(stream_path(self.layout, build.id).stat().st_size)
        row, cancelled = await self._follow(build, dyno_id, output, writer)
        if cancelled:
            await self._fail(build, writer, " !     The build was cancelled.\n", status="cancelled")
        elif row is None:
            await self._fail(build, writer, text.broken("its dyno could not be started in time"))
        elif row.exit_code != 0 and row.result is not None:
            await self._fail(build, writer, text.broken(json.loads(row.result)["error"]))
        elif row.exit_code != 0:
            late = (self.control.clock.now() - build.created_at).total_seconds() >= verbs.BUILD_LIMIT_SECONDS
            await self._fail(build, writer, text.ended(row.exit_code, out_of_time=late))
        else:
            await self._finish(build, dyno_id, writer)

    async def _follow(
        self, build: Row[Any], dyno_id: str, output: Output, writer: StreamWriter
    ) -> tuple[Row[Any] | None, bool]:
        """Pass output on until the dyno has ended: (its row, None if it never began; whether it was cancelled)."""
        while True:
            row, cancelled, wanted = await asyncio.to_thread(self._state, build.id, dyno_id)
            ended = row.phase in ("complete", "gone") if row is not None else cancelled or not wanted
            while chunk := await asyncio.to_thread(output.read):
                writer.write(chunk)
            if ended:
                return row, cancelled
            event = self._wake[build.id]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await event.wait()
            event.clear()

    def _state(self, build_id: str, dyno_id: str) -> tuple[Row[Any] | None, bool, bool]:
        """The dyno's row, whether the build is cancelled, whether the dyno is still wanted."""
        with self.control.store.read() as conn:
            build = conn.execute(select(builds).where(builds.c.id == build_id)).first()
            cancelled = build is None or build.cancel_requested_at is not None
            wanted = dyno_rows.one_off(conn, dyno_id) is not None
            return dyno_rows.by_id(conn, dyno_id), cancelled, wanted

    async def _finish(self, build: Row[Any], dyno_id: str, writer: StreamWriter) -> None:
        writer.write(text.compressing())
        sealed = await self._sealed(build, dyno_id)
        if "error" in sealed:
            await self._fail(build, writer, text.broken(sealed["error"]))
            return
        number = sealed["size_bytes"]
        if number > text.SLUG_LIMIT_BYTES:
            await self._fail(build, writer, text.too_large(number))
            return
        writer.write(text.compressed(number))
        result = json.loads(sealed["result"])
        slug = {
            "id": sealed["slug_id"],
            "process_types": _strings(result["process_types"]),
            "size": number,
            "checksum": sealed["checksum"],
            "buildpack_provided_description": str(result["buildpack_provided_description"])[:100],
        }
        packs = [str(pack) for pack in result["buildpacks"]]
        release = await asyncio.to_thread(verbs.finish, self.control, build.id, slug, packs)
        app_name = await asyncio.to_thread(self._app_name, build.app_id)
        url = self.control.platform.app_url(app_name)
        phase = release.status == "pending"
        writer.write(text.launched(release.version, url, number, phase=phase))
        writer.finish("succeeded")

    async def _sealed(self, build: Row[Any], dyno_id: str) -> dict[str, Any]:
        while True:
            row, _, _ = await asyncio.to_thread(self._state, build.id, dyno_id)
            if row is not None and row.result is not None:
                found: dict[str, Any] = json.loads(row.result)
                return found
            if row is None or row.phase == "gone":
                return {"error": "its result was lost"}
            event = self._wake[build.id]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await event.wait()
            event.clear()

    async def _fail(self, build: Row[Any], writer: StreamWriter, why: str, status: str = "failed") -> None:
        writer.write(why)
        await asyncio.to_thread(verbs.fail, self.control, build.id, why.strip() or "the build failed")
        writer.finish(status)

    def _env(self, build: Row[Any]) -> dict[str, str]:
        return self.build_env | {
            "STACK": build.stack,
            "SOURCE_VERSION": build.source_version or "",
            "REQUEST_ID": build.id,
            "BUILD_DIR": f"/tmp/build_{build.id[:8]}",  # noqa: S108 a path inside the build's container
            "CACHE_DIR": "/cache",
            "ENV_DIR": "/env",
            "HAIBUN_BUILDPACKS": json.dumps(build.buildpacks),
        }

    def _dyno_name(self, dyno_id: str) -> str:
        with self.control.store.read() as conn:
            row = dyno_rows.one_off(conn, dyno_id) or dyno_rows.by_id(conn, dyno_id)
        return str(row.name) if row is not None else "build.0"

    def _app_name(self, app_id: str) -> str:
        with self.control.store.read() as conn:
            return str(conn.execute(app_rows.live.where(apps.c.id == app_id)).one().name)


def _strings(value: dict[Any, Any]) -> dict[str, str]:
    return {check_process_type(str(key)): str(command)[:32_768] for key, command in value.items()}
