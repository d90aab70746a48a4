# The part of the guest that every backend shares: it runs a solution and its
# tests in one interpreter and proves a pass.
#
# A pass is the token, thirty-two random bytes, followed by "P" on the result
# channel. The token is read from its pipe straight onto the evaluation stack
# of one C-level call expression, and the untrusted code runs inside that
# expression. So no variable, frame, closure, constant or container holds the
# token, nor the calls that are still to come: Python code has no way to name
# what lies on another frame's evaluation stack.

import builtins
import os
import random
import sys

# Modules that open the interpreter's memory, or are there to test it.
REFUSED = (
    "ctypes", "_ctypes", "_ctypes_test", "_xxsubinterpreters",
    "_xxinterpchannels", "_interpreters", "_interpchannels",
    "_interpqueues", "_testcapi", "_testlimitedcapi", "_testbuffer",
    "_testclinic", "_testclinic_limited", "_testexternalinspection",
    "_testinternalcapi", "_testmultiphase", "_testsinglephase",
    "_testimportmultiple", "_xxtestfuzz", "_remote_debugging",
    "xxlimited", "xxlimited_35", "xxsubtype",
)

# Run in a namespace of its own, so that the frame that a traceback shows leads
# nowhere. The hook calls nothing that can be replaced: only methods of exact
# built-in types, found through constants.
HOOK = '''
def hook(event, args):
    if event in {
        "gc.get_objects", "gc.get_referrers", "gc.get_referents",
        "sys._current_frames", "sys._current_exceptions",
        "sys.settrace", "sys.setprofile", "sys.monitoring.register_callback",
        "sys.addaudithook", "sys.remote_exec", "code.__new__",
        "marshal.loads", "marshal.load", "cpython.PyInterpreterState_New",
    } or event[:7] == "ctypes.":
        raise RuntimeError("refused in the sandbox: " + event)
    if event == "import":
        if "".__class__.rpartition(args[0], ".")[2] in REFUSED:
            raise ImportError("refused in the sandbox")
        # A compiled module that does not lie beside the interpreter's own.
        if args[1] is not None and "".__class__.rpartition(args[1], "/")[0] not in EXTENSIONS:
            raise ImportError("refused in the sandbox")
    elif event == "object.__setattr__" and args[1] == "__code__":
        raise RuntimeError("refused in the sandbox: " + event)
'''

# Each pop() yields the next callable or argument. Python evaluates a callee
# and its arguments from left to right before the call, so everything has left
# the list when the innermost call, the solution, starts. From there on only C
# functions run between the solution and the written token. See stage().
JUDGE = '''
def judge(pop, write, leave, result):
    try:
        pop()(
            pop()(pop(), pop()((
                pop()(pop(), pop()),
                pop()(
                    pop()(pop(), pop(),
                        pop()(pop()(pop()(pop()(pop()(pop()(pop()(
                            pop()(pop(), pop())
                        ))))))))
                )
            )))
        )
    except BaseException as error:
        try:
            text = type(error).__name__ + ": " + str(error)
        except BaseException:
            text = "an exception that cannot be shown"
        try:
            write(result, b"F" + text.encode("utf-8", "replace")[:500])
        finally:
            leave(1)
    leave(1)
'''


# The built-in functions as they are. Nothing changes them before a solution does.
GENUINE = dict(vars(builtins))


def isolated(source, name):
    """Defines one function in a namespace that holds nothing else."""
    scope = {}
    exec(compile(source, "<sandbox>", "exec", 0, True), scope)
    return scope.pop(name)


def stage(solution, tests, token, result):
    """Lays out the calls of one program, for judge() to pop.

    exec() returns None; {None: x}.get turns that None into x, and dict.update
    returns None again. So the chain reads, from the inside out: run the
    solution in one namespace; copy its names into the tests' namespace; put
    the built-in functions back as they were, in the module and in that
    namespace; run the tests; answer "P". An exception leaves the expression,
    and the token with it. (An iterator, such as starmap, would not do: a
    solution that raises StopIteration ends it as if it were done.)
    """
    first = compile(solution, "<solution>", "exec", 0, True)
    second = compile("\n".join(tests), "<tests>", "exec", 0, True)
    mine, theirs = {}, {}
    steps = [
        os._exit,                           # leave with what write returned
        os.write, result,                   # write the answer
        b"".join,                           # the token and "P"
        os.read, token, 32,                 # the token onto the stack
        {None: b"P"}.get,                   # the tests returned
        exec, second, theirs,               # run the tests
        {None: theirs}.get,
        theirs.update, {None: {"__builtins__": builtins}}.get,
        vars(builtins).update, {None: GENUINE}.get,
        theirs.update, {None: mine}.get,
        exec, first, mine,                  # run the solution
    ]
    steps.reverse()
    return steps


def prepare(names):
    """Imports what programs use, so that each of them finds it ready."""
    import importlib
    import site

    # What asyncio would take of it is of no use without a network.
    sys.modules.setdefault("ssl", None)
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # not in this version of Python, or not on this machine
    if sys.modules["ssl"] is None:
        del sys.modules["ssl"]
    site.setquit()
    site.setcopyright()
    site.sethelper()
    GENUINE.update(vars(builtins))


def close_imports():
    """Shuts the ways to make a module or a code object that raise no audit event."""
    import _imp
    import importlib

    frozen = getattr(_imp, "_frozen_module_names", list)()
    for name in [*sys.builtin_module_names, *frozen]:
        if name not in REFUSED and not name.startswith("__"):
            try:
                importlib.import_module(name)
            except ImportError:
                pass
    for name in REFUSED:
        sys.modules.pop(name, None)
    for name in ("create_builtin", "exec_builtin", "get_frozen_object", "init_frozen"):
        if hasattr(_imp, name):
            delattr(_imp, name)
    # Cached bytecode needs marshal, which the child refuses.
    sys.implementation.cache_tag = None


judge = isolated(JUDGE, "judge")
# The sets become constants of the hook's code.
hook = isolated(HOOK.replace("EXTENSIONS", "{%s}" % ", ".join(map(repr, sys.path)))
                .replace("REFUSED", "{%s}" % ", ".join(map(repr, REFUSED))), "hook")


def seal():
    """Closes the doors inside the interpreter that lead to raw memory."""
    sys.addaudithook(hook)
    sys.modules["__main__"] = type(sys)("__main__")
    sys.orig_argv = [""]
    sys.argv = [""]
    # The same random numbers in every run: verdicts that can be repeated.
    random.seed(0)
    # Three frames of ours stand below the program's first.
    sys.setrecursionlimit(1000 + 3)


def begin(names, judge, arguments):
    """Forgets every name of ours and runs the program."""
    for name in names:
        name.clear()
    judge(*arguments)
