"""The pages a visitor sees when no dyno answers. Self-contained: no script, image or font from anywhere.

Owns their words and looks; HAProxy serves them. `%` is doubled where HAProxy reads the page as a format.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from string import Template

RED, AMBER, VIOLET, GREY = "#d64550", "#d98a1f", "#7352c7", "#8b8798"
LOGS = "<pre>haibun logs --tail</pre>"


@dataclass(frozen=True)
class Page:
    """`code`: Heroku's H code, said in the footer. `status`: HTTP status of the answer."""

    code: str
    status: int
    title: str
    body: str
    mark: str = RED

    def html(self) -> str:
        """The whole document."""
        foot = f"Haibun router &middot; {self.code}" if self.code else "Haibun router"
        text = files("haibun.router").joinpath("templates/page.html").read_text()
        return Template(text).substitute(title=self.title, body=self.body, foot=foot, mark=self.mark)

    def http(self) -> str:
        """A whole HTTP response, as HAProxy's `errorfile` wants it."""
        html = self.html()
        head = (
            f"HTTP/1.1 {self.status} {REASONS[self.status]}\r\n"
            "Content-Type: text/html; charset=utf-8\r\n"
            "Cache-Control: no-cache, no-store\r\n"
            f"Content-Length: {len(html.encode())}\r\n\r\n"
        )
        return head + html


REASONS = {400: "Bad Request", 503: "Service Unavailable"}

_OWNER = f"<p>If you own this app, its logs say more:</p>{LOGS}"
_ERROR = "<p>The app could not serve this page. Please try again in a few moments.</p>"

STATE_PAGES = {
    "no_web": Page(
        "H14",
        503,
        "No web dynos running",
        "<p>This app has no dynos to serve web requests. If you own it:</p><pre>haibun ps:scale web=1</pre>",
        AMBER,
    ),
    "crashed": Page("H10", 503, "Application error", "<p>The app has crashed.</p>" + _OWNER),
    "boot_timeout": Page("H20", 503, "Application error", "<p>The app took too long to start.</p>" + _OWNER),
    "maintenance": Page(
        "H80",
        503,
        "Offline for maintenance",
        "<p>This app is being worked on. It will be back shortly.</p>",
        AMBER,
    ),
    "blank": Page(
        "H81",
        502,
        "Welcome to your new app",
        "<p>It has no code yet. Push some:</p><pre>git push haibun main</pre>",
        VIOLET,
    ),
}
"""State of an app's routes -> its page."""

ERROR_PAGES = {
    "H12": Page("H12", 503, "Application error", "<p>The app took too long to answer.</p>" + _OWNER),
    "H13": Page("H13", 503, "Application error", "<p>The app hung up without an answer.</p>" + _OWNER),
    "H21": Page("", 503, "Application error", _ERROR + _OWNER),
    "400": Page("", 400, "Bad request", "<p>The router could not read this request.</p>", GREY),
    "platform": Page(
        "",
        503,
        "Haibun is not answering",
        "<p>Apps keep running. The platform itself is starting, or down:</p><pre>haibun status</pre>",
        AMBER,
    ),
}
"""File name -> page, for what goes wrong on the way."""

FILLING = Page("", 503, "One moment", "<p>The router is starting and will know every app in a second.</p>", GREY)
NO_APP = Page(
    "",
    404,
    "No such app",
    "<p>There is nothing at <code>%[var(txn.shown)]</code> yet.</p>"
    "<p>If this should be your app, check its name and its domains.</p><pre>haibun domains</pre>",
    GREY,
)


def no_app_format() -> str:
    """The page for an unknown host, as a log-format of HAProxy; the host was checked before."""
    marker = "%[var(txn.shown)]"
    return NO_APP.html().replace("%", "%%").replace("%" + marker, marker)
