"""The sentences of a push that the git room says itself, around the build's own output.

Owns their shape (Heroku's, of 2025). Never says what the build found.
"""

from __future__ import annotations

COMPRESSING = "Compressing source files... "
COMPRESSED = "done.\nBuilding source:\n\n"
VERIFIED = "\nVerifying deploy... done.\n"
SUBMODULES = (
    "Submodules are not fetched: the directories that .gitmodules names are empty in this build.",
    "Commit their files to this repository, or install them as packages.",
)


def warning(*sentences: str) -> str:
    """` !     text`, a line for each line of the sentences."""
    lines = [line for sentence in sentences for line in sentence.splitlines()]
    return "".join(f" !     {line}\n" for line in lines)


def rejected(app_name: str) -> str:
    """What ends a push whose build failed; the lines before it say why."""
    return f"Verifying deploy...\n\n!       Push rejected to {app_name}.\n\n"


def lfs(count: int, example: str) -> tuple[str, ...]:
    """The warning about Git LFS pointers in a source."""
    files = f"{example} is a Git LFS pointer" if count == 1 else f"{count} files are Git LFS pointers ({example})"
    return (
        f"{files}: the build sees the pointer, not the content.",
        "Commit the content without LFS, or fetch it in the build.",
    )


def annotated_tag(ref: str) -> tuple[str, ...]:
    """A branch can only point at a commit; git would say so too, but after the build."""
    branch = ref.removeprefix("refs/heads/")
    return (
        f"What was pushed to {branch} is not a commit (an annotated tag, perhaps).",
        f"Push the commit that it stands for: git push haibun 'TAG^{{commit}}:{branch}'",
    )
