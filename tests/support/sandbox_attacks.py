"""Attacks of uploaded code on its sandbox, as a table: the source, the refusals, and the locks that hold.

Most attacks climb to the interpreter first, since a name that was taken away is no boundary. `escaped` ends an attack that has
worked. The page docs/sandbox.md shows the table.
"""

from __future__ import annotations

import json
import platform
import re
from dataclasses import dataclass
from typing import Any

from tests.support.sandbox import HONEST

CLIMB = """\
import warnings

modules = warnings.sys.modules
os, io, time, ctypes, json = (modules[name] for name in ("os", "io", "time", "ctypes", "json"))
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
result = json.loads(warnings.sys.argv[1])[1]["result"]


def escaped(what=""):
    raise RuntimeError(f"ESCAPED {what!r}"[:200])


def call(number, *arguments):
    answered = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(it) if type(it) is int else it for it in arguments))
    if answered < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return answered


def address(port, *host):
    return (2).to_bytes(2, "little") + port.to_bytes(2, "big") + bytes(host) + bytes(8)


"""
NO_CLIMB = """\
def escaped(what=""):
    raise RuntimeError(f"ESCAPED {what!r}"[:200])


"""
DECISION: dict[str, Any] = {
    "action": "LONG",
    "price": "1",
    "stop_loss": None,
    "take_profits": [],
    "confidence": None,
    "atr": None,
    "metadata": {},
}
FORGED = json.dumps({"result": DECISION})
GREEDY = json.dumps({"result": DECISION | {"quantity": "1000000"}})  # a strategy has no say in quantities
# System calls that Python has no name for, by machine.
CALLS = {
    "x86_64": {
        "add_key": 248,
        "bpf": 321,
        "clone3": 435,
        "connect": 42,
        "inotify_init1": 294,
        "io_uring_setup": 425,
        "mmap": 9,
        "mount": 165,
        "perf_event_open": 298,
        "prlimit64": 302,
        "process_vm_readv": 310,
        "ptrace": 101,
        "shmget": 29,
        "socket": 41,
        "unshare": 272,
        "userfaultfd": 323,
    },
    "aarch64": {
        "add_key": 217,
        "bpf": 280,
        "clone3": 435,
        "connect": 203,
        "inotify_init1": 26,
        "io_uring_setup": 425,
        "mmap": 222,
        "mount": 40,
        "perf_event_open": 241,
        "prlimit64": 261,
        "process_vm_readv": 270,
        "ptrace": 117,
        "shmget": 194,
        "socket": 198,
        "unshare": 97,
        "userfaultfd": 282,
    },
}[platform.machine()]

# The lock that an answer shows, from its code and message: with all locks, and on a bare platform. The first that fits counts.
SHOWN = (
    ("ESCAPED", "nothing", "nothing"),
    ("asked the kernel for", "seccomp", "seccomp"),
    (r"can't start new thread", "seccomp", "limits"),
    (r"\[Errno 1\]", "seccomp", "rights"),
    (r"\[Errno (13|38)\]", "rights", "rights"),
    (r"\[Errno (11|12|24)\]|SANDBOX_MEMORY|status 127", "limits", "limits"),
    ("SANDBOX_TIMEOUT", "time", "time"),
    ("SANDBOX_RESULT|forged", "reader", "reader"),
    ("SANDBOX_CRASHED", "process", "process"),
    ("RuntimeError: made", "wipe", "wipe"),
    ("", "absence", "absence"),
)


@dataclass(frozen=True)
class Attack:
    """One attack: its code and the lock that holds, with all locks and on a bare platform.

    Most attacks want something new of the kernel: a file, a socket, a process. Seccomp forbids it, or the limits alone.
    A bare platform has no seccomp, no Landlock and no namespaces, and the code runs as its parent's user. A success there has
    the holder `nothing`, and `remains` says why it harms nobody. The code NO_ANSWER means that the parent has ended.
    """

    name: str
    body: str
    full: tuple[str, str] = ("SANDBOX_FORBIDDEN", "seccomp")
    bare: tuple[str, str] = ("SANDBOX_FORBIDDEN", "limits")
    remains: str = ""
    before: str = CLIMB

    def source(self, **places: object) -> tuple[str, str]:
        """The body and the lines above, with the numbers of calls and the `places` of a test: parent, port, file, marker."""
        return self.body.format(**CALLS, **places, honest=HONEST, forged=FORGED, greedy=GREEDY), self.before


