# The warm interpreter of the native sandbox.
#
# It starts in namespaces of its own where the host allows them, builds a root
# that holds the interpreter's libraries and nothing else, imports the modules
# that programs use, and then, for each request, forks a child that confines
# itself and runs one program. It never runs untrusted code itself.
#
# A child shares the interpreter's namespaces, but no two programs share any
# thing: children cannot start processes, whatever is left in the process
# namespace is killed after each, and the one file system that they can write to
# is a new one for each that has touched it.
#
# Channels: requests on descriptor 3, answers on descriptor 4, each message a
# big-endian 32-bit length and that many bytes of JSON.

import sys

sys.path[:] = [p for p in sys.path if p not in ("", ".")]

# All here: an import statement in a child touches hundreds of pages, even if the
# module is there.
import functools
import gc
import json
import os
import resource
import select
import signal
import struct
import time


def load(source, name):
    scope = {"__name__": name}
    exec(compile(source, "<%s>" % name, "exec", 0, True), scope)
    return scope


def receive(channel):
    def exactly(n):
        parts = []
        while n:
            part = os.read(channel, n)
            if not part:
                os._exit(0)
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    return json.loads(exactly(int.from_bytes(exactly(4), "big")))


def send(channel, message):
    body = json.dumps(message).encode()
    body = len(body).to_bytes(4, "big") + body
    while body:
        body = body[os.write(channel, body):]


# ---------------------------------------------------------------------------
# system calls


