#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""check.py: has spin look at every state of the Promela models here, and sees that it finds the
mistakes that can be switched on in them. Prints TAP.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# Model, what is switched on, property (None: assertions and invalid end states), whether it holds.
CASES = [
    ("persist", None, None, True),
    ("persist", None, "arrives", True),
    ("persist", "NO_PROBE", None, False),
    ("persist", "NO_PROBE", "arrives", False),
    ("persist", "NO_CHECK", None, False),
    ("persist", "SHRINK", None, False),
    ("open_close", None, None, True),
    ("open_close", None, "ends", True),
    ("open_close", None, "orderly", True),
    ("open_close", None, "gently", True),
    ("open_close", "ABORT", None, True),
    ("open_close", "ABORT", "ends", True),
    ("open_close", "ABORT", "orderly", True),
    ("open_close", "ABORT", "gently", False),
    ("open_close", "ABORT NO_RESET", None, False),
    ("open_close", "NO_REPEAT", "ends", False),
    ("open_close", "NO_WAIT", "gently", False),
    ("open_close", "NO_CROSSING", "gently", False),
    ("open_close", "HASTY", "orderly", False),
]


def holds(model, switch, claim, folder):
    """Returns whether the property holds, and what pan says."""
    switches = [f"-D{each}" for each in (switch or "").split()]
    subprocess.run(["spin", *switches, "-a", HERE / f"{model}.pml"], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL)
    options = [] if claim else ["-DSAFETY", "-DNOCLAIM"]
    subprocess.run(["cc", "-w", "-O1", *options, "-o", "pan", "pan.c"], cwd=folder, check=True)
    command = ["./pan", "-m100000"] + (["-a", "-f", "-N", claim] if claim else [])
    said = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, timeout=120,
                          check=False).stdout
    errors = re.search(r"errors: (\d+)", said)
    if errors is None or "max search depth too small" in said:
        raise ValueError("pan did not come to its end")
    return errors.group(1) == "0", said


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, (model, switch, claim, expected) in enumerate(CASES, 1):
        with tempfile.TemporaryDirectory() as folder:
            found, said = holds(model, switch, claim, folder)
        title = f"{model}{' with ' + switch if switch else ''}: {claim or 'safety'} " \
                f"{'holds' if expected else 'is refuted'}"
        print(f"{'ok' if found == expected else 'not ok'} {number} - {title}", flush=True)
        if found != expected:
            failed += 1
            print("".join(f"# {line}\n" for line in said.splitlines()), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
