# The two halves of a strict run: the solution in one interpreter, its tests in
# another. Only calls and plain data cross, as lines of JSON, so nothing that the
# solution defines or changes is there when the tests compare.

import ast
import builtins
import collections
import decimal
import fractions
import json
import os
import sys

LIMIT = 64 << 20  # bytes of one message


class Unsendable(TypeError):
    pass


def encode(value, depth=0):
    """Turns a value into JSON: [tag, ...]. Subclasses go as their plain base."""
    if depth > 400:
        raise Unsendable("nested too deeply to cross between processes")
    depth += 1
    if value is None or value is True or value is False:
        return value
    if value is Ellipsis:
        return ["ellipsis"]
    if isinstance(value, int):
        return ["int", hex(int(value))]
    if isinstance(value, float):
        return ["float", float.hex(value)]
    if isinstance(value, complex):
        return ["complex", float.hex(value.real), float.hex(value.imag)]
    if isinstance(value, str):
        return ["str", str.__str__(value)]
    for kind, name in ((bytes, "bytes"), (bytearray, "bytearray")):
        if isinstance(value, kind):
            return [name, bytes(value).hex()]
    for kind, name in ((list, "list"), (tuple, "tuple"), (set, "set"),
                       (frozenset, "frozenset"), (collections.deque, "deque")):
        if isinstance(value, kind):
            return [name, [encode(item, depth) for item in kind.__iter__(value)]]
    if isinstance(value, dict):
        return ["dict", [[encode(k, depth), encode(v, depth)]
                         for k, v in dict.items(value)]]
    if isinstance(value, range):
        return ["range", value.start, value.stop, value.step]
    if isinstance(value, decimal.Decimal):
        return ["decimal", str(value)]
    if isinstance(value, fractions.Fraction):
        return ["fraction", hex(value.numerator), hex(value.denominator)]
    if isinstance(value, (type({}.keys()), type({}.values()), type({}.items()))):
        return ["list", [encode(item, depth) for item in value]]
    if hasattr(type(value), "__next__"):
        items = []
        for item in value:
            items.append(encode(item, depth))
            if len(items) > 100000:
                raise Unsendable("an iterator without an end cannot cross between processes")
        return ["iterator", items]
    raise Unsendable("%s objects cannot cross between processes" % type(value).__name__)


def decode(value):
    if value is None or value is True or value is False:
        return value
    tag = value[0]
    if tag == "ellipsis":
        return Ellipsis
    if tag == "int":
        return int(value[1], 16)
    if tag == "float":
        return float.fromhex(value[1])
    if tag == "complex":
        return complex(float.fromhex(value[1]), float.fromhex(value[2]))
    if tag == "str":
        return str(value[1])
    if tag == "bytes":
        return bytes.fromhex(value[1])
    if tag == "bytearray":
        return bytearray.fromhex(value[1])
    if tag == "dict":
        return {decode(k): decode(v) for k, v in value[1]}
    if tag == "range":
        return range(int(value[1]), int(value[2]), int(value[3]))
    if tag == "decimal":
        return decimal.Decimal(value[1])
    if tag == "fraction":
        return fractions.Fraction(int(value[1], 16), int(value[2], 16))
    items = [decode(item) for item in value[1]]
    if tag == "list":
        return items
    kinds = {"tuple": tuple, "set": set, "frozenset": frozenset,
             "deque": collections.deque, "iterator": iter}
    return kinds[tag](items)


def channel(source, sink):
    """Returns (send, receive) for lines of JSON on two descriptors."""
    rest = []

    def send(message):
        data = json.dumps(message).encode() + b"\n"
        if len(data) > LIMIT:
            raise Unsendable("too much data to cross between processes")
        while data:
            data = data[os.write(sink, data):]

    def receive():
        size = sum(map(len, rest))
        while True:
            if rest and b"\n" in rest[-1]:
                line, _, after = b"".join(rest).partition(b"\n")
                rest[:] = [after] if after else []
                return json.loads(line)
            part = os.read(source, 1 << 16)
            size += len(part)
            if not part:
                raise EOFError("the solution ended")
            if size > LIMIT:
                raise EOFError("the solution sent too much")
            rest.append(part)

    return send, receive


# ---------------------------------------------------------------------------
# the solution's half; untrusted, whatever it becomes


def solution(job, fd_in, fd_out):
    return serve_calls, (job["solution"], *channel(fd_in, fd_out))


def serve_calls(source, send, receive):
    scope = {}
    try:
        exec(compile(source, "<solution>", "exec", 0, True), scope)
    except BaseException as error:
        send(["raised", type(error).__name__, str(error)[:300]])
        os._exit(1)
    send(["ready"])
    while True:
        request = receive()
        if request[0] == "describe":
            send([kind_of(scope, name) for name in request[1]])
            continue
        arguments = [decode(a) for a in request[2]]
        named = {k: decode(v) for k, v in request[3].items()}
        try:
            value = scope[request[1]](*arguments, **named)
            answer = ["returned", encode(value), [changed(a) for a in arguments],
                      {k: changed(v) for k, v in named.items()}]
        except BaseException as error:
            answer = ["raised", type(error).__name__, str(error)[:300]]
        send(answer)


