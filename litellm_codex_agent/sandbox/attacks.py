"""What a hostile program would try, each as a program of its own: it says `got` and what, for each thing that it could
do, and `tried` when it has tried it all. Their facts come as JSON on stdin.
"""

from __future__ import annotations

from collections.abc import Mapping

from .bombs import BOMBS

__all__ = ["ATTACKS", "program"]

_PRELUDE = """
import ctypes, json, os, resource, signal, socket, sys, time
facts = json.load(sys.stdin)
libc = ctypes.CDLL(None, use_errno=True)
# In a namespace of its own the parent is the first process, which is part of the inside.
OUTER = (facts["server"], *([os.getppid()] if os.getppid() > 1 else []))
def got(what):
    print("got", what, flush=True)
def attempt(what, act):
    try:
        found = act()
    except (OSError, MemoryError):
        return
    if found is not False:
        got(what)
def call(name, *arguments):
    ctypes.set_errno(0)
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
def read(path):
    with open(path, "rb") as file:
        return file.read()
"""

# By name, in the order of the table.
ATTACKS: Mapping[str, str] = {
    "read a secret outside": """
attempt("the secret", lambda: read(facts["secret"]))
attempt("a look around it", lambda: facts["token"] in os.listdir(os.path.dirname(facts["secret"])))
""",
    "read it by a symlink": """
os.symlink(facts["secret"], "link")
attempt("the secret", lambda: read("link"))
os.symlink(os.path.dirname(facts["secret"]), "above")
attempt("the secret", lambda: read("above/" + os.path.basename(facts["secret"])))
""",
    "read it by a hard link": """
attempt("a hard link", lambda: (os.link(facts["secret"], "hard"), read("hard")))
""",
    "read the server's environment": """
# The last is Python's own doing.
if more := set(os.environ) - {*facts["variables"], "PWD", "LC_CTYPE"}:
    got(f"{more} in its own")
for pid in OUTER:
    attempt(f"that of {pid}", lambda: read(f"/proc/{pid}/environ"))
""",
    # The loader of each process that has this environment writes a file outside: all but the command's own could.
    "load into the wall's own processes": "",
    "write outside": """
def write(path, mode):
    with open(path, mode) as file:
        file.write("x")
write_outside = os.path.join(os.path.dirname(facts["secret"]), "written")
for path in (write_outside, facts["secret"]):
    for mode in ("w", "a", "r+"):
        try:
            write(path, mode)
        except OSError:
            pass
for act in (lambda: os.truncate(facts["secret"], 0), lambda: os.unlink(facts["secret"]),
            lambda: os.rename(facts["secret"], "mine"), lambda: os.rmdir(facts["empty"])):
    try:
        act()
    except OSError:
        pass
""",
    "change a file's mode outside": """
for act in (lambda: os.chmod(facts["secret"], 0o777), lambda: os.utime(facts["secret"], (1, 1)),
            lambda: os.setxattr(facts["secret"], "user.x", b"x"), lambda: os.chown(facts["secret"], -1, os.getgid()),
            lambda: call("chmod", facts["secret"].encode(), 0o777)):
    try:
        act()
    except OSError:
        pass
""",
    "change the interpreter": """
for place in {sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), os.path.dirname(sys.executable), "/usr"}:
    attempt(place, lambda: open(os.path.join(place, "written"), "w"))
""",
    "TCP to loopback": """
def connect(family, host):
    with socket.socket(family) as speaking:
        speaking.settimeout(2)
        speaking.connect((host, facts["tcp"]))
attempt("connected", lambda: connect(socket.AF_INET, "127.0.0.1"))
attempt("connected", lambda: connect(socket.AF_INET6, "::ffff:127.0.0.1"))
""",
    "UDP to loopback": """
def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as speaking:
        speaking.sendto(b"x", ("127.0.0.1", facts["udp"]))
try:
    send()
except OSError:
    pass
""",
    "an abstract socket": """
def connect():
    with socket.socket(socket.AF_UNIX) as speaking:
        speaking.connect("\\0" + facts["abstract"])
attempt("connected", connect)
""",
    "a path socket": """
def connect():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaking:
        speaking.connect(facts["path"])
        speaking.send(b"x")
attempt("connected", connect)
def again():
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        one.connect(facts["path"])
        one.send(b"x")
attempt("connected a pair anew", again)
""",
    "signal the server": """
for pid in (*OUTER, -facts["server"]):
    attempt(f"signalled {pid}", lambda: os.kill(pid, 0))
""",
    "limit others by their number": """
# Each is set to what it is: whoever may do that may set it to anything.
for pid in OUTER:
    attempt(f"the limits of {pid}", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE))
    attempt(f"where {pid} runs", lambda: os.sched_setaffinity(pid, os.sched_getaffinity(pid)))
    attempt(f"how {pid} runs", lambda: os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0)))
    attempt(f"when {pid} runs", lambda: os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid)))
""",
    "ptrace the server": """
# PTRACE_SEIZE, which does not stop it where it succeeds.
attempt("attached", lambda: call("ptrace", 0x4206, facts["server"], 0, 0))
attempt("its memory", lambda: read(f"/proc/{facts['server']}/mem"))
attempt("a descriptor of it", lambda: os.listdir(f"/proc/{facts['server']}/fd"))
buffer = ctypes.create_string_buffer(8)
vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
attempt("read its memory", lambda: call("process_vm_readv", facts["server"], vector, 1, vector, 1, 0))
""",
    "new namespaces": """
for flag in (0x10000000, 0x20000000, 0x40000000, 0x00020000, 0x04000000, 0x08000000):
    attempt(f"unshare {flag:#x}", lambda: call("unshare", flag))
attempt("mount", lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None))
attempt("chroot", lambda: os.chroot("."))
# clone, by its number on x86-64 and on ARM, with a new user namespace.
number = 56 if os.uname().machine == "x86_64" else 220
def clone():
    pid = libc.syscall(number, 0x10000000 | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid < 0:
        raise OSError
attempt("clone", clone)
""",
    "list processes": """
attempt("the server", lambda: str(facts["server"]) in os.listdir("/proc"))
for pid in OUTER:
    attempt(f"the command line of {pid}", lambda: read(f"/proc/{pid}/cmdline"))
    attempt(f"the program of {pid}", lambda: os.readlink(f"/proc/{pid}/exe"))
""",
    "become root": """
for act in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgroups([0])):
    attempt("became root", act)
attempt("a device", lambda: os.mknod("device", 0o60666, os.makedev(8, 0)))
if 0 in os.getresuid() + os.getresgid():
    got("is root")
# PR_GET_NO_NEW_PRIVS: without it a program as `su` gives rights.
if libc.prctl(39, 0, 0, 0, 0) != 1:
    got("rights by a program")
""",
    "make a setuid file": """
os.umask(0)
for name, act in (
    ("chmod", lambda: (open("chmod", "w").close(), os.chmod("chmod", 0o6755))),
    ("fchmod", lambda: os.fchmod(os.open("fchmod", os.O_CREAT | os.O_WRONLY, 0o700), 0o4755)),
    ("open", lambda: os.open("open", os.O_CREAT | os.O_WRONLY, 0o6755)),
    ("mknod", lambda: os.mknod("mknod", 0o104755)),
    ("nameless", lambda: os.link(f"/proc/self/fd/{os.open('.', os.O_TMPFILE | os.O_RDWR, 0o4755)}", "nameless",
                                 follow_symlinks=True)),
):
    attempt(name, lambda: (act(), os.stat(name).st_mode & 0o6000 != 0)[1])
""",
    "watch what others do": """
watching = libc.inotify_init1(0o4000)
# Where the secret is not to be seen, its directory is only one of that name.
if os.path.exists(facts["secret"]):
    attempt("names", lambda: call("inotify_add_watch", watching, os.path.dirname(facts["secret"]).encode(), 0xFFF))
for pid in OUTER:
    attempt(f"a descriptor of {pid}", lambda: os.pidfd_open(pid))
""",
    "act behind the filter": """
numbers = {"x86_64": (101, 321, 323, 425, 298, 250), "aarch64": (117, 280, 282, 425, 241, 219)}
for number in numbers.get(os.uname().machine, ()):
    ctypes.set_errno(0)
    if libc.syscall(number, -1, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
        got(f"call {number}")
""",
    "share memory with others": """
libc.shmat.restype = ctypes.c_void_p
told = ctypes.create_string_buffer(1024)
# IPC_STAT, and by its place among all; what is there may be removed by that call, too.
if libc.shmctl(facts["shared"], 2, told) >= 0 or any(libc.shmctl(each, 13, told) >= 0 for each in range(64)):
    got("what another's memory is")
if libc.shmat(facts["shared"], None, 0) not in (None, 2**64 - 1):
    got("another's memory")
if any(libc.msgctl(each, 11, told) >= 0 for each in range(64)):
    got("another's messages")
if any(libc.semctl(each, 0, 18, told) >= 0 for each in range(64)):
    got("another's semaphores")
""",
    **BOMBS,
}


def program(name: str) -> str:
    """The whole program of that attack."""
    return f"{_PRELUDE}{ATTACKS[name]}\nprint('tried', flush=True)\n"
