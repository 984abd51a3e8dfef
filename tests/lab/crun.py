#!/usr/bin/python3
"""Stands before crun in a lab of bookworm, whose crun 1.8 gives up if it may not raise RLIMIT_MEMLOCK.

Without CAP_SYS_RESOURCE a seccomp filter makes it believe so; since kernel 5.11 nothing needs the limit.
"""

import ctypes
import os
import platform
import resource
import struct
import sys

CRUN = "/usr/libexec/crun"

try:
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
except ValueError:
    PRLIMIT64 = {"x86_64": 302, "aarch64": 261}[platform.machine()]
    LOAD, UNLESS_EQUAL, RETURN = 0x20, 0x15, 0x06
    ALLOW, ERRNO_0 = 0x7FFF0000, 0x00050000
    # From struct seccomp_data: the number of the call, its second argument, both halves of its third.
    NUMBER, RESOURCE, NEW_LOW, NEW_HIGH = 0, 24, 32, 36
    program = [
        (LOAD, 0, 0, NUMBER),
        (UNLESS_EQUAL, 0, 6, PRLIMIT64),
        (LOAD, 0, 0, RESOURCE),
        (UNLESS_EQUAL, 0, 4, resource.RLIMIT_MEMLOCK),
        # Without new limits the call only asks.
        (LOAD, 0, 0, NEW_LOW),
        (UNLESS_EQUAL, 0, 3, 0),
        (LOAD, 0, 0, NEW_HIGH),
        (UNLESS_EQUAL, 0, 1, 0),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, ERRNO_0),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    prog = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(code)))
    PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(prog)) != 0:
        sys.exit(f"crun.py: {os.strerror(ctypes.get_errno())}")

os.execv(CRUN, [CRUN, *sys.argv[1:]])
