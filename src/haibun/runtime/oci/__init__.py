"""The local driver: crun makes the dyno, conmon holds its output, exit code and terminal. Needs root."""

from haibun.runtime.oci.config import OciConfig
from haibun.runtime.oci.driver import OciDriver

__all__ = ["OciConfig", "OciDriver"]
