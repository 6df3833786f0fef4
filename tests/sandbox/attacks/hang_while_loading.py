"""TRIES: never finishes loading
HOLDS: the jail ends with `timeout`
WITNESS: limit
"""

import time

while True:
    time.sleep(0.01)
