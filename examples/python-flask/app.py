"""A small web app: says who answers, waits when asked to, dies when asked to."""

import os
import time

from flask import Flask, request

# Change it and push: the next answer says the new one.
VERSION = "1"
MAX_SECONDS = 60.0

app = Flask(__name__)


@app.get("/")
def index() -> str:
    """The greeting (a config var), this code's version, the dyno."""
    greeting = os.environ.get("GREETING", "Hello")
    return f"{greeting} from version {VERSION}, dyno {os.environ.get('DYNO', '-')}\n"


@app.get("/slow")
def slow() -> str:
    """Answers after ?seconds=N."""
    seconds = min(request.args.get("seconds", 1.0, float), MAX_SECONDS)
    time.sleep(max(seconds, 0.0))
    return f"That took {seconds:g} s\n"


@app.get("/crash")
def crash() -> str:
    """Ends the worker process at once, without an answer."""
    print("Crashing, as asked", flush=True)
    os._exit(1)
