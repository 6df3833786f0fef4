"""The seccomp filters let pass what is listed and nothing else: by reading them, and for real."""

from __future__ import annotations

import errno
import json
import struct
import subprocess
import sys
from collections.abc import Collection

import pytest

from autoreward.sandbox import seccomp
from autoreward.sandbox.syscalls import ARCHITECTURES, COMPUTE, RUNTIME, numbers

ALLOW, REFUSE, KILL, UNKNOWN = "allow", "refuse", "kill", "unknown"
MACHINES = sorted(ARCHITECTURES)
FILTERS = {
    "compute": (COMPUTE, seccomp.COMPUTE_BITS),
    "runtime": (RUNTIME, seccomp.RUNTIME_BITS),
}
NAMESPACES = {
    "CLONE_NEWNS": 0x20000,
    "CLONE_NEWCGROUP": 0x2000000,
    "CLONE_NEWUTS": 0x4000000,
    "CLONE_NEWIPC": 0x8000000,
    "CLONE_NEWUSER": 0x10000000,
    "CLONE_NEWPID": 0x20000000,
    "CLONE_NEWNET": 0x40000000,
}


def answer(program: bytes, machine: str, number: int, *arguments: int) -> str:
    """Return what the kernel would make of a call: runs the filter as its interpreter does."""
    values = [*arguments, *(6 - len(arguments)) * [0]]
    data = struct.pack("<iIQ6Q", number, ARCHITECTURES.get(machine, 0x40000003), 0, *values)
    code = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator = at = 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        if operation == 0x20:  # load a word
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif operation == 0x06:
            return {
                0x7FFF0000: ALLOW,
                0x80000000: KILL,
                0x00050000 | errno.EPERM: REFUSE,
                0x00050000 | errno.ENOSYS: UNKNOWN,
            }[value]
        else:
            holds = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[operation]
            at += if_true if holds else if_false


def passing(program: bytes, machine: str) -> set[int]:
    """Return the numbers of all calls that pass with arguments of 0."""
    return {n for n in range(601) if answer(program, machine, n) == ALLOW}


def listed(names: Collection[str], machine: str) -> set[int]:
    """Return the numbers of those names that exist on a machine."""
    table = numbers(machine)
    return {table[name] for name in names if name in table}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", FILTERS)
def test_exactly_the_listed_calls_pass(name: str, machine: str) -> None:
    """Of all numbers those on the list pass, and those that are restricted by an argument."""
    allowed, bits = FILTERS[name]
    program = seccomp.assemble(allowed, bits, machine)
    assert passing(program, machine) == listed({*allowed, *bits}, machine)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", ["mmap", "mprotect"])
def test_no_new_machine_code(call: str, machine: str) -> None:
    """Memory may be had for reading and writing; with PROT_EXEC it is refused."""
    program = seccomp.assemble(COMPUTE, seccomp.COMPUTE_BITS, machine)
    number = numbers(machine)[call]
    assert answer(program, machine, number, 0, 4096, 3) == ALLOW
    for protection in (4, 5, 6, 7, 1 << 63 | 4, 0x01000004):
        assert answer(program, machine, number, 0, 4096, protection) == REFUSE
    # the same bit in another argument means something else
    assert answer(program, machine, number, 4, 4, 3, 4) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_processes_but_no_new_namespaces(namespace: str, machine: str) -> None:
    """The outer filter lets fork and threads through; each namespace flag is refused."""
    program = seccomp.assemble(RUNTIME, seccomp.RUNTIME_BITS, machine)
    clone = numbers(machine)["clone"]
    thread = 0x3D0F00  # what pthread_create asks for
    assert answer(program, machine, clone, 17) == ALLOW
    assert answer(program, machine, clone, thread) == ALLOW
    for flags in (0, 17, thread):
        assert answer(program, machine, clone, flags | NAMESPACES[namespace]) == REFUSE
    # its flags stand in memory, where no filter can look
    assert answer(program, machine, numbers(machine)["clone3"], 0) == UNKNOWN


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize(("machine", "other"), [("x86_64", "aarch64"), ("aarch64", "x86_64")])
def test_calls_of_another_architecture_kill(name: str, machine: str, other: str) -> None:
    """The numbers mean something else there: also of 32-bit programs, whatever the number."""
    program = seccomp.assemble(*FILTERS[name], machine)
    for number in range(601):
        assert answer(program, other, number) == KILL
        assert answer(program, "i386", number) == KILL


@pytest.mark.parametrize("name", FILTERS)
def test_x32_kills(name: str) -> None:
    """On x86_64 the same calls have second numbers, from 2^30: they kill, and so does -1."""
    program = seccomp.assemble(*FILTERS[name], "x86_64")
    for number in range(601):
        assert answer(program, "x86_64", 0x40000000 + number) == KILL
    assert answer(program, "x86_64", -1) == KILL


