"""The version of this client, as a constant: asking the package's metadata would cost more than the command."""

VERSION = "0.1.0"
USER_AGENT = f"haibun-cli/{VERSION}"