def system_calls(config):
    """Returns the calls that need ctypes, as plain functions.

    They are made once; then ctypes is disarmed (see disarm), and what is left
    of it are the function objects that these closures hold. A child blanks them
    before the untrusted code starts. Dropping them would not do: each refers to
    itself, so they stay until the collector comes by, and it can be told to
    hand over what it finds.
    """

    import ctypes

    number = config["numbers"]
    libc = ctypes.CDLL(None, use_errno=True)
    long, text = ctypes.c_long, ctypes.c_char_p
    get_errno = ctypes.get_errno

    # Where each function object keeps the address of its function: those that a
    # child needs, and those that the template has no use for any more.
    pointers, early = [], []

    def function(*argtypes, pointers=early):
        f = libc["syscall"]  # a new object each time
        f.restype = long
        f.argtypes = (long,) + argtypes
        pointers.append(ctypes.addressof(f))
        return f

    call_ints = function(long, long, long, long, long, pointers=pointers)
    call_mount = function(text, text, text, long, text)
    call_umount = function(text, long)
    call_two = function(text, text)
    call_capset = function(text, text)
    call_attr = function(long, text, long, text, long)
    call_ruleset = function(text, long, long)
    call_rule = function(long, long, text, long)
    call_filter = function(long, long, text, pointers=pointers)
    fill = libc["memset"]
    fill.restype = long
    fill.argtypes = (long, long, long)
    pointers.append(ctypes.addressof(fill))  # itself, at last

    hold = ctypes.pythonapi["Py_IncRef"]
    hold.restype = None
    hold.argtypes = (long,)
    early.append(ctypes.addressof(hold))

    program = bytes.fromhex(config["filter"])
    kept = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(kept))

    def check(value, what):
        if value < 0:
            code = get_errno()
            raise OSError(code, what + ": " + os.strerror(code))
        return value

    def mount(source, target, kind, flags, data):
        check(call_mount(number["mount"], source, target, kind, flags, data),
              "mount " + os.fsdecode(target))

    def read_only(target, nodev):
        # struct mount_attr{attr_set, attr_clr, propagation, userns_fd}
        wanted = 1 | 2 | nodev  # rdonly, nosuid
        attr = struct.pack("@QQQQ", wanted, 0, 0, 0)
        if call_attr(number["mount_setattr"], -100, target, 0x8000, attr, 32) < 0:
            locked = os.statvfs(target).f_flag & (2 | 4 | 8 | 1024 | 2048)
            mount(None, target, None, 32 | 4096 | wanted | locked, None)

    def pivot(new, old):
        check(call_two(number["pivot_root"], new, old), "pivot_root")

    def detach(target):
        check(call_umount(number["umount2"], target, 2), "umount")

    def ruleset(directories, hidden, files):
        """A Landlock ruleset: read below directories, read and write files.

        Landlock cannot take away what it gave, so a directory with something
        hidden in it gets a rule for each of its other entries. Its names, and
        those below, can be listed.
        """
        abi = call_ruleset(number["landlock_create_ruleset"], None, 0, 1)
        check(abi, "Landlock")
        access = (1 << 13) - 1
        if abi >= 2:
            access |= 1 << 13  # refer
        if abi >= 3:
            access |= 1 << 14  # truncate
        if abi >= 5:
            access |= 1 << 15  # ioctl on devices
        attr = struct.pack("@Q", access)
        if abi >= 4:
            attr += struct.pack("@Q", 3)  # bind and connect TCP
        if abi >= 6:
            attr += struct.pack("@Q", 3)  # abstract sockets, signals
        rules = check(call_ruleset(number["landlock_create_ruleset"], attr,
                                   len(attr), 0), "Landlock")
        read_file, read_dir, execute, write_file = 1 << 2, 1 << 3, 1 << 0, 1 << 1

        def allow(path, access):
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            rule = struct.pack("=Qi", access, fd)
            check(call_rule(number["landlock_add_rule"], rules, 1, rule, 0),
                  "Landlock rule for " + path)
            os.close(fd)

        def allow_below(path):
            if path in hidden:
                return
            if not below(hidden, path):
                allow(path, read_file | execute | (read_dir if os.path.isdir(path) else 0))
                return
            allow(path, read_dir)
            for name in os.listdir(path):
                if not os.path.islink(path + "/" + name):
                    allow_below(path + "/" + name)

        for path in directories:
            allow_below(path)
        for path in files:
            allow(path, read_file | write_file)
        return rules

    def restrict(rules):
        check(call_ints(number["landlock_restrict_self"], rules, 0, 0, 0, 0),
              "landlock_restrict_self")

    def prctl(option, value):
        check(call_ints(number["prctl"], option, value, 0, 0, 0), "prctl")

    def drop_capabilities():
        check(call_capset(number["capset"], struct.pack("@Ii", 0x20080522, 0),
                          bytes(24)), "capset")

    def install_filter():
        check(call_filter(number["seccomp"], 1, 0, fprog), "seccomp")

    def blank_early():
        for pointer in early:
            fill(pointer, 0, 8)

    def blank():
        for pointer in pointers:
            fill(pointer, 0, 8)

    def keep(value):
        hold(id(value))

    disarm(ctypes)
    return {
        "mount": mount, "read_only": read_only, "pivot": pivot,
        "detach": detach, "ruleset": ruleset, "restrict": restrict,
        "prctl": prctl, "drop_capabilities": drop_capabilities,
        "install_filter": install_filter, "blank": blank, "blank_early": blank_early, "keep": keep,
        # The kernel reads the filter from here.
        "kept": kept,
    }


def disarm(ctypes):
    """Makes ctypes useless to whoever finds its types.

    object.__subclasses__() leads to every class of ctypes, whatever is taken
    out of sys.modules, and a pointer object reads any memory without an audit
    event. So no object of these classes can be made any more: tp_new and
    tp_alloc become null. Function objects that exist go on working.
    """

    # Offsets in PyTypeObject, PyModuleObject, PyModuleDef and PyObject, for 64
    # bits with the GIL.
    tp_alloc, md_dict, md_def, m_copy, ob_type = 304, 16, 24, 32, 8
    memset = ctypes.memset

    def word(address):
        return ctypes.c_uint64.from_address(address).value

    # From this copy of its names the loader makes _ctypes again, without an
    # audit event.
    module = sys.modules["_ctypes"]
    if word(id(module) + md_dict) != id(vars(module)):
        raise RuntimeError("this Python lays out its modules in another way")
    names = {}
    copy = word(id(module) + md_def) and word(word(id(module) + md_def) + m_copy)
    if copy:
        if word(copy + ob_type) != id(dict):
            raise RuntimeError("this Python lays out its modules in another way")
        names = ctypes.cast(copy, ctypes.py_object).value
    base = ctypes.c_int.__mro__[-2]  # _CData
    found, stack = set(), [object]
    while stack:
        kind = stack.pop()
        for sub in type.__subclasses__(kind):
            if sub not in found:
                found.add(sub)
                stack.append(sub)
    for kind in found:
        if issubclass(kind, base) or (
                issubclass(kind, type) and kind.__module__ == "_ctypes"):
            memset(id(kind) + tp_alloc, 0, 16)  # and tp_new behind it
    for make in (ctypes.c_int, ctypes.c_void_p, lambda: ctypes.c_char * 1000003):
        try:
            make()
        except TypeError:
            continue
        raise RuntimeError("ctypes cannot be disarmed in this Python")
    names.clear()
    del make, kind, base, found, memset, module, word, names
    for name in [n for n in sys.modules if n.partition(".")[0] in ("ctypes", "_ctypes")]:
        vars(sys.modules.pop(name)).clear()
    gc.collect()


