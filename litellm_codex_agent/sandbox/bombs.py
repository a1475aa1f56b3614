"""What a hostile program would try against a machine's room and time: the last part of `attacks.py`."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BOMBS"]

BOMBS: Mapping[str, str] = {
    "survive a timeout": """
def leave():
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
for _ in range(3):
    if os.fork() == 0:
        leave()
        time.sleep(120)
print("tried", flush=True)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(120)
""",
    "a fork bomb": """
count = 0
try:
    while count < 4 * facts["processes"]:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        count += 1
except OSError:
    pass
if count > facts["processes"]:
    got(f"{count} processes")
""",
    "a block of memory": """
attempt("8 GiB", lambda: len(bytearray(8 * 2**30)))
""",
    "a memory bomb": """
print("tried", flush=True)
for _ in range(8):
    if os.fork() == 0:
        held = b"x" * (100 * 2**20)
        time.sleep(60)
        os._exit(0)
time.sleep(8)
got("800 MiB")
""",
    "a disk bomb": """
block = b"x" * 2**20
for number in range(256):
    with open(str(number), "wb") as file:
        for _ in range(8):
            file.write(block)
    print("tried", flush=True)
got("2 GiB")
""",
    "a disk bomb without names": """
block, held = b"x" * 2**20, []
for number in range(256):
    held.append(open(str(number), "wb"))
    os.unlink(str(number))
    for _ in range(8):
        held[-1].write(block)
    print("tried", flush=True)
got("2 GiB")
""",
    "one endless file": """
def write():
    with open("endless", "wb") as file:
        for _ in range(64):
            file.write(b"x" * 2**20)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
attempt("64 MiB", write)
""",
    "a descriptor bomb": """
held = []
try:
    while len(held) < 4 * facts["descriptors"]:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
if len(held) > facts["descriptors"]:
    got(f"{len(held)} descriptors")
""",
    "300 MB of output": """
print("tried", flush=True)
block = b"x" * 10**6
for _ in range(300):
    sys.stdout.buffer.write(block)
""",
}
