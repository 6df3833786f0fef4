"""Seccomp filters: assembled here for the kernel, or as JSON for a container engine.

No library is needed: a filter is a short program of fixed-size instructions (Linux
`Documentation/userspace-api/seccomp_filter.rst`) that answers allow, refuse with EPERM, or kill.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Collection, Mapping
from typing import Any

from autoreward.sandbox.syscalls import ARCHITECTURES, COMPUTE, RUNTIME, numbers

Bits = Mapping[str, tuple[int, int]]
"""System call to (argument, bits that must not be set in it)."""

_PROT_EXEC = 0x4
_CLONE_NAMESPACES = 0x7E020000
COMPUTE_BITS: Bits = {"mmap": (2, _PROT_EXEC), "mprotect": (2, _PROT_EXEC)}
"""No new machine code."""
RUNTIME_BITS: Bits = {"clone": (0, _CLONE_NAMESPACES)}
"""Processes, but no new namespaces."""

_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_ALLOW, _KILL_PROCESS, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2


def compute_filter() -> bytes:
    """Return the inner filter: computing alone."""
    return assemble(COMPUTE, COMPUTE_BITS)


def runtime_filter() -> bytes:
    """Return the outer filter: what an interpreter and its supervisor need."""
    return assemble(RUNTIME, RUNTIME_BITS)


def assemble(allowed: Collection[str], bits: Bits, machine: str = "") -> bytes:
    """Return a filter program that allows some calls and refuses all others with EPERM.

    Calls of another architecture (32-bit, x32) kill the process. `clone3` answers ENOSYS, whereupon
    the C library falls back to `clone`, whose flags a filter can see.

    Args:
        allowed: Names of the calls.
        bits: Further calls that are allowed, or allowed ones that are restricted: refused if
            one of these bits is set in the argument.
        machine: As `platform.machine()` names it; this one if empty.

    Raises:
        OSError: The numbers of this machine's system calls are not known here.
    """
    machine = machine or platform.machine()
    try:
        table = numbers(machine)
    except KeyError as error:
        raise OSError(errno.ENOSYS, str(error.args[0])) from None
    refuse = _instruction(_RETURN, _REFUSE | errno.EPERM)
    allow = _instruction(_RETURN, _ALLOW)
    kill = _instruction(_RETURN, _KILL_PROCESS)
    program = [_instruction(_LOAD, _ARCH)]
    program += [_instruction(_EQUAL, ARCHITECTURES[machine], 1, 0), kill]
    program += [_instruction(_LOAD, _NUMBER)]
    if machine == "x86_64":
        program += [_instruction(_AT_LEAST, _X32, 0, 1), kill]
    unknown = _instruction(_RETURN, _REFUSE | errno.ENOSYS)
    program += [_instruction(_EQUAL, table["clone3"], 0, 1), unknown]
    for name, (argument, mask) in bits.items():
        # arguments are 64-bit; the flags looked at are in the lower half (little-endian)
        program += [_instruction(_EQUAL, table[name], 0, 4)]
        program += [_instruction(_LOAD, _ARGUMENTS + 8 * argument)]
        program += [_instruction(_ANY_BIT, mask, 0, 1), refuse, allow]
    for name in sorted(set(allowed) - set(bits)):
        if name in table:
            program += [_instruction(_EQUAL, table[name], 0, 1), allow]
    return b"".join([*program, refuse])


def install(program: bytes) -> None:
    """Put a filter on this thread and whatever it starts; it can never be taken off.

    Raises:
        OSError: The kernel has no seccomp filters or refuses this one.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))
    instructions = len(program) // 8
    header = struct.pack("@HxxxxxxP", instructions, ctypes.addressof(buffer))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot set no_new_privs")
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, header, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot install a seccomp filter")


def docker_profile() -> dict[str, Any]:
    """Return the outer filter as a container engine's JSON profile."""
    plain = sorted(RUNTIME - set(RUNTIME_BITS))
    rules: list[dict[str, Any]] = [
        {"names": plain, "action": "SCMP_ACT_ALLOW"},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS},
    ]
    for name, (argument, mask) in RUNTIME_BITS.items():
        condition = {"index": argument, "value": mask, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
        rules.append({"names": [name], "action": "SCMP_ACT_ALLOW", "args": [condition]})
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": errno.EPERM,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "syscalls": rules,
    }


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
