"""From method and path to a route. Segments are decoded after they are split, as identities may hold a `/`."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from haibun.api.call import Route
from haibun.core.errors import NotFound, Refused


class Tree:
    """The routes by segment; a literal segment comes before a parameter."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root: Node = Node()
        for route in routes:
            node = self._root
            for part in route.path.strip("/").split("/"):
                node = node.children.setdefault("{}" if part.startswith("{") else part, Node())
            if route.method in node.routes:
                raise ValueError(f"two routes for {route.method} {route.path}")
            node.routes[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and the path's parameters, decoded. NotFound (404) if there is none."""
        parts = path.removeprefix("/").split("/")
        node = _walk(self._root, parts, 0)
        route = node.routes.get(method) if node else None
        if route is None:
            raise Refused(
                f"There is no {method[:10]} {path[:200]} in this API. Look at verb and path.",
                id="not_found",
                status=404,
            )
        names = route.path.strip("/").split("/")
        params = {
            name[1:-1]: unquote(part) for name, part in zip(names, parts, strict=True) if name.startswith("{")
        }
        for name, value in params.items():
            if not value or not value.isprintable():
                raise NotFound(name.replace("_", " "))
        return route, params


class Node:
    """One segment of known paths."""

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.routes: dict[str, Route] = {}


def _walk(node: Node, parts: list[str], at: int) -> Node | None:
    if at == len(parts):
        return node if node.routes else None
    for key in (parts[at], "{}"):
        child = node.children.get(key)
        found = _walk(child, parts, at + 1) if child is not None else None
        if found is not None:
            return found
    return None