# ---------------------------------------------------------------------------
# the root


def library_directories():
    """The directories that the interpreter reads while it runs."""
    found = {p for p in sys.path if os.path.isdir(p)}
    with open("/proc/self/maps") as maps:
        for line in maps:
            fields = line.split(None, 5)
            if len(fields) == 6 and ".so" in fields[5]:
                path = fields[5].strip()
                if os.path.isfile(path):
                    found.add(os.path.dirname(path))
    ordered = []
    for path in sorted(found):
        real = os.path.realpath(path)
        if not any(real == o or real.startswith(o + "/") for o in ordered):
            ordered.append(real)
    # A path that is a link keeps working: the link itself is made again.
    return ordered, sorted(p for p in found if os.path.realpath(p) != p)


def below(paths, place):
    return any((path + "/").startswith(place + "/") for path in paths)


def installed_packages(directories):
    """The folders of installed packages within the directories.

    They are hidden: numpy or cffi open the interpreter's memory.
    """
    found = set()
    for top in directories:
        with os.scandir(top) as entries:
            places = [e.path for e in entries if e.is_dir(follow_symlinks=False)]
        for place in (top, *places):
            for name in ("site-packages", "dist-packages"):
                if os.path.isdir(place + "/" + name):
                    found.add(os.path.realpath(place + "/" + name))
    return sorted(found)


def devices():
    return [d for d in ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
            if os.path.exists(d)]


def scratch_place(directories):
    """Where programs may write: where tempfile looks, and no library lies."""
    for place in ("/tmp", "/var/tmp", "/usr/tmp"):
        if not below(directories, place):
            return place
    raise RuntimeError("no place for a scratch directory")


def build_root(calls, directories, hidden, links, scratch):
    mount = calls["mount"]
    rec, private, bind = 16384, 1 << 18, 4096
    rdonly, nosuid, nodev, noexec = 1, 2, 4, 8
    mount(None, b"/", None, rec | private, None)
    # It is laid over any directory that holds nothing of what is needed.
    for place in ("/tmp", "/mnt", "/media", "/srv", "/run", "/opt", "/home",
                  "/root", "/var", "/boot", "/sys", "/proc"):
        if os.path.isdir(place) and not below(directories, os.path.realpath(place)):
            break
    else:
        raise RuntimeError("no directory to build the root in")
    mount(b"tmpfs", place.encode(), b"tmpfs", nosuid | nodev, b"size=1m,mode=755")
    for path in directories:
        target = os.fsencode(place + path)
        os.makedirs(target, 0o755, exist_ok=True)
        mount(os.fsencode(path), target, None, bind | rec, None)
        calls["read_only"](target, nodev)
    for path in hidden:
        if any(below([path], top) for top in directories):
            mount(b"tmpfs", os.fsencode(place + path), b"tmpfs",
                  rdonly | nosuid | nodev | noexec, b"size=4k,mode=555")
    for path in links:
        # The whole way to the target, for a link above the last part.
        name = path
        while name != "/" and not os.path.islink(name):
            name = os.path.dirname(name)
        target = place + name
        if name != "/" and not os.path.lexists(target):
            os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
            os.symlink(os.path.realpath(name), target)
    for name in ("/lib", "/lib64"):  # where the loader looks
        if os.path.islink(name) and not os.path.lexists(place + name):
            os.symlink(os.readlink(name), place + name)
    os.makedirs(place + "/dev", 0o755, exist_ok=True)
    for device in devices():
        os.close(os.open(place + device, os.O_CREAT | os.O_WRONLY, 0o644))
        target = (place + device).encode()
        mount(device.encode(), target, None, bind, None)
        calls["read_only"](target, 0)  # the node, not what it stands for
    for name in (scratch, "/.old"):
        os.makedirs(place + name, 0o755, exist_ok=True)
    os.chdir(place)
    calls["pivot"](b".", b".old")
    os.chdir("/")
    calls["detach"](b"/.old")
    os.rmdir("/.old")
    mount(None, b"/", None, 32 | bind | rdonly | nosuid | nodev, None)


