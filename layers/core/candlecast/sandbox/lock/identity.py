"""Who the process is: no root, no capabilities, and namespaces of its own, where this process may make them."""

from __future__ import annotations

import ctypes
import os
import struct

from candlecast.sandbox.lock.kernel import PR_CAPBSET_DROP, call, prctl
from candlecast.sandbox.lock.syscalls import ARCHITECTURES

NOBODY = 65534  # the overflow user, to whom no file belongs
CAPABILITY_VERSION_3 = 0x20080522
LAST_CAPABILITY = 63  # two words of 32; the kernel refuses those that it does not have


def own_namespaces() -> None:
    """Leave network, System V memory and host name of the parent: no interface, not even the loopback, is up in the new one.

    Without root a user namespace comes first, in which the process may do it. Raises `OSError` where this is forbidden.
    """
    flags = os.CLONE_NEWNET | os.CLONE_NEWIPC | os.CLONE_NEWUTS
    os.unshare(flags if os.geteuid() == 0 else flags | os.CLONE_NEWUSER)


def become_nobody() -> bool:
    """Give up root and all that root could get back; answers whether there was any to give up."""
    if os.geteuid() != 0:
        return False
    for capability in range(LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            break  # above the kernel's last
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    return True


def drop_capabilities() -> None:
    """Have no capability, effective or permitted. Raises `OSError`."""
    machine = ARCHITECTURES[os.uname().machine]
    header = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION_3, 0))
    call(machine.numbers["capset"], header, ctypes.create_string_buffer(struct.pack("=6I", *(0 for _ in range(6)))))
