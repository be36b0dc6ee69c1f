"""The example apps, built in the real stack and run as dynos are."""

import re

import pytest
import stage

pytestmark = pytest.mark.root
EXAMPLES = stage.REPOSITORY / "examples"


def test_flask(app: stage.App, serve) -> None:
    source = stage.tar_of_tree(EXAMPLES / "python-flask")
    built = app.build(source)
    assert built.code == 0, built.output
    expected = (
        "-----> Building on the Debian-14 stack\n"
        "-----> Determining which buildpack to use for this app\n"
        "-----> Python app detected\n"
        "-----> Using Python 3.14 specified in .python-version\n"
        "-----> Installing Python 3.14.N\n"
        "-----> Installing dependencies using 'uv pip install -r requirements.txt'\n"
        "DETAILS"
        "-----> Saving cache\n"
        "-----> Discovering process types\n"
        "       Procfile declares types -> web\n"
        "\n"
    )
    output = re.sub(r"Python 3\.14\.\d+\n", "Python 3.14.N\n", built.output)
    assert re.sub(r"(?m)(^       (?!Procfile).*\n)+", "DETAILS", output) == expected
    assert "        + flask==3.1.3\n" in built.output
    assert built.result == {
        "buildpack_provided_description": "Python",
        "buildpacks": ["heroku/python"],
        "process_types": {"web": "gunicorn app:app"},
        "procfile_types": ["web"],
        "default_types": [],
        "addons": [],
        "stack": "debian-14",
    }
    get = serve(app, built, GREETING="Hei")
    assert get("/")[2] == "Hei from version 1, dyno web.1\n"

    changed = app.build(source.replace(b'VERSION = "1"', b'VERSION = "2"'))
    assert "-----> Restoring cache\n" in changed.output
    assert "Nothing changed in requirements.txt" in changed.output
    assert serve(app, changed)("/")[2] == "Hello from version 2, dyno web.1\n"


def test_paths_and_bytecode_are_true_in_a_dyno(app: stage.App) -> None:
    built = app.build(stage.tar_of_tree(EXAMPLES / "python-flask"))
    said = app.output_of(
        built,
        "head -1 .heroku/python/bin/gunicorn; python -c 'import sys; print(sys.prefix)'; "
        "python -v -c 'import flask' 2>&1 | grep -c 'matches.*site-packages/flask/__init__.py'; "
        "grep -rl build_0 .heroku; pip install x; echo $?",
    )
    assert said.splitlines()[:3] == ["#!/app/.heroku/python/bin/python", "/app/.heroku/python", "1"]
    assert "build_0" not in said
    assert "pip is not installed here" in said
    assert said.endswith("\n127\n")


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, "/app/.heroku/python/bin true /app en_US.UTF-8 * --access-logfile -"),
        (
            {"PYTHONPATH": "x", "FORWARDED_ALLOW_IPS": "", "GUNICORN_CMD_ARGS": ""},
            "/app/.heroku/python/bin true x en_US.UTF-8",
        ),
    ],
)
def test_environment_of_a_dyno(app: stage.App, env: dict[str, str], expected: str) -> None:
    built = app.build(stage.tar_of({"requirements.txt": "", ".python-version": "3.14"}))
    said = app.output_of(
        built,
        'echo ${PATH%%:*} $PYTHONUNBUFFERED $PYTHONPATH $LANG "$FORWARDED_ALLOW_IPS" $GUNICORN_CMD_ARGS',
        env,
    )
    assert said.strip() == expected


def test_django(app: stage.App, serve) -> None:
    built = app.build(stage.tar_of_tree(EXAMPLES / "python-django"))
    assert built.code == 0, built.output
    assert "-----> $ python manage.py collectstatic --noinput\n" in built.output
    assert re.search(
        r"(?m)^       1 static file copied to '/tmp/build_\w+/staticfiles', \d post-processed\.$", built.output
    )
    get = serve(app, built)
    status, _, page = get("/")
    style = re.search(r'href="(/static/pages/style\.[0-9a-f]+\.css)"', page)
    assert status == 200
    assert style is not None
    assert get(style[1])[1]["Content-Type"].startswith("text/css")
    assert get("/health")[2] == "ok\n"


def test_static(app: stage.App, serve) -> None:
    built = app.build(stage.tar_of_tree(EXAMPLES / "static-site"))
    assert built.code == 0, built.output
    assert "Procfile declares types -> (none)\n       Default types for buildpack -> web\n" in built.output
    get = serve(app, built)
    status, headers, page = get("/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>A static site on Haibun</h1>" in page
    assert get("/about")[0] == 200
    assert get("/", method="HEAD")[1]["Content-Length"] == str(len(page.encode()))
    assert get("/", headers={"If-Modified-Since": headers["Last-Modified"]})[0] == 304
    status, _, page = get("/nothing")
    assert (status, "There is no such page" in page) == (404, True)


@pytest.mark.parametrize(
    "path",
    ["/../static.json", "/%2e%2e/static.json", "/..%2fstatic.json", "/.env", "/out", "/etc/passwd", "//", "/%00"],
)
def test_static_serves_nothing_else(app: stage.App, serve, path: str) -> None:
    built = app.build(stage.tar_of({"static.json": '{"root": "www"}', "www/page.html": "x", "www/.env": "SECRET"}))
    (built.tree / "www" / "out").symlink_to("/etc/passwd")
    get = serve(app, built)
    assert get("/page.html")[0] == 200
    assert get(path)[0] == 404


def test_static_folder_redirects_within_the_site(app: stage.App, serve) -> None:
    built = app.build(stage.tar_of({"index.html": "top", "sub/index.html": "x"}))
    get = serve(app, built)
    assert (get("/sub")[0], get("/sub")[1]["Location"]) == (301, "/sub/")
    assert get("//sub")[1]["Location"] == "/sub/"
    assert get("/sub/")[2] == "x"