class Scratch:
    """The file system that programs can write to.

    It is empty when a program starts: after one that changed anything it is
    replaced.
    """

    def __init__(self, calls, config, place):
        self.calls, self.place = calls, place
        self.options = "size=%d,nr_inodes=4096,mode=700" % config["scratch"]
        if config["uid"] is not None:
            self.options += ",uid=%d,gid=%d" % (config["uid"], config["uid"])
        self.mount()

    def mount(self):
        self.calls["mount"](b"tmpfs", self.place.encode(), b"tmpfs", 2 | 4 | 8,
                            self.options.encode())

    def replace(self):
        self.calls["detach"](self.place.encode())
        self.mount()


def look(place):
    """What a program changes of its file system when it changes anything."""
    at = os.stat(place)
    return os.listdir(place), at.st_mode, at.st_uid, at.st_gid, at.st_mtime_ns, at.st_ctime_ns


# ---------------------------------------------------------------------------
# the template, of which every child is a copy


def limit(name, value):
    hard = resource.getrlimit(name)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(name, (value, value))


def die_with_parent(calls, parent):
    calls["prctl"](1, 9)  # PR_SET_PDEATHSIG: SIGKILL
    if os.getppid() != parent:
        os._exit(1)  # it has died before that


def confine(calls, config, rules, parent):
    """Gives up what neither the template nor a program has any need of. Cannot
    be undone, and a child has it from its birth."""

    limit(resource.RLIMIT_STACK, 64 << 20)
    limit(resource.RLIMIT_FSIZE, 16 << 20)
    limit(resource.RLIMIT_NOFILE, 64)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_MEMLOCK, 0)
    limit(resource.RLIMIT_MSGQUEUE, 0)
    if config["uid"] is not None:
        os.setgroups([])
        os.setresgid(config["uid"], config["uid"], config["uid"])
        os.setresuid(config["uid"], config["uid"], config["uid"])
    calls["drop_capabilities"]()
    os.environ.clear()
    prctl = calls["prctl"]
    die_with_parent(calls, parent)
    prctl(4, 0)   # PR_SET_DUMPABLE
    prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
    if rules is not None:
        calls["restrict"](rules)
        os.close(rules)
    # What a child may not exceed of the limits that it sets itself.
    hard = {name: resource.getrlimit(name)[1]
            for name in (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_CPU)}
    config["hard"] = {name: value for name, value in hard.items() if value != resource.RLIM_INFINITY}


def confine_child(calls, config, job, keep):
    """The rest of it: what the template needs, and what each program has of its
    own."""

    if config["namespaces"]:
        os.chdir(config["place"])
    low = 3
    for fd in sorted(keep):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, 64)  # RLIMIT_NOFILE
    for name, value in ((resource.RLIMIT_AS, job["memory"]), (resource.RLIMIT_DATA, job["memory"]),
                        (resource.RLIMIT_CPU, int(job["seconds"]) + 2)):
        value = min(value, config["hard"].get(name, value))
        resource.setrlimit(name, (value, value))
    die_with_parent(calls, config["pid"])
    calls["install_filter"]()
    calls["blank"]()


