"""Runs the local AWS in this process: `serve.py RUN_FOLDER [--tied]`.

The folder is private to one run and shows in the process's arguments, so that whoever stops the process can tell
that it is the right one. With `--tied` the life of whoever started it is this process's life: when its standard input
ends, it stops, takes its functions along and removes the folder.
"""

import os
import shutil
import signal
import socketserver
import sys
import threading
import time

# What the server gets to end by itself before its whole process group is killed.
GRACE_S = 3
# After each call the server waits for the function's log lines: for the first one, for one more, and at the most.
# Its own 50 ms for the first one are added to the time of every call that logs nothing.
LOG_WAITS_S = (0.003, 0.002, 0.25)


def clear(folder):
    """Removes what this run leaves: its folder, and every process of its group, this one last."""
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def end_with_parent(folder, orphaned):
    """Waits for the end of standard input, which comes when the parent is gone, however it went."""
    while sys.stdin.buffer.read(4096):
        pass
    orphaned.set()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    clear(folder)


def main():
    folder, orphaned = sys.argv[1], threading.Event()
    if "--tied" in sys.argv[2:]:
        threading.Thread(target=end_with_parent, args=(folder, orphaned), daemon=True).start()
    # The Runtime API writes an answer in two pieces; with Nagle's algorithm each one then waits 40 ms.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    sys.argv = ["ministack"]
    from ministack.app import main as serve
    from ministack.core.lambda_runtime import Worker

    Worker._drain_stderr_bounded.__defaults__ = LOG_WAITS_S
    try:
        serve()
    finally:
        if orphaned.is_set():
            clear(folder)


if __name__ == "__main__":
    main()
