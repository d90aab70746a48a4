# The guest of the WASI sandbox: CPython in WebAssembly.
#
# It is booted once: it reads its configuration, imports what programs use, says
# where its job function lies, and ends. The host keeps the memory as it is then
# and starts every job from a copy of it, by calling job() from outside.
#
# Channels: descriptor 0 brings the configuration, later the job and, right
# behind it, the token; 2 takes the answer; 1 goes nowhere, or, in a strict run,
# to the other half.

import os
import sys


def load(source, name):
    scope = {"__name__": name}
    exec(compile(source, "<%s>" % name, "exec", 0, True), scope)
    return scope


def receive():
    def exactly(n):
        parts = []
        while n:
            part = os.read(0, n)
            if not part:
                os._exit(3)
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    import json
    return json.loads(exactly(int.from_bytes(exactly(4), "big")))


def job():
    # The host keeps it alive; nothing in here may know it.
    del globals()["stack"]
    request = receive()
    role = request["role"]
    try:
        if role == "program":
            steps = harness["stage"](request["solution"], request["tests"], 0, 2)
            judge = harness["judge"]
            arguments = (steps.pop, os.write, os._exit, 2)
            names = [globals(), harness, strict]
            begin = harness["begin"]
        else:
            quiet()
            if role == "tests":
                token = bytes.fromhex(request["token"])
                judge, arguments = strict["tests"](request, lambda: token, 2, 0, 1)
            else:
                judge, arguments = strict["solution"](request, 0, 1)
            names, begin = [], harness["begin"]
        harness["seal"]()
    except BaseException as error:
        text = "F%s: %s" % (type(error).__name__, error)
        os.write(2, text.encode("utf-8", "replace")[:500])
        os._exit(1)
    request = steps = None
    begin(names, judge, arguments)


def quiet():
    """Sends what is printed nowhere, as descriptor 1 is taken."""
    import io

    class Nowhere(io.RawIOBase):
        def writable(self):
            return True

        def write(self, data):
            return len(data)

    sys.stdout = sys.__stdout__ = sys.stderr = sys.__stderr__ = io.TextIOWrapper(
        io.BufferedWriter(Nowhere()), "utf-8")


SLEEP = '''
def sleep(seconds, /):
    """Returns at once: there is nothing to wait for in here."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
'''


STORED = '''
def stored(self, fullname):
    try:
        return kept[fullname]
    except KeyError:
        raise ImportError("can't find module " + repr(fullname), name=fullname) from None
'''


def keep_modules():
    """Reads the code of every module of the library now.

    The library is an archive of bytecode, and reading bytecode is refused
    later: a program could make its own, and with it reach raw memory.
    """
    import zipimport

    kept = {}
    for archive, files in zipimport._zip_directory_cache.items():
        importer = zipimport.zipimporter(archive)
        for path in files:
            if path.endswith(".pyc"):
                name = path[:-4].replace("/", ".").removesuffix(".__init__")
                package, _, last = name.rpartition(".")
                importer.prefix = package.replace(".", "/") + "/" if package else ""
                kept[name] = zipimport._get_module_code(importer, last)
    scope = {"kept": kept}
    exec(compile(STORED, "<sandbox>", "exec", 0, True), scope)
    stored = scope["stored"]
    zipimport._get_module_code = lambda self, name: stored(
        self, self.prefix.replace("/", ".") + name.rpartition(".")[2])


def boot():
    import gc
    import json
    import time

    config = receive()
    scope = load(config["harness"], "harness")
    scope["prepare"](config["imports"])
    scope["close_imports"]()
    keep_modules()
    time.sleep = scope["isolated"](SLEEP, "sleep")
    sys.stderr = sys.__stderr__ = sys.stdout
    # Memory that programs find free without asking the host for more.
    spare = [bytearray(1 << 20) for _ in range(config["spare"])]
    spare = None
    gc.collect()
    gc.freeze()
    stack = bytearray(config["stack"])
    # The host finds the interpreter's counters by this number.
    sys.setrecursionlimit(config["mark"])
    os.write(2, json.dumps({
        "job": id(job), "arguments": id(()), "type": id(type(job)),
        "stack": id(stack)}).encode())
    return scope, load(config["strict"], "strict"), stack


harness, strict, stack = boot()
os._exit(0)
