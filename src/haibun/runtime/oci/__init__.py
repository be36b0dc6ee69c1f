"""The local driver: crun, conmon, squashfs, overlay, network namespaces."""
