"""Any value that a config var can have comes back from `.env` as it was."""

from __future__ import annotations

import json
import shlex
from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from haibun.cli import local_env

KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
HARD = st.text(alphabet="'\"\\$`#=!\n\r\t ab€\u2028\ufeff", max_size=30)
VALUES = st.one_of(HARD, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
CONFIGS = st.dictionaries(KEYS, VALUES, max_size=5)


@given(CONFIGS)
@settings(max_examples=200, deadline=None)
@example({"A": 'it\'s "#" \\n\n$HOME\n', "B": "", "C": "'"})
def test_what_config_shell_prints_is_read_back(config: dict[str, str]) -> None:
    text = "".join(f"{key}={shlex.quote(value)}\n" for key, value in config.items())
    assert local_env.from_lines(text) == config
    assert local_env.from_lines("# a comment's line\n\n" + text.rstrip("\n")) == config


@given(CONFIGS)
@settings(max_examples=200, deadline=None)
def test_what_config_json_prints_is_read_back(config: dict[str, str]) -> None:
    found = local_env.from_json(json.dumps(config, indent=2, ensure_ascii=False))
    assert found is not None
    assert {key: found[key] for key in config} == config


@given(st.text())
@settings(max_examples=300, deadline=None)
def test_no_text_is_too_odd(text: str) -> None:
    with suppress(ValueError):
        values = local_env.from_lines(text)
        assert all(key and "=" not in key and "\n" not in key for key in values)
