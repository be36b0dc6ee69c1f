"""The web process: Platform API and git over HTTP, on a unix socket behind the router."""

from __future__ import annotations

from haibun.roles import compose


def main() -> None:
    settings, layout = compose.enter("web")
    # Imported after root is gone: what these modules do at import, they do without it.
    import uvicorn

    from haibun.api.app import make_app
    from haibun.git.smart_http import routes

    control = compose.control_of(settings, layout)
    app = make_app(control, layout, extra_routes=routes(control, layout))
    uvicorn.run(
        app,
        uds=str(layout.socket("web")),
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
        proxy_headers=True,
        forwarded_allow_ips="*",
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