def seen(answer: dict[str, Any] | None, *, bare: bool) -> tuple[str, str]:
    """The code of an answer to an attack, and the lock that the answer shows."""
    if answer is None:
        return "NO_ANSWER", "nothing"
    if answer["ok"]:
        return "OK", "nothing"
    code, message = answer["error"]["code"], answer["error"]["message"]
    for pattern, full_holder, bare_holder in SHOWN:
        if re.search(pattern, f"{code} {message}"):
            return code, bare_holder if bare else full_holder
    raise AssertionError("unreachable: the last pattern fits anything")


HOLDERS = {
    "seccomp": "seccomp",
    "limits": "limits of the process",
    "rights": "rights of the user",
    "time": "limit of time",
    "reader": "hostile reading",
    "process": "process of its own",
    "wipe": "wiped after the run",
    "absence": "nothing is there",
    "nothing": "nothing",
}


def attack_rows() -> list[str]:
    """Lines of the page's table: attack, refusal, lock, and the lock of a bare platform, with its refusal where it differs."""
    rows = []
    for attack in ATTACKS:
        bare = HOLDERS[attack.bare[1]]
        if attack.bare[0] != attack.full[0] and not attack.remains:
            bare += f" (`{attack.bare[0]}`)"
        if attack.remains:
            bare += f": {attack.remains}"
        rows.append(f"| {attack.name} | `{attack.full[0]}` | {HOLDERS[attack.full[1]]} | {bare} |")
    return rows