def fill_gaps():
    """Fills the gaps between the objects that are there.

    A child would put its own objects into them, here one and there one, and get
    a copy of a page for each. So they go where nothing is yet, side by side.
    What is returned is to be kept as it is.
    """
    filling = []
    for size in range(48, 513, 16):
        block = size - sys.getsizeof(b"")
        before = 0
        for _ in range(1 << 14):
            filling.append(bytes(block))
            at = id(filling[-1])
            # The second block of a pool of pages, right behind the first one.
            if at & 0x3fff < 2 * size and at - before == size:
                break
            before = at
    return filling


# ---------------------------------------------------------------------------
# children


def wait_for(pids, results, control, deadline):
    """Collects what the judge's child writes until it ends or time is up.

    Returns the bytes and whether the time was up. A child that writes more
    than an answer can hold is not listened to any longer.
    """

    poll = select.poll()
    poll.register(results, select.POLLIN)
    poll.register(control, 0)  # POLLHUP: the host has gone
    data = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return data, True
        for fd, event in poll.poll(left * 1000 + 1):
            if fd == control:
                for pid in pids:
                    os.kill(pid, 9)
                os._exit(0)
            part = os.read(results, 4096)
            if not part:
                return data, False
            data += part
            if len(data) > 4096:
                return data, False


def close_inherited(last):
    """Closes every descriptor after the last of ours.

    The host's own do not come here, but those that it was started with do where
    whoever opened them did not mark them, and their numbers have no bound.
    """
    for name in os.listdir("/proc/self/fd"):
        if int(name) > last:
            try:
                os.close(int(name))
            except OSError:
                pass  # that of the listing


def serve(requests, answers):
    """Gets everything ready; returns in a confined child, with what it is to run."""

    close_inherited(answers)
    config = receive(requests)
    # What modules do in a forked child, such as to draw a new seed, costs more
    # than all the rest of a child's start. We do what is needed.
    register, os.register_at_fork = os.register_at_fork, lambda **_: None
    harness = load(config.pop("harness"), "harness")
    strict = load(config.pop("strict"), "strict")
    try:
        if sys.implementation.name != "cpython" or sys.maxsize < 1 << 62 or set(
                getattr(sys, "abiflags", "")) & {"t", "d"}:
            raise RuntimeError("needs a 64-bit CPython, not free-threaded")
        harness["prepare"](config.pop("imports"))
        os.register_at_fork = register
        calls = system_calls(config)
        harness["close_imports"]()
        directories, links = library_directories()
        hidden = installed_packages(directories)
        rules = scratch = None
        if config["namespaces"]:
            if os.getpid() != 1:  # what serve() kills is everybody in here
                raise RuntimeError("not in a process namespace")
            config["place"] = scratch_place(directories)
            build_root(calls, directories, hidden, links, config["place"])
            scratch = Scratch(calls, config, config["place"])
        else:
            rules = calls["ruleset"](directories, hidden, devices())
            os.chdir("/")
        # A child forgets all names of ours. What they stand for stays, since
        # taking it down would cost more than many a program.
        calls["keep"](fill_gaps())
        for names in (globals(), harness, strict, calls, config):
            for value in (names, *names.values()):
                calls["keep"](value)
        asks, asked = os.pipe()
        done, does = os.pipe()
        supervisor = os.getpid()
        if os.fork():
            for fd in (requests, answers, asked, done):
                os.close(fd)
            supervise(scratch, asks, does)
        for fd in (asks, does):
            os.close(fd)
        confine(calls, config, rules, supervisor)
        harness["seal"]()
        calls["blank_early"]()
        gc.freeze()
        config["pid"] = os.getpid()
        send(answers, {"ok": True, "version": sys.version.split()[0],
                       "directories": directories})
    except BaseException as error:
        send(answers, {"ok": False, "error": "%s: %s" % (type(error).__name__, error)})
        os._exit(0)
    return template(calls, config, (harness, strict), requests, answers, (asked, done))


def supervise(scratch, asks, does):
    """Replaces the file system of programs when the template asks for it, which
    has no right to, until the template has ended."""

    while os.read(asks, 1):
        scratch.replace()
        os.write(does, b"r")
    os._exit(0)


