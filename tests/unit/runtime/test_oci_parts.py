"""The pure parts of the local driver: bundle, rules, resolvers, listeners."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from haibun.core.errors import Final
from haibun.core.layout import Layout
from haibun.runtime.driver import DynoSpec, Limits
from haibun.runtime.oci import bundle, cgroups, firewall, seccomp
from haibun.runtime.oci import syscalls as sc
from haibun.runtime.oci.config import OciConfig, host_resolvers
from haibun.runtime.oci.listeners import _is_loopback

ID = "11111111-1111-1111-1111-111111111111"
PLACE = bundle.Place("/r", "/proc/1/fd/3", has_init=True)


def config(**changes: object) -> OciConfig:
    fields: dict[str, object] = {
        "layout": Layout(Path("/data"), Path("/run/x")),
        "subnet": IPv4Network("10.201.0.0/18"),
        "build_tools": Path("/tools"),
        "platform_id": "a-b",
        "log_owner": (1, 1),
    }
    return OciConfig(**(fields | changes))  # type: ignore[arg-type]


def spec(**changes: object) -> DynoSpec:
    fields: dict[str, object] = {
        "id": ID,
        "app_id": ID,
        "name": "web.1",
        "kind": "run",
        "stack": "s",
        "uid_base": 65536,
        "argv": ("a", "b c"),
        "env": {"K": "v=w"},
    }
    return DynoSpec(**(fields | changes))  # type: ignore[arg-type]


def test_the_bundle_gives_nothing_away() -> None:
    made = bundle.config(spec(), PLACE)
    process, linux = made["process"], made["linux"]
    assert process["args"] == ["/usr/bin/tini", "--", "a", "b c"]
    assert process["env"] == ["K=v=w"]
    assert process["noNewPrivileges"] is True
    assert not any(process["capabilities"].values())
    assert {kind["type"] for kind in linux["namespaces"]} == {
        "user",
        "pid",
        "mount",
        "uts",
        "ipc",
        "network",
    }
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": 65536, "size": 65536}]


def test_limits_are_those_of_either_kind_of_cgroup() -> None:
    limits = Limits(64, 2048, 32)
    assert cgroups._settings("v2", limits) == [
        ("memory.max", "67108864"),
        ("memory.swap.max", "0"),
        ("cpu.weight", "200"),
        ("pids.max", "32"),
    ]
    assert dict(cgroups._settings("hybrid", limits)) == {
        "memory.limit_in_bytes": "67108864",
        "memory.memsw.limit_in_bytes": "67108864",
        "cpu.shares": "2048",
        "pids.max": "32",
    }


def test_hostnames_are_legal() -> None:
    assert bundle.hostname("web.1") == "web-1"
    assert bundle.hostname("a_b" * 30 + ".1").replace("-", "").isalnum()
    assert len(bundle.hostname("a" * 70 + ".1")) <= 63


def test_the_filter_names_no_call_twice() -> None:
    assert len(set(seccomp.DENIED)) == len(seccomp.DENIED)
    assert {"io_uring_setup", "bpf", "unshare", "keyctl"} <= set(seccomp.DENIED)


def test_the_rules_open_only_what_is_asked_for() -> None:
    closed = firewall.rules(config(), ())
    assert "dport" not in closed
    opened = firewall.rules(config(host_ports=(5432,)), ("192.0.2.1",))
    assert "tcp dport { 5432 } accept" in opened
    assert "ip daddr { 192.0.2.1 } meta l4proto { tcp, udp } th dport 53 accept" in opened
    assert opened.count("table inet haibun_a_b") == 3


def test_names_of_links_fit_the_kernel() -> None:
    assert len(config(platform_id="x" * 32).link_prefix + "ffff") <= 15


@pytest.mark.parametrize(
    "changes", [{"platform_id": "../x"}, {"platform_id": ""}, {"subnet": IPv4Network("10.0.0.0/30")}]
)
def test_a_config_that_cannot_work_is_final(changes: dict[str, object]) -> None:
    with pytest.raises(Final):
        config(**changes)


def test_a_stub_resolver_is_looked_through(tmp_path: Path) -> None:
    (tmp_path / "systemd/resolve").mkdir(parents=True)
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.53\n")
    (tmp_path / "systemd/resolve/resolv.conf").write_text("# x\nnameserver 192.0.2.1\nnameserver ::1\nsearch a\n")
    assert host_resolvers(tmp_path, tmp_path) == ("192.0.2.1",)
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.7\nnameserver 127.0.0.1\n")
    assert host_resolvers(tmp_path, tmp_path) == ("192.0.2.7",)
    assert host_resolvers(tmp_path / "none", tmp_path / "none") == ()


def test_inotify_records_are_read() -> None:
    record = b"\1\0\0\0" + b"\0" * 8
    data = record + (16).to_bytes(4, "little") + b"one".ljust(16, b"\0") + record + (16).to_bytes(4, "little")
    assert sc.inotify_names(data + b"two".ljust(16, b"\0")) == ["one", "two"]


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("0100007F", True),
        ("00000000", False),
        ("00000000000000000000000001000000", True),
        ("0000000000000000FFFF00000100007F", True),
        ("00000000000000000000000000000000", False),
        ("7F00000A", False),
    ],
)
def test_loopback_addresses_are_known(address: str, loopback: bool) -> None:
    assert _is_loopback(address) is loopback
