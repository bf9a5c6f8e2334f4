"""Landlock: this process may open, make, change, execute and connect to nothing: an empty set of rules for all rights."""

from __future__ import annotations

import ctypes
import os
import struct

from candlecast.sandbox.lock.kernel import call
from candlecast.sandbox.lock.syscalls import X86_64

CREATE, RESTRICT = X86_64.numbers["landlock_create_ruleset"], X86_64.numbers["landlock_restrict_self"]  # the same everywhere
VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
# Rights on files by version of the interface: 13 at first, then REFER, TRUNCATE, IOCTL_DEV.
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
NETWORK_SINCE, NETWORK_RIGHTS = 4, 0b11  # bind and connect of TCP
SCOPES_SINCE, SCOPES = 6, 0b11  # abstract sockets and signals, to processes outside


def restrict() -> int:
    """Put an empty set of rules on this process for good; answers the version of the kernel's interface.

    Needs no_new_privs and one free descriptor. Raises `OSError` where the kernel has no Landlock.
    """
    version = call(CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION))
    files = (1 << FILE_RIGHTS[min(version, max(FILE_RIGHTS))]) - 1
    attributes = [files]
    if version >= NETWORK_SINCE:
        attributes.append(NETWORK_RIGHTS)
    if version >= SCOPES_SINCE:
        attributes.append(SCOPES)
    packed = struct.pack(f"={len(attributes)}Q", *attributes)
    rules = call(CREATE, packed, ctypes.c_size_t(len(packed)), ctypes.c_uint32(0))
    try:
        call(RESTRICT, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)
    return version
