# How the Python pipeline runs programs, in a few lines: for each, a manager
# process for the result and a process for the program, killed when time is up.
# The peer of the benchmarks. No isolation: only for programs of these tests.
#
# Input: a line with the number of threads, then programs as lines of JSON
# strings. Output: the seconds that all took, and how many passed.

import builtins
import contextlib
import io
import json
import multiprocessing
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor


@contextlib.contextmanager
def scratch_folder():
    import os
    with tempfile.TemporaryDirectory() as folder:
        before = os.getcwd()
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def take_away():
    """Sets what could do harm to None, which is no sandbox."""
    import faulthandler
    import os
    import shutil
    import subprocess

    faulthandler.disable()
    os.environ["OMP_NUM_THREADS"] = "1"
    builtins.exit = builtins.quit = None
    for module, names in (
            (os, "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename "
                 "renames truncate replace unlink fchmod fchown chmod chown chroot lchown getcwd chdir"),
            (shutil, "rmtree move chown"), (subprocess, "Popen")):
        for name in names.split():
            setattr(module, name, None)
    for name in ("ipdb", "joblib", "resource", "psutil", "tkinter"):
        sys.modules[name] = None


def execute(program, result):
    def expire(*_):
        raise TimeoutError

    with scratch_folder():
        import os
        import shutil
        kept = shutil.rmtree, os.rmdir, os.chdir, os.unlink, os.getcwd
        take_away()
        signal.signal(signal.SIGALRM, expire)
        signal.setitimer(signal.ITIMER_REAL, 3)
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                exec(program, {})
            result.append("passed")
        except BaseException as error:
            result.append("failed: %r" % error)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        shutil.rmtree, os.rmdir, os.chdir, os.unlink, os.getcwd = kept


def check(program):
    with multiprocessing.Manager() as manager:
        result = manager.list()
        process = multiprocessing.Process(target=execute, args=(program, result))
        process.start()
        process.join(4)
        if process.is_alive():
            process.kill()
        return list(result) == ["passed"]


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    threads, *programs = map(json.loads, sys.stdin)
    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        passed = sum(pool.map(check, programs))
    print(time.perf_counter() - start, passed)