@pytest.mark.parametrize("machine", MACHINES)
def test_what_must_never_pass(machine: str) -> None:
    """The list of what an escape needs: not in the filters, by the kernel's own numbers."""
    by_number = {
        "x86_64": {
            "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "bpf": 321,
            "socket": 41, "connect": 42, "io_uring_setup": 425, "mount": 165, "unshare": 272,
            "setns": 308, "keyctl": 250, "add_key": 248, "perf_event_open": 298, "pivot_root": 155,
            "memfd_create": 319, "userfaultfd": 323, "kexec_load": 246, "init_module": 175,
            "vfork": 58, "fork": 57, "execveat": 322, "unlink": 87, "rename": 82, "chmod": 90,
        },
        "aarch64": {
            "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280,
            "socket": 198, "connect": 203, "io_uring_setup": 425, "mount": 40, "unshare": 97,
            "setns": 268, "keyctl": 219, "add_key": 217, "perf_event_open": 241, "pivot_root": 41,
            "memfd_create": 279, "userfaultfd": 282, "kexec_load": 104, "init_module": 105,
            "execveat": 281, "unlinkat": 35, "renameat2": 276, "fchmodat": 53,
        },
    }[machine]  # fmt: skip
    for allowed, bits in FILTERS.values():
        program = seccomp.assemble(allowed, bits, machine)
        through = {name for name, n in by_number.items() if answer(program, machine, n) != REFUSE}
        assert through == set()


def test_the_inner_filter_opens_and_starts_nothing() -> None:
    """By name: no file, descriptor, process or signal can be had by what the inner list holds."""
    forbidden = {"open", "openat", "fork", "clone", "clone3", "execve", "kill", "tgkill", "dup"}
    forbidden |= {"ioctl", "fcntl", "prctl", "seccomp", "prlimit64", "setrlimit", "pidfd_open"}
    assert not (COMPUTE | set(seccomp.COMPUTE_BITS)) & forbidden


def test_an_unknown_machine_is_an_error() -> None:
    """Where the numbers are not known no filter is made up."""
    with pytest.raises(OSError, match="riscv64 are not known") as failure:
        seccomp.assemble(COMPUTE, seccomp.COMPUTE_BITS, "riscv64")
    assert failure.value.errno == errno.ENOSYS


def test_the_container_profile_is_the_same_list() -> None:
    """The engine's JSON allows the outer filter's names, with the same restriction of clone."""
    profile = seccomp.docker_profile()
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    rules = [rule for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"]
    (fallback,) = (rule for rule in profile["syscalls"] if rule not in rules)
    assert fallback["names"] == ["clone3"]
    assert (fallback["action"], fallback["errnoRet"]) == ("SCMP_ACT_ERRNO", errno.ENOSYS)
    free = {name for rule in rules if "args" not in rule for name in rule["names"]}
    bound = {name: rule["args"] for rule in rules if "args" in rule for name in rule["names"]}
    assert free | set(bound) == RUNTIME | set(seccomp.RUNTIME_BITS)
    assert not free & set(bound)
    (condition,) = bound["clone"]
    mask = sum(NAMESPACES.values())
    # allowed where the argument, masked, equals 0
    assert condition == {"index": 0, "value": mask, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}


INSTALLED = """
import ctypes, json, mmap, os, signal, socket, sys, time
from autoreward.sandbox import seccomp
libc = ctypes.CDLL(None, use_errno=True)
before = os.getpid()
# found now, because nothing can be loaded later
mapping = libc.mmap
mapping.restype = ctypes.c_void_p
seccomp.install(seccomp.compute_filter())
def refused(attempt):
    try:
        attempt()
    except OSError as error:
        return error.errno
    return 0
def executable():
    if mapping(None, ctypes.c_size_t(4096), 7, 0x22, -1, ctypes.c_size_t(0)) in (None, 2**64 - 1):
        raise OSError(ctypes.get_errno(), "mmap")
done = {
    "open": refused(lambda: os.open("/dev/null", os.O_RDONLY)),
    "socket": refused(lambda: socket.socket(socket.AF_UNIX)),
    "fork": refused(os.fork),
    "kill": refused(lambda: os.kill(before, 0)),
    "exec": refused(lambda: os.execv("/bin/true", ["true"])),
    "pipe": refused(os.pipe),
    "dup": refused(lambda: os.dup(1)),
    "code": refused(executable),
    "sum": sum(bytearray(1 << 24)) + len({n: str(n) for n in range(10_000)}),
    "time": time.monotonic() > 0,
    "pid": os.getpid() == before,
}
os.write(1, json.dumps(done).encode())
"""


def test_installed_it_refuses_for_real_and_lets_compute() -> None:
    """In a process of its own the kernel answers EPERM to what is not listed; the rest works."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", INSTALLED], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    refused = ("open", "socket", "fork", "kill", "exec", "pipe", "dup", "code")
    assert {name: found[name] for name in refused} == dict.fromkeys(refused, errno.EPERM)
    assert found["sum"] == 10_000
    assert found["time"] and found["pid"]


def test_a_broken_program_is_an_error() -> None:
    """What the kernel does not take is said, not passed over; tried in a process of its own."""
    program = (
        "from autoreward.sandbox import seccomp\n"
        "try: seccomp.install(bytes(8))\n"
        "except OSError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert "cannot install a seccomp filter" in done.stdout, done.stderr
