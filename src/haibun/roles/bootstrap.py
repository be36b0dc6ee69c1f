"""Run once by every `up`, without root: brings the store to the newest schema and makes the first admin.

Prints one JSON object: {"token": "..."} if the admin was made now, else {}.
"""

from __future__ import annotations

import json

from haibun.roles import compose


def main() -> None:
    settings, layout = compose.enter("bootstrap")
    from sqlalchemy import select

    from haibun.control import authorizations
    from haibun.store.migrate import upgrade
    from haibun.store.tables import users

    control = compose.control_of(settings, layout)
    upgrade(control.store)
    with control.store.read() as conn:
        known = conn.execute(select(users).where(users.c.is_admin)).first()
    made: dict[str, str] = {}
    if known is None:
        user_id = authorizations.create_user(control, settings.admin_email, is_admin=True)
        _, made["token"] = authorizations.authorize(
            control, user_id, description="The first admin, by `haibun up`"
        )
    elif not layout.admin_token.exists():
        _, made["token"] = authorizations.authorize(control, known.id, description="Made anew by `haibun up`")
    print(json.dumps(made))


if __name__ == "__main__":
    main()
