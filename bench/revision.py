# SPDX-License-Identifier: BSD-2-Clause
"""Programs of other commits. Each is built once, from what git has of the commit, so whatever the working tree is
like; kept are the program and how it was built, in build/compare/, one folder a commit."""
import json
import os
import pathlib
import shlex
import shutil
import subprocess

import peers
import rounds

KEPT = peers.BUILD / "compare"
PROGRAM = pathlib.Path("cli/chaski")  # in a build
SHOWN_LINES = 12  # of what a build said last


class Trouble(Exception):
    """Why there is no such program, for whoever asked for it."""


def git(*words, root=peers.ROOT, **options):
    try:
        done = subprocess.run(["git", "-C", root, *words], capture_output=True, check=False, **options)
    except FileNotFoundError as error:
        raise Trouble("git is not installed") from error
    if done.returncode != 0:
        raise Trouble(done.stderr.decode(errors="replace").strip())
    return done.stdout


def commit(revision, root=peers.ROOT):
    """Its commit's full name and its subject."""
    git("rev-parse", "--git-dir", root=root)
    try:
        name = git("rev-parse", "--verify", "--end-of-options", revision + "^{commit}", root=root).decode().strip()
    except Trouble as error:
        raise Trouble(f"there is no commit '{revision}' here") from error
    return name, git("show", "-s", "--format=%s", name, root=root).decode(errors="replace").strip()


def uncommitted(root=peers.ROOT):
    """Whether what git follows differs from the commit that is checked out."""
    return bool(git("status", "--porcelain", "--untracked-files=no", root=root).strip())


# ---- How the working tree is built --------------------------------------------------------------

def build_tree():
    """By ./dev build; returns its options and the compiler."""
    rounds.progress("the working tree is built")
    done = subprocess.run([peers.ROOT / "dev", "build"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"the working tree does not build:\n{tail(done.stdout + done.stderr)}")
    return (peers.BUILD / "options").read_text().split(), compiler_of(peers.BUILD)


def compiler_of(folder):
    """With what a build compiles C, as words."""
    targets = json.loads(subprocess.run(["meson", "introspect", "--targets", folder], check=True,
                                        capture_output=True, text=True).stdout)
    return next(sources["compiler"] for target in targets for sources in target["target_sources"]
                if sources["language"] == "c")


def tail(text):
    return "\n".join(text.strip().splitlines()[-SHOWN_LINES:])


# ---- Building another commit --------------------------------------------------------------------

def unpack(name, folder, root):
    archive = git("archive", "--format=tar", name, root=root)
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)


def commands(source, options):
    """Without options the commit's own command decides. Warnings are errors only where they can be mended."""
    if options is None:
        return [[source / "dev", "build"]]
    return [["meson", "setup", source / "build", source, *options, "-Dwerror=false"],
            ["ninja", "-C", source / "build", PROGRAM]]


def build(source, options, compiler, log):
    """Whether all of it went well."""
    environment = {**os.environ, "CC": shlex.join(compiler)}
    with open(log, "w") as file:
        for command in commands(source, options):
            try:
                done = subprocess.run(command, cwd=source, env=environment, stdin=subprocess.DEVNULL,
                                      stdout=file, stderr=file, check=False)
            except OSError as error:
                print(error, file=file, flush=True)
                return False
            if done.returncode != 0:
                return False
    return (source / "build" / PROGRAM).exists()


def program(name, options, compiler, kept=KEPT, root=peers.ROOT):
    """The path of the commit's program. Options are Meson's; None: what its own ./dev build chooses."""
    folder = kept / (name if options is not None else name + "-own")
    version = subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=True).stdout
    how = f"{'as ./dev build' if options is None else shlex.join(options)}\n{version}"
    if (folder / "chaski").exists() and (folder / "how").read_text() == how:
        return folder / "chaski"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source, log = folder / "source", folder / "build.log"
    try:
        unpack(name, source, root)
        if not build(source, options, compiler, log):
            raise Trouble(f"{name[:7]} does not build:\n{tail(log.read_text(errors='replace'))}\n"
                          f"The whole of it is in {log}")
        (folder / "how").write_text(how)
        shutil.copy(source / "build" / PROGRAM, folder / "chaski")
        log.unlink()
    finally:
        shutil.rmtree(source, ignore_errors=True)
    return folder / "chaski"
