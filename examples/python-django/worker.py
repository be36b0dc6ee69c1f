"""A worker: not started until it is scaled up (`ps:scale worker=1`)."""

import time

while True:
    print("worker: still here", flush=True)
    time.sleep(60)
