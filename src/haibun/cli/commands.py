"""The table of commands: name -> (module of haibun.cli, function, summary). Imports nothing, so starting is quick.

A module is imported when one of its commands is run. `None` as module: a command of the console script itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Entry: TypeAlias = tuple[str | None, str, str]

COMMANDS: dict[str, Entry] = {
    "apps": ("apps", "listing", "list your apps"),
    "apps:create": ("apps", "create", "create a new app"),
    "apps:destroy": ("apps", "destroy", "permanently destroy an app"),
    "apps:info": ("apps", "info", "show detailed app information"),
    "apps:open": ("apps", "open_app", "open the app in a web browser"),
    "apps:rename": ("apps", "rename", "rename an app"),
    "apps:stacks": ("stacks", "show", "show the list of available stacks"),
    "apps:stacks:set": ("stacks", "choose", "set the stack of an app"),
    "auth:login": ("auth", "login", "login with your Haibun credentials"),
    "auth:logout": ("auth", "logout", "forget your credentials"),
    "auth:token": ("auth", "token", "output the current API token"),
    "auth:whoami": ("auth", "whoami", "display the current logged in user"),
    "buildpacks": ("buildpacks", "show", "display the buildpacks for an app"),
    "buildpacks:add": ("buildpacks", "add", "add a buildpack to an app"),
    "buildpacks:clear": ("buildpacks", "clear", "clear all buildpacks set on an app"),
    "buildpacks:remove": ("buildpacks", "remove", "remove a buildpack set on an app"),
    "buildpacks:set": ("buildpacks", "choose", "set the buildpack of an app"),
    "config": ("config", "show", "display the config vars for an app"),
    "config:edit": ("config_edit", "edit", "edit the config vars of an app in your editor"),
    "config:get": ("config", "get", "display a single config value for an app"),
    "config:set": ("config", "set_vars", "set one or more config vars"),
    "config:unset": ("config", "unset", "unset one or more config vars"),
    "domains": ("domains", "show", "list domains for an app"),
    "domains:add": ("domains", "add", "add a domain to an app"),
    "domains:remove": ("domains", "remove", "remove a domain from an app"),
    "down": (None, "", "stop the platform on this machine"),
    "git:clone": ("git", "clone", "clone an app to your machine"),
    "git:credentials": ("git", "credentials", "answer git's questions for a token (used by git itself)"),
    "git:remote": ("git", "remote", "add a git remote of an app to this repository"),
    "help": ("help", "show", "display help for haibun"),
    "local": ("local", "start", "run the app of this folder on this machine"),
    "local:run": ("local", "run", "run a one-off command with the variables of .env"),
    "logs": ("logs", "logs", "display recent log output"),
    "maintenance": ("maintenance", "show", "display the current maintenance status of an app"),
    "maintenance:off": ("maintenance", "off", "take the app out of maintenance mode"),
    "maintenance:on": ("maintenance", "on", "put the app into maintenance mode"),
    "ps": ("ps", "listing", "list dynos for an app"),
    "ps:restart": ("ps", "restart", "restart app dynos"),
    "ps:scale": ("ps_formation", "scale", "scale dyno quantity up or down"),
    "ps:stop": ("ps", "stop", "stop an app dyno or process type"),
    "ps:type": ("ps_formation", "dyno_type", "manage dyno sizes"),
    "ps:wait": ("ps", "wait", "wait for all dynos to be running the latest version"),
    "regions": ("stacks", "regions", "list available regions"),
    "releases": ("releases", "listing", "display the releases for an app"),
    "releases:info": ("releases", "info", "view detailed information for a release"),
    "releases:output": ("releases", "output", "view the release command output"),
    "releases:rollback": ("releases", "rollback", "rollback to a previous release"),
    "run": ("run", "run", "run a one-off process inside a dyno"),
    "run:detached": ("run", "detached", "run a detached dyno, where output is sent to your logs"),
    "status": (None, "", "show how the platform on this machine is doing"),
    "up": (None, "", "start the platform on this machine"),
    "version": ("help", "version", "display the version of haibun"),
}

ALIASES = {
    "apps:list": "apps",
    "config:add": "config:set",
    "config:remove": "config:unset",
    "create": "apps:create",
    "destroy": "apps:destroy",
    "apps:delete": "apps:destroy",
    "dyno:restart": "ps:restart",
    "dyno:scale": "ps:scale",
    "dyno:stop": "ps:stop",
    "dyno:resize": "ps:type",
    "dyno:kill": "ps:stop",
    "info": "apps:info",
    "kill": "ps:stop",
    "list": "apps",
    "local:start": "local",
    "login": "auth:login",
    "logout": "auth:logout",
    "open": "apps:open",
    "ps:kill": "ps:stop",
    "ps:resize": "ps:type",
    "rename": "apps:rename",
    "resize": "ps:type",
    "restart": "ps:restart",
    "rollback": "releases:rollback",
    "scale": "ps:scale",
    "stack": "apps:stacks",
    "stack:set": "apps:stacks:set",
    "stop": "ps:stop",
    "whoami": "auth:whoami",
}

TOPICS = {
    "apps": "manage apps",
    "auth": "log in and out, show who you are",
    "buildpacks": "manage the buildpacks of an app",
    "config": "environment variables of apps",
    "domains": "custom domains for apps",
    "git": "manage the git remote of an app",
    "help": "display help for haibun",
    "local": "run the app of this folder on this machine",
    "logs": "display recent log output",
    "maintenance": "enable or disable access to an app",
    "ps": "manage the dynos of an app",
    "regions": "list available regions",
    "releases": "the release history of an app",
    "run": "run a one-off process inside a dyno",
    "version": "display the version of haibun",
}

PLATFORM = ("up", "down", "status")


def full_name(typed: str) -> str | None:
    """The command meant by a name or alias, None if there is none."""
    name = ALIASES.get(typed, typed)
    return name if name in COMMANDS else None
