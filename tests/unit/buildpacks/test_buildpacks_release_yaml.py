"""bin/release's YAML: what real buildpacks print."""

import pytest
from engine import release_yaml
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "types", "addons"),
    [
        ("", {}, []),
        ("---\n", {}, []),
        ("--- {}\n", {}, []),
        ("---\nconfig_vars: {}\naddons: []\ndefault_process_types:\n  web: npm start\n", {"web": "npm start"}, []),
        ("addons:\n  - heroku-postgresql\n", {}, ["heroku-postgresql"]),
        ("addons:\n- 'a:b'\n- c # why\n", {}, ["a:b", "c"]),
        (
            "default_process_types:\n  web: \"a: \\\"b\\\"\"\n  rake: 'it''s'\n",
            {"web": 'a: "b"', "rake": "it's"},
            [],
        ),
        (
            "default_process_types:\n    web: bin/x -p $PORT: y\nconfig_vars:\n  A: b\n",
            {"web": "bin/x -p $PORT: y"},
            [],
        ),
    ],
)
def test_parse(text: str, types: dict[str, str], addons: list[str]) -> None:
    assert release_yaml.parse(text) == (addons, types)


def test_what_is_not_understood_is_named() -> None:
    with pytest.raises(ValueError, match="line 2"):
        release_yaml.parse("default_process_types:\n  nonsense\n")


COMMAND = st.text("abc $'\"{}:-/", min_size=1).map(str.strip).filter(bool)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True), COMMAND, min_size=1))
def test_single_quoted_commands_come_back(types: dict[str, str]) -> None:
    lines = [f"  {name}: '{command.replace(chr(39), chr(39) * 2)}'" for name, command in types.items()]
    assert release_yaml.parse("default_process_types:\n" + "\n".join(lines)).types == types
