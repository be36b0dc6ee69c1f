""".slugignore: the patterns of gitignore; git itself is the judge."""

import subprocess
import tempfile
from pathlib import Path

import pytest
from engine import slugignore
from hypothesis import given, settings
from hypothesis import strategies as st

TREE = ["a", "b.md", "docs/a", "docs/b.md", "docs/img/a", "src/docs/x.md", "src/a/b", "src/ab/a/b", "log/x.log"]


def lay(root: Path) -> None:
    for name in TREE:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def left(root: Path) -> list[str]:
    return sorted(str(one.relative_to(root)) for one in root.rglob("*") if one.is_file())


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("*.md", ["b.md", "docs/b.md", "src/docs/x.md"]),
        ("/*.md", ["b.md"]),
        ("docs/", ["docs/a", "docs/b.md", "docs/img/a", "src/docs/x.md"]),
        ("/docs", ["docs/a", "docs/b.md", "docs/img/a"]),
        ("docs/*.md", ["docs/b.md"]),
        ("src/**/b", ["src/a/b", "src/ab/a/b"]),
        ("log/**", ["log/x.log"]),
        ("[ab].md", ["b.md", "docs/b.md"]),
        ("[!b].md", ["src/docs/x.md"]),
        ("# a\n\n!a\n", []),
        ("a/", ["src/a/b", "src/ab/a/b"]),
        ("[z-a]\n\\#x", []),
    ],
)
def test_patterns(tmp_path: Path, text: str, gone: list[str]) -> None:
    lay(tmp_path)
    assert slugignore.apply(tmp_path, slugignore.parse(text)) == len(gone)
    assert left(tmp_path) == sorted(set(TREE) - set(gone))


def test_links_are_removed_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    assert slugignore.apply(tmp_path, slugignore.parse("link")) == 1
    assert left(tmp_path) == ["kept/file"]
    assert not (tmp_path / "link").is_symlink()


PART = st.sampled_from(["a", "b", "docs", "src", "*", "**", "*.md", "?", "a*", "img", "x.log", "ab"])
PATTERN = st.builds(
    lambda start, parts, end: start + "/".join(parts) + end,
    st.sampled_from(["", "/"]),
    st.lists(PART, min_size=1, max_size=3),
    st.sampled_from(["", "/"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(PATTERN, max_size=3))
def test_agrees_with_git(patterns: list[str]) -> None:
    text = "\n".join(patterns)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lay(root)
        (root / ".gitignore").write_text(text)
        git = ["git", "-c", "core.excludesFile=/dev/null", "-C", folder]
        subprocess.run([*git, "init", "-q"], check=True)
        shown = subprocess.run(
            [*git, "ls-files", "-z", "--others", "--exclude-standard"], check=True, capture_output=True, text=True
        )
        expected = sorted(set(TREE) & set(shown.stdout.split("\0")))
        slugignore.apply(root, slugignore.parse(text))
        assert sorted(set(TREE) & set(left(root))) == expected


@given(st.text())
def test_any_text_is_a_list_of_patterns(text: str) -> None:
    for pattern in slugignore.parse(text):
        pattern.matches("a/b", False)
