"""Runs the local AWS in this process."""

import socketserver
import sys

# After each call the server waits for the function's log lines: for the first one, for one more, and at the most.
# Its own 50 ms for the first one are added to the time of every call that logs nothing.
LOG_WAITS_S = (0.003, 0.002, 0.25)


def main():
    # The Runtime API writes an answer in two pieces; with Nagle's algorithm each one then waits 40 ms.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    sys.argv = ["ministack"]
    from ministack.app import main as serve
    from ministack.core.lambda_runtime import Worker

    Worker._drain_stderr_bounded.__defaults__ = LOG_WAITS_S
    serve()


if __name__ == "__main__":
    main()