def template(calls, config, roles, requests, answers, supervisor):
    """Serves the host; returns in a confined child, with what it is to run."""

    asked, done = supervisor
    place = config["place"] if config["namespaces"] else None
    fresh = look(place) if place else None
    while True:
        job = receive(requests)
        started = time.monotonic()
        child = start(calls, config, roles, job)
        if child.get("run"):
            return child["run"]
        data, late = wait_for(child["pids"], child["result"], requests,
                              time.monotonic() + job["seconds"])
        ended = time.monotonic()
        os.close(child["result"])
        status = 0
        for pid in child["pids"]:
            os.kill(pid, 9)
            _, code = os.waitpid(pid, 0)
            status = status or code
        if place:
            try:
                # Everybody else in the process namespace but the supervisor.
                os.kill(-1, 9)
            except (ProcessLookupError, PermissionError):
                pass  # nobody
            if look(place) != fresh:
                os.write(asked, b"r")
                if not os.read(done, 1):
                    os._exit(0)
                fresh = look(place)
        passed = data == child["token"] + b"P"
        answer = {"passed": passed, "late": late and not passed,
                  "elapsed": ended - started, "signal": 0, "detail": ""}
        if not passed:
            if os.WIFSIGNALED(status) and not late:
                answer["signal"] = os.WTERMSIG(status)
            if data[:1] == b"F":
                answer["detail"] = data[1:501].decode("utf-8", "replace")
            elif data[:33] == child["token"] + b"C":
                answer["broken"] = data[33:533].decode("utf-8", "replace")
        send(answers, answer)


def start(calls, config, roles, job):
    """Forks the children of one job.

    In the template it returns {"pids", "result", "token"}, in a child
    {"run": what to call}. The token is drawn after the fork, so that no copy
    of it is in a child's memory, and only the child that judges can read it.
    """
    harness, strict = roles
    token_read, token_write = os.pipe()
    result_read, result_write = os.pipe()
    if job["strict"]:
        # Calls go from the tests to the solution, answers the other way.
        solution_in, tests_out = os.pipe()
        tests_in, solution_out = os.pipe()
        parts = [("tests", [token_read, result_write, tests_in, tests_out]),
                 ("solution", [solution_in, solution_out])]
    else:
        parts = [("program", [token_read, result_write])]
    pids = []
    for role, fds in parts:
        pid = os.fork()
        if pid == 0:
            return {"run": enter(calls, config, role, fds, harness, strict, job)}
        pids.append(pid)
    for _, fds in parts:
        for fd in fds:
            os.close(fd)
    token = os.urandom(32)
    os.write(token_write, token)
    os.close(token_write)
    return {"pids": pids, "result": result_read, "token": token}


def enter(calls, config, role, fds, harness, strict, job):
    """Confines the child and prepares its part."""
    report = fds[1] if role != "solution" else None
    try:
        confine_child(calls, config, job, fds)
    except BaseException as error:
        if report is not None:
            # With the token: a program that says so has a verdict.
            text = "C%s: %s" % (type(error).__name__, error)
            os.write(report, os.read(fds[0], 32) + text.encode("utf-8", "replace")[:500])
        os._exit(1)
    # The halves of a strict run need their names; the one with the token runs
    # no untrusted code.
    names = [globals(), harness] + ([strict] if role == "program" else [])
    try:
        if role == "program":
            steps = harness["stage"](job["solution"], job["tests"], fds[0], fds[1])
            judge = harness["judge"]
            arguments = (steps.pop, os.write, os._exit, fds[1])
        elif role == "tests":
            read_token = functools.partial(os.read, fds[0], 32)
            judge, arguments = strict["tests"](job, read_token, *fds[1:])
        else:
            judge, arguments = strict["solution"](job, *fds)
    except BaseException as error:
        if report is not None:
            text = "F%s: %s" % (type(error).__name__, error)
            os.write(report, text.encode("utf-8", "replace")[:500])
        os._exit(1)
    return harness["begin"], names, judge, arguments


run, names, judge, arguments = serve(3, 4)
run(names, judge, arguments)