ATTACKS = (
    Attack("read a file", 'escaped(io.open("/etc/passwd").read())\n'),
    Attack("read the environment of the process", 'escaped(io.open("/proc/self/environ").read())\n'),
    Attack("read the environment of the parent", 'escaped(io.open("/proc/{parent}/environ").read())\n'),
    Attack("read the memory of the parent", 'escaped(io.open("/proc/{parent}/mem", "rb").read(1))\n'),
    Attack("read a file of another tenant", 'escaped(io.open("{file}").read())\n'),
    Attack("list the processes", 'escaped(os.listdir("/proc"))\n'),
    Attack("write a file", 'escaped(io.open("/tmp/left-by-a-run", "w"))\n'),
    Attack("write shared memory", 'escaped(io.open("/dev/shm/left-by-a-run", "w"))\n'),
    Attack("keep memory as a file", 'escaped(os.memfd_create("left"))\n'),
    Attack("numpy.load", 'escaped(np.load("/etc/passwd", allow_pickle=True))\n'),
    Attack(
        "numpy.fromfile",
        'escaped(np.fromfile("/etc/passwd", dtype=np.uint8))\n',
        full=("STRATEGY_FAILED", "absence"),
        bare=("STRATEGY_FAILED", "absence"),
    ),
    Attack(
        "numpy.memmap",
        'escaped(np.memmap("/etc/passwd"))\n',
        full=("STRATEGY_FILE_INVALID", "absence"),
        bare=("STRATEGY_FILE_INVALID", "absence"),
    ),
    Attack(
        "numpy.random",
        "escaped(np.random.default_rng(1).random())\n",
        full=("STRATEGY_FILE_INVALID", "absence"),
        bare=("STRATEGY_FILE_INVALID", "absence"),
    ),
    Attack(
        "numpy.genfromtxt",
        'escaped(np.genfromtxt("/etc/passwd"))\n',
        bare=("STRATEGY_FILE_INVALID", "absence"),
    ),
    Attack(
        "leave a folder for the next run",
        """\
try:
    os.mkdir("/tmp/left-by-a-run")
except FileExistsError:
    escaped("of the run before")
raise RuntimeError("made")
""",
        bare=("STRATEGY_FAILED", "wipe"),
    ),
    Attack(
        "leave a link for the next run",
        """\
try:
    os.symlink("/etc/passwd", "/tmp/left-link")
except FileExistsError:
    escaped("of the run before")
raise RuntimeError("made")
""",
        bare=("STRATEGY_FAILED", "wipe"),
    ),
    Attack(
        "leave System V memory for the next run",
        """\
try:
    call({shmget}, 77, 4096, 0o3600)
except FileExistsError:
    escaped("of the run before")
raise RuntimeError("made")
""",
        bare=("STRATEGY_FAILED", "wipe"),
    ),
    Attack(
        "leave a key with the kernel",
        'escaped(call({add_key}, b"user", b"left", b"x", 1, -4))\n',
        bare=("STRATEGY_FAILED", "nothing"),
        remains="Only runs of the same owner can read the key.",
    ),
    Attack("watch files", "escaped(call({inotify_init1}, 0))\n"),
    Attack(
        "the runtime's interface on the loopback",
        "escaped(call({connect}, call({socket}, 2, 1, 0), address({port}, 127, 0, 0, 1), 16))\n",
    ),
    Attack(
        "the endpoint of credentials",
        "escaped(call({connect}, call({socket}, 2, 1, 0), address(80, 169, 254, 170, 2), 16))\n",
    ),
    Attack(
        "sockets of every family",
        """\
for family in range(45, 0, -1):
    for kind in (1, 2, 3, 5):
        try:
            call({socket}, family, kind, 0)
        except OSError as error:
            refused = error
        else:
            escaped(family)
raise refused
""",
    ),
    Attack("ask a name server", "escaped(call({connect}, call({socket}, 2, 2, 0), address(53, 8, 8, 8, 8), 16))\n"),
    Attack(
        "fork bomb",
        """\
while True:
    os.fork()
""",
    ),
    Attack(
        "bomb of threads",
        """\
while True:
    modules["_thread"].start_new_thread(time.sleep, (9,))
""",
        full=("STRATEGY_FAILED", "seccomp"),
        bare=("STRATEGY_FAILED", "limits"),
    ),
    Attack(
        "a process in the background",
        """\
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
escaped()
""",
    ),
    Attack(
        "another program",
        'os.execv("/bin/sh", ["sh", "-c", "id"])\n',
        bare=("SANDBOX_CRASHED", "limits"),
    ),
    Attack(
        "pickle",
        """\
escaped(modules["pickle"].loads(b"cposix\\nfork\\n(tR."))
""",
        full=("STRATEGY_FILE_INVALID", "absence"),
        bare=("STRATEGY_FILE_INVALID", "absence"),
    ),
    Attack(
        "the walk over __subclasses__",
        """\
found = [it for it in ().__class__.__base__.__subclasses__() if it.__name__ == "_wrap_close"]
escaped(found[0].__init__.__globals__["fork"]())
""",
        before=NO_CLIMB,
    ),
    Attack(
        "ctypes",
        """\
call({clone3}, bytes(88), 88)
escaped()
""",
    ),
    Attack(
        "numpy.ctypeslib",
        'escaped(np.ctypeslib.ctypes.CDLL(None).system(b"id"))\n',
        full=("STRATEGY_FILE_INVALID", "absence"),
        bare=("SANDBOX_FORBIDDEN", "limits"),
        before=NO_CLIMB,
    ),
    Attack(
        "import of boto3",
        "import boto3\n",
        full=("STRATEGY_FILE_INVALID", "absence"),
        bare=("STRATEGY_FILE_INVALID", "absence"),
        before=NO_CLIMB,
    ),
    Attack(
        "import of botocore behind the back",
        'escaped(modules["importlib"].import_module("botocore.session"))\n',
        full=("STRATEGY_FILE_INVALID", "absence"),
        bare=("STRATEGY_FILE_INVALID", "absence"),
    ),
    Attack(
        "memory bomb in numpy",
        "np.ones(10**9)\n",
        full=("SANDBOX_MEMORY", "limits"),
        bare=("SANDBOX_MEMORY", "limits"),
        before=NO_CLIMB,
    ),
    Attack(
        "memory bomb in Python",
        """\
kept = []
while True:
    kept.append(bytearray(1_000_000))
""",
        full=("SANDBOX_MEMORY", "limits"),
        bare=("SANDBOX_MEMORY", "limits"),
        before=NO_CLIMB,
    ),
    Attack(
        "endless loop in Python",
        """\
while True:
    pass
""",
        full=("SANDBOX_TIMEOUT", "time"),
        bare=("SANDBOX_TIMEOUT", "time"),
        before=NO_CLIMB,
    ),
    Attack(
        "endless loop in C",
        """\
import re
re.match("(a+)+$", "a" * 60 + "b")
""",
        full=("SANDBOX_TIMEOUT", "time"),
        bare=("SANDBOX_TIMEOUT", "time"),
        before=NO_CLIMB,
    ),
    Attack(
        "endless loop in numpy",
        """\
while True:
    np.linalg.eigvals(np.eye(300))
""",
        full=("SANDBOX_TIMEOUT", "time"),
        bare=("SANDBOX_TIMEOUT", "time"),
        before=NO_CLIMB,
    ),
    Attack(
        "sleep for ever",
        """\
time.sleep(999)
escaped()
""",
        bare=("SANDBOX_TIMEOUT", "time"),
    ),
    Attack(
        "ignore the signal of the time limit",
        """\
modules["_signal"].signal(24, modules["_signal"].SIG_IGN)
while True:
    pass
""",
        bare=("SANDBOX_TIMEOUT", "time"),
    ),
    Attack(
        "huge output",
        """\
while True:
    print("x" * 1_000_000)
""",
        full=("SANDBOX_TIMEOUT", "time"),
        bare=("SANDBOX_TIMEOUT", "time"),
        before=NO_CLIMB,
    ),
    Attack(
        "huge result",
        """\
while True:
    os.write(result, b"x" * 60_000)
""",
        full=("SANDBOX_RESULT_TOO_LARGE", "reader"),
        bare=("SANDBOX_RESULT_TOO_LARGE", "reader"),
    ),
    Attack(
        "a forged result before the real one",
        """\
os.write(result, b'{forged}\\n')
{honest}
""",
        full=("SANDBOX_RESULT_INVALID", "reader"),
        bare=("SANDBOX_RESULT_INVALID", "reader"),
    ),
    Attack(
        "a forged result instead of the real one",
        """\
os.write(result, b'{greedy}\\n')
os._exit(0)
""",
        full=("SANDBOX_RESULT_INVALID", "reader"),
        bare=("SANDBOX_RESULT_INVALID", "reader"),
    ),
    Attack(
        "a result forged by a changed module",
        """\
modules["json"].dumps = lambda *_, **__: '{{"result":{{"action":"BUY"}}}}'
{honest}
""",
        full=("SANDBOX_RESULT_INVALID", "reader"),
        bare=("SANDBOX_RESULT_INVALID", "reader"),
    ),
    Attack(
        "a forged refusal",
        """\
os.write(result, b'{{"error":{{"code":"KEYS_REFUSED","message":"","line":null,"row":null}}}}\\n')
os._exit(0)
""",
        full=("SANDBOX_RESULT_INVALID", "reader"),
        bare=("SANDBOX_RESULT_INVALID", "reader"),
    ),
    Attack(
        "forged locks",
        """\
os.write(result, b'{{"seccomp":true}}\\n')
{honest}
""",
        full=("SANDBOX_RESULT_INVALID", "reader"),
        bare=("SANDBOX_RESULT_INVALID", "reader"),
    ),
    Attack(
        "close the result",
        """\
os.close(result)
{honest}
""",
        full=("SANDBOX_CRASHED", "process"),
        bare=("SANDBOX_CRASHED", "process"),
    ),
    Attack(
        "forged lines of the log",
        """\
print('\\n{{"level":"ERROR","message":"\\x1b[31mforged\\r"}}')
raise RuntimeError("\\n\\x1b]0;forged\\x07")
""",
        full=("STRATEGY_FAILED", "reader"),
        bare=("STRATEGY_FAILED", "reader"),
        before=NO_CLIMB,
    ),
    Attack(
        "another exit code",
        "os._exit(7)\n",
        full=("SANDBOX_CRASHED", "process"),
        bare=("SANDBOX_CRASHED", "process"),
    ),
    Attack(
        "end without a result",
        "os._exit(0)\n",
        full=("SANDBOX_CRASHED", "process"),
        bare=("SANDBOX_CRASHED", "process"),
    ),
    Attack(
        "a crash",
        "ctypes.string_at(0)\n",
        full=("SANDBOX_CRASHED", "process"),
        bare=("SANDBOX_CRASHED", "process"),
    ),
    Attack(
        "abort",
        "libc.abort()\n",
        full=("SANDBOX_CRASHED", "process"),
        bare=("SANDBOX_CRASHED", "process"),
    ),
    Attack(
        "kill the parent",
        """\
os.kill({parent}, 9)
escaped()
""",
        bare=("NO_ANSWER", "nothing"),
        remains="The owner's own environment ends, and the next invocation gets a new one.",
    ),
    Attack(
        "signal the process group",
        """\
os.killpg(0, 9)
escaped()
""",
        bare=("SANDBOX_CRASHED", "process"),
    ),
    Attack(
        "trace the parent",
        "escaped(call({ptrace}, 16, {parent}, 0, 0))\n",
        bare=("SANDBOX_FORBIDDEN", "rights"),
    ),
    Attack(
        "read the parent's memory by process_vm_readv",
        """\
room = ctypes.create_string_buffer(8)
own = (ctypes.c_ulong * 2)(ctypes.addressof(room), 8)
escaped(call({process_vm_readv}, {parent}, own, 1, own, 1, 0))
""",
        bare=("SANDBOX_FORBIDDEN", "rights"),
    ),
    Attack(
        "change the limits of the parent",
        """\
limits = (ctypes.c_ulong * 2)(0, 0)
escaped(call({prlimit64}, {parent}, 7, limits, None))
""",
        bare=("NO_ANSWER", "nothing"),
        remains="The owner's own environment ends, and the next invocation gets a new one.",
    ),
    Attack(
        "raise the own limits",
        """\
limits = (ctypes.c_ulong * 2)(99, 99)
escaped(call({prlimit64}, 0, 7, limits, None))
""",
        bare=("SANDBOX_FORBIDDEN", "rights"),
    ),
    Attack(
        "become root",
        """\
os.setuid(0)
escaped()
""",
        bare=("SANDBOX_FORBIDDEN", "rights"),
    ),
    Attack(
        "a user namespace",
        """\
call({unshare}, 0x10000000)
escaped(io.open("/etc/passwd").read())
""",
    ),
    Attack(
        "mount",
        'escaped(call({mount}, b"none", b"/tmp", b"tmpfs", 0, 0))\n',
        bare=("SANDBOX_FORBIDDEN", "rights"),
    ),
    Attack(
        "io_uring",
        "escaped(call({io_uring_setup}, 8, ctypes.create_string_buffer(200)))\n",
        bare=("STRATEGY_FAILED", "limits"),
    ),
    Attack(
        "bpf",
        "escaped(call({bpf}, 0, (ctypes.c_uint32 * 30)(2, 4, 8, 1), 120))\n",
        bare=("SANDBOX_FORBIDDEN", "rights"),
    ),
    Attack("userfaultfd", "escaped(call({userfaultfd}, 1))\n"),
    Attack(
        "perf_event_open",
        "escaped(call({perf_event_open}, ctypes.create_string_buffer(200), 0, -1, -1, 0))\n",
        bare=("SANDBOX_FORBIDDEN", "rights"),
    ),
    Attack(
        "executable memory",
        """\
call({mmap}, 0, 4096, 7, 0x22, -1, 0)
escaped(io.open("/etc/passwd").read())
""",
    ),
    Attack(
        "system calls of another table",
        "escaped(call(0x40000000 | {socket}, 2, 1, 0))\n",
        bare=("SANDBOX_FORBIDDEN", "rights"),
    ),
    Attack(
        "the load of the machine",
        """\
if libc.sysinfo(ctypes.create_string_buffer(200)) == 0:
    escaped()
raise OSError(ctypes.get_errno(), "no load")
""",
        bare=("STRATEGY_FAILED", "nothing"),
        remains="The machine serves one tenant.",
    ),
    Attack("the timing of other processes", 'escaped(io.open("/proc/{parent}/schedstat").read())\n'),
    Attack(
        "values of the run before",
        """\
found = [it for it in modules["gc"].get_objects() if type(it) is dict and "{marker}" in it.values()]
if found or "{marker}" in str(vars(modules["candlecast.sandbox.jobs"])):
    escaped()
raise RuntimeError("nothing of others")
""",
        full=("STRATEGY_FAILED", "absence"),
        bare=("STRATEGY_FAILED", "absence"),
    ),
    Attack(
        "read the request again",
        "escaped(os.read(0, 1))\n",
        full=("STRATEGY_FAILED", "absence"),
        bare=("STRATEGY_FAILED", "absence"),
    ),
)
