"""Speaks to a running HAProxy: commands over its admin socket, one worker of a reload over the master's.

Owns the words of the runtime API (2.6 to 3.2). Values in, values out; it decides nothing.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from haibun.core.errors import Temporary
from haibun.core.layout import Layout
from haibun.router.config import SERVER
from haibun.router.ops import (
    AddServer,
    Backend,
    DelHost,
    DelServer,
    FreeSlot,
    Grow,
    Op,
    Power,
    Proxy,
    SetAddress,
    SetHost,
    SetOwner,
    SetPower,
    SetReady,
)

ANSWER_SECONDS = 10.0
DONE = ("New server registered.", "Server deleted.", "no need to change", "changed from", "nothing changed")


async def ask(path: Path, command: str) -> str:
    """Send one command (or several with `;`) and read the whole answer. Temporary if nobody answers."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 26)
            try:
                writer.write(command.encode() + b"\n")
                writer.write_eof()  # the master keeps the connection open without it
                return (await reader.read()).decode(errors="replace")
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        raise Temporary(f"HAProxy does not answer on {path}: {error or 'timeout'}.") from error


class HaproxyAdmin:
    """The admin socket of one platform's HAProxy."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.old_workers: tuple[int, ...] = ()
        """Workers from before a reload that still finish requests; they are told every change too."""
        self._hosts = layout.haproxy / "hosts.map"
        self._owners = layout.haproxy / "owners.map"

    async def ask(self, command: str) -> str:
        """The answer of the present worker."""
        return await ask(self.layout.socket("haproxy-admin"), command)

    async def pid(self) -> int:
        """Process id of the present worker; another one means that the slots may have changed."""
        for line in (await self.ask("show info")).splitlines():
            if line.startswith("Pid: "):
                return int(line[5:])
        raise Temporary("HAProxy did not say its pid.")

    async def workers(self) -> tuple[int, tuple[int, ...]]:
        """(present worker or 0, old workers), as the master knows them."""
        present, old, section = 0, [], ""
        for line in (await ask(self.layout.socket("haproxy-master"), "show proc")).splitlines():
            if line.startswith("# "):
                section = line
            elif line[:1].isdigit() and "worker" in line:
                pid = int(line.split()[0])
                if section.startswith("# old"):
                    old.append(pid)
                else:
                    present = pid
        return present, tuple(old)

    async def refresh_old_workers(self) -> None:
        """Forget old workers that are gone."""
        if self.old_workers:
            self.old_workers = (await self.workers())[1]

    async def read(self) -> Proxy:
        """Everything that the planner needs to know."""
        proxy = Proxy()
        for line in (await self.ask("show backend")).splitlines():
            proxy.slots += _slot(line.strip()) is not None
        for key, value in _map_entries(await self.ask(f"show map {self._hosts}")):
            slot = _slot(value)
            known = proxy.hosts.get(key, slot)
            # Two entries for one host that differ are mended like a wrong one.
            proxy.hosts[key] = slot if slot is not None and known == slot else -1
        for key, value in _map_entries(await self.ask(f"show map {self._owners}")):
            slot = _slot(key)
            if key == "ready":
                proxy.ready = True
            elif slot is not None:
                app_id, _, state = value.partition("/")
                proxy.owners[slot] = (app_id, state)
        proxy.servers = _servers(await self.ask("show servers state"))
        return proxy

    async def do(self, op: Op) -> bool:
        """Do one operation. False if HAProxy refused to delete a server that is still in use; Temporary for
        any other refusal. Grow is not done here."""
        for command in self._commands(op):
            for pid in self.old_workers:
                await self._tell_old(pid, command)
            answer = (await self.ask(command)).strip()
            if not answer or any(done in answer for done in DONE):
                return True
            if "ntry not found" not in answer:
                break
        if isinstance(op, DelServer) and "cannot remove" in answer:
            return False
        raise Temporary(f"HAProxy refused `{command.splitlines()[0]}`: {answer[:200]}")

    async def sessions(self, slot: int) -> dict[str, int]:
        """Server key -> requests it has now or that wait for it, over all workers."""
        command = f"show stat s{slot} 4 -1"
        answers = [await self.ask(command)]
        for pid in self.old_workers:
            answers.append(await self._tell_old(pid, command))
        total: dict[str, int] = {}
        for answer in answers:
            for line in answer.splitlines():
                fields = line.split(",")
                if fields[0] == f"s{slot}":
                    total[fields[1]] = total.get(fields[1], 0) + int(fields[2] or 0) + int(fields[4] or 0)
        return total

    async def _tell_old(self, pid: int, command: str) -> str:
        try:
            return await ask(self.layout.socket("haproxy-master"), f"@!{pid} {command}")
        except Temporary:
            return ""  # it went away meanwhile, which is what it is there for

    def _commands(self, op: Op) -> tuple[str, ...]:
        """The command, and the one to try if the first finds no such entry."""
        match op:
            case SetOwner(slot, app_id, state):
                return _put(self._owners, f"s{slot}", f"{app_id}/{state}")
            case FreeSlot(slot):
                return (f"del map {self._owners} s{slot}",)
            case SetHost(host, slot):
                return _put(self._hosts, host, f"s{slot}")
            case DelHost(host):
                return (f"del map {self._hosts} {host}",)
            case AddServer(slot, key, ip, port):
                return (f"add server s{slot}/{key} {_address(ip)}:{port} {SERVER}",)
            case SetAddress(slot, key, ip, port):
                return (f"set server s{slot}/{key} addr {ip} port {port}",)
            case SetPower(slot, key, "ready"):
                # A reload writes draining servers with weight 0.
                return (f"set server s{slot}/{key} weight 1; set server s{slot}/{key} state ready",)
            case SetPower(slot, key, power):
                return (f"set server s{slot}/{key} state {power}",)
            case DelServer(slot, key):
                return (f"del server s{slot}/{key}",)
            case SetReady():
                return _put(self._owners, "ready", "1")
            case Grow():
                raise ValueError("Growing is a reload, not a command.")


def _put(path: Path, key: str, value: str) -> tuple[str, str]:
    """`set` replaces in one step, so that no request ever finds the entry missing."""
    return f"set map {path} {key} {value}", f"add map {path} {key} {value}"


def _address(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _slot(name: str) -> int | None:
    return int(name[1:]) if name[:1] == "s" and name[1:].isdigit() else None


def _map_entries(text: str) -> list[tuple[str, str]]:
    """Lines `<address> <key> <value>`."""
    parts = (line.split(" ", 2) for line in text.splitlines() if line.startswith("0x"))
    return [(part[1], part[2]) for part in parts if len(part) == 3]


def _servers(text: str) -> dict[int, dict[str, Backend]]:
    """`show servers state`: be_id be_name srv_id srv_name addr op_state admin_state uweight … port is 19th."""
    found: dict[int, dict[str, Backend]] = {}
    for line in text.splitlines():
        fields = line.split(" ")
        slot = _slot(fields[1]) if len(fields) > 18 else None
        if slot is None:
            continue
        admin, weight = int(fields[6]), int(fields[7])
        power: Power = "maint" if admin & 0x21 else "drain" if admin & 0x08 or weight == 0 else "ready"
        found.setdefault(slot, {})[fields[3]] = Backend(fields[4], int(fields[18]), power)
    return found
