"""What a dyno sources before it starts the app (.profile.d/python.sh), and what later buildpacks get (export)."""

from __future__ import annotations

from pathlib import Path

# Sourced at every dyno's start: builtins only, but for nproc.
PROFILE = """\
export PATH="$HOME/.heroku/python/bin:$PATH"
export PYTHONUNBUFFERED=true
export PYTHONPATH="${PYTHONPATH-$HOME}"
export LANG="${LANG:-en_US.UTF-8}"
export FORWARDED_ALLOW_IPS="${FORWARDED_ALLOW_IPS-*}"
export GUNICORN_CMD_ARGS="${GUNICORN_CMD_ARGS---access-logfile -}"

# The platform says how much memory the dyno may have. Elsewhere: cgroup v2, then v1; without a limit
# there it is 'max' or a number of 19 digits.
_haibun_bytes=
if [[ "${DYNO_RAM:-}" =~ ^[0-9]{1,6}$ ]]; then _haibun_bytes=$((DYNO_RAM * 1048576)); else
for _haibun_file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
  if [[ -r "$_haibun_file" ]]; then read -r _haibun_bytes <"$_haibun_file"; break; fi
done
fi
if [[ "$_haibun_bytes" =~ ^[0-9]{1,15}$ ]]; then
  _haibun_mb=$((_haibun_bytes / 1048576))
  _haibun_cores=$(nproc)
  export DYNO_RAM="$_haibun_mb"
  if [[ "$DYNO" == web.* ]]; then
    echo "Python buildpack: Detected $_haibun_mb MB available memory and $_haibun_cores CPU cores." >&2
  fi
  if [[ -z "${WEB_CONCURRENCY:-}" ]]; then
    _haibun_by=
    WEB_CONCURRENCY=$((_haibun_cores * 2 + 1))
    if ((_haibun_mb / 256 < WEB_CONCURRENCY)); then
      WEB_CONCURRENCY=$((_haibun_mb / 256))
      _haibun_by="available memory"
    fi
    if ((WEB_CONCURRENCY < 1)); then WEB_CONCURRENCY=1; fi
    export WEB_CONCURRENCY WEB_CONCURRENCY_SET_BY=heroku/python
    if [[ "$DYNO" == web.* ]]; then
      echo "Python buildpack: Defaulting WEB_CONCURRENCY to $WEB_CONCURRENCY based on the" \\
        "${_haibun_by:-number of CPU cores}." >&2
    fi
  fi
fi
unset _haibun_bytes _haibun_file _haibun_mb _haibun_cores _haibun_by
"""
NLTK = 'export NLTK_DATA="${NLTK_DATA-$HOME/.heroku/python/nltk_data}"\n'

EXPORT = """\
export PATH="/app/.heroku/python/bin:$PATH"
export VIRTUAL_ENV=/app/.heroku/python
export UV_LINK_MODE=copy
export PYTHONUNBUFFERED=1
export LANG=en_US.UTF-8
"""


def write(build_dir: Path, export: Path, *, nltk: bool) -> None:
    """Write both files."""
    folder = build_dir / ".profile.d"
    folder.mkdir(exist_ok=True)
    (folder / "python.sh").write_text(PROFILE + (NLTK if nltk else ""))
    export.write_text(EXPORT)