MUTABLE = (list, dict, set, bytearray, collections.deque)


def changed(value):
    """What an argument has become, for those that a function can change."""
    return encode(value) if isinstance(value, MUTABLE) else None


def kind_of(scope, name):
    if name not in scope:
        return "absent"
    value = scope[name]
    if isinstance(value, type(sys)):
        return "module " + value.__name__
    return "callable" if callable(value) else "value"


# ---------------------------------------------------------------------------
# the tests' half; trusted, and the only one that can read the token


def proxy(name, send, receive):
    def call(*arguments, **named):
        send(["call", name, [encode(a) for a in arguments],
              {k: encode(v) for k, v in named.items()}])
        answer = receive()
        if answer[0] != "returned":
            raise error_named(answer)
        for mine, theirs in [*zip(arguments, answer[2]),
                             *((v, answer[3].get(k)) for k, v in named.items())]:
            if theirs is not None and isinstance(mine, MUTABLE):
                replace(mine, decode(theirs))
        return decode(answer[1])

    call.__name__ = name
    return call


def replace(mine, theirs):
    if type(theirs) is not type(mine):
        raise TypeError("an argument came back as another type")
    if isinstance(mine, (list, bytearray)):
        mine[:] = theirs
    elif isinstance(mine, collections.deque):
        mine.clear()
        mine.extend(theirs)
    else:
        mine.clear()
        mine.update(theirs)


def error_named(answer):
    """The solution's exception, as the built-in one of that name if there is one."""
    kind = getattr(builtins, str(answer[1]), None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)) or kind in (
            StopIteration, StopAsyncIteration):
        return RuntimeError("%s: %s" % (answer[1], answer[2]))
    try:
        return kind(str(answer[2]))
    except TypeError:
        return RuntimeError("%s: %s" % (answer[1], answer[2]))


# What tests may use of the standard library when the solution imports it.
MODULES = {"math", "cmath", "sys", "re", "collections", "itertools", "functools",
           "string", "random", "datetime", "heapq", "bisect", "operator", "copy",
           "decimal", "fractions", "statistics", "typing", "json"}


def names_used(tests):
    """Returns the free names of the tests, and those called in every statement."""
    module = ast.Module([], [])
    for test in tests:
        module.body += ast.parse(test, "<tests>").body
    stored, loaded = set(), set()
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else stored).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            stored.add(node.name)
        elif isinstance(node, ast.arg):
            stored.add(node.arg)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            stored.update((a.asname or a.name).partition(".")[0] for a in node.names)
    everywhere = None
    for statement in module.body:
        called = {n.func.id for n in ast.walk(statement)
                  if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        everywhere = called if everywhere is None else everywhere & called
    return sorted(loaded - stored), sorted(everywhere or ())


def tests(job, read_token, result, fd_in, fd_out):
    code = compile("\n".join(job["tests"]), "<tests>", "exec", 0, True)
    preamble = compile(job["preamble"], "<preamble>", "exec", 0, True)
    send, receive = channel(fd_in, fd_out)
    return run_tests, (job["entry"], job["tests"], preamble, code, read_token, result, send, receive)


def bind(entry, sources, scope, send, receive):
    """Puts the solution's functions that the tests call into scope."""
    if entry:
        scope[entry] = proxy(entry, send, receive)
        return
    known = set(vars(builtins)) | set(scope)
    loaded, everywhere = names_used(sources)
    wanted = [n for n in loaded if n not in known]
    send(["describe", wanted])
    kinds = dict(zip(wanted, receive()))
    found = False
    for name, kind in kinds.items():
        if kind == "callable":
            scope[name] = proxy(name, send, receive)
            found = True
        elif kind.startswith("module ") and kind[7:] in MODULES:
            scope[name] = __import__(kind[7:])
    if found:
        return
    # A solution named like a built-in function: the one that every test calls.
    wanted = [n for n in everywhere if hasattr(builtins, n)]
    send(["describe", wanted])
    for name, kind in zip(wanted, receive()):
        if kind == "callable":
            scope[name] = proxy(name, send, receive)


def run_tests(entry, sources, preamble, code, read_token, result, send, receive):
    try:
        scope = {}
        exec(preamble, scope)
        first = receive()
        if first[0] != "ready":
            raise error_named(first)
        bind(entry, sources, scope, send, receive)
        exec(code, scope)
        answer = read_token() + b"P"
    except BaseException as error:
        text = "F%s: %s" % (type(error).__name__, error)
        answer = text.encode("utf-8", "replace")[:501]
    os.write(result, answer)
    os._exit(0)
