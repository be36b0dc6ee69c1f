"""The host's switch is ours only while a dyno starts, and never if the operator has set it."""

from __future__ import annotations

from pathlib import Path

from haibun.runtime.oci.grace_periods import Hurry


def test_on_while_any_start_is_under_way(tmp_path: Path) -> None:
    switch = tmp_path / "switch"
    switch.write_text("0\n")
    hurry = Hurry(switch)
    with hurry:
        with hurry:
            assert switch.read_text() == "1"
        assert switch.read_text() == "1"
    assert switch.read_text() == "0"


def test_an_operators_choice_stays(tmp_path: Path) -> None:
    switch = tmp_path / "switch"
    switch.write_text("1\n")
    with Hurry(switch):
        assert switch.read_text() == "1\n"
    assert switch.read_text() == "1\n"


def test_without_the_switch_nothing_happens(tmp_path: Path) -> None:
    with Hurry(tmp_path / "none"):
        assert not (tmp_path / "none").exists()
