"""Takes from this process what a decoder of somebody else's bytes has no use for: files, network, other processes.

Linux only, and each part where the kernel has it: Landlock (5.13 and later) for files, TCP and signals, a seccomp
filter for sockets and new processes. Imports next to nothing: launch.py runs it before exec, without site-packages.
Numbers are those of linux/landlock.h, linux/seccomp.h, linux/prctl.h and the system call tables.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Sequence

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_REMOVE_FILE, _MAKE_FILE = 1 << 5, 1 << 8  # no links, sockets or devices: we read what a child has made
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = _WRITE_FILE | _READ_FILE | _READ_DIR | _TRUNCATE | _REMOVE_FILE | _MAKE_FILE
_ABI_OF_TRUNCATE, _ABI_OF_NETWORK, _ABI_OF_SCOPES = 3, 4, 6
#: How many rights on files each version of Landlock knows: asking for more is an error.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_ALL_RIGHTS = 16
_NETWORK, _SCOPES = 3, 3  # bind and connect of TCP; abstract Unix sockets and signals
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_AT_NUMBER, _AT_ARCHITECTURE, _AT_FIRST_ARGUMENT = 0, 4, 16
_CLONE_THREAD = 0x00010000
_X32_BIT = 0x40000000
#: AUDIT_ARCH_*, then the calls: clone, and those that are refused (sockets, io_uring, new processes, other processes).
_CALLS = {
    "x86_64": (0xC000003E, 56, (41, 53, 57, 58, 101, 310, 311, 322, 425, 438)),
    "aarch64": (0xC00000B7, 220, (117, 198, 199, 270, 271, 281, 425, 438)),
}
_CLONE3 = 435


def landlock_version() -> int:
    """Returns the version of the kernel's Landlock; 0 where the kernel has none."""
    found = int(_libc().syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG)))
    return max(0, found)


def confine_files(readable: Iterable[str], writable: Iterable[str], listable: Iterable[str] = ()) -> bool:
    """Leaves only what lies at or below these paths: to read and execute, to write as well, to see the names; no TCP.

    False where the kernel has no Landlock. Paths that are not there are passed over.
    """
    version = landlock_version()
    if not version:
        return False
    rights = (1 << _FILE_RIGHTS.get(version, _ALL_RIGHTS)) - 1
    wanted = struct.pack("QQQ", rights, _NETWORK, _SCOPES)
    wanted = wanted[: 24 if version >= _ABI_OF_SCOPES else 16 if version >= _ABI_OF_NETWORK else 8]
    rules = _checked(_libc().syscall(_LANDLOCK_CREATE, wanted, ctypes.c_size_t(len(wanted)), ctypes.c_uint32(0)))
    for path in readable:
        _allow(rules, path, rights & _READ)
    for path in listable:
        _allow(rules, path, _READ_DIR)
    for path in writable:
        _allow(rules, path, rights & _WRITE)
    _no_new_privileges()
    _checked(_libc().syscall(_LANDLOCK_RESTRICT, ctypes.c_int(rules), ctypes.c_uint32(0)))
    os.close(rules)
    return True


def confine_calls() -> bool:
    """Refuses sockets, new processes and reaching into other processes; threads stay allowed.

    To be called by a process that starts a program afterwards: exec stays allowed. False where it is not known how.
    """
    known = _CALLS.get(platform.machine())
    if known is None:
        return False
    program = b"".join(_filter(*known))
    fields = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(kept := ctypes.create_string_buffer(program)))
    _no_new_privileges()
    done = _libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, fields, 0, 0)
    del kept
    return bool(done == 0)


def _filter(architecture: int, clone: int, refused: Sequence[int]) -> Iterable[bytes]:
    """A classic BPF program: another architecture's numbers mean other calls, so those are refused as a whole."""
    no, unknown = _REFUSE | errno.EACCES, _REFUSE | errno.ENOSYS
    yield _step(_LOAD, _AT_ARCHITECTURE)
    yield from _unless_equal(architecture, no)
    yield _step(_LOAD, _AT_NUMBER)
    yield _step(_JUMP_AT_LEAST, _X32_BIT, 0, 1)
    yield _step(_RETURN, no)
    for number in refused:
        yield from _if_equal(number, no)
    yield from _if_equal(_CLONE3, unknown)  # its flags are out of a filter's sight; the C library falls back to clone
    yield _step(_JUMP_EQUAL, clone, 0, 3)
    yield _step(_LOAD, _AT_FIRST_ARGUMENT)
    yield _step(_JUMP_SET, _CLONE_THREAD, 1, 0)
    yield _step(_RETURN, no)
    yield _step(_RETURN, _ALLOW)


def _if_equal(value: int, answer: int) -> Iterable[bytes]:
    return _step(_JUMP_EQUAL, value, 0, 1), _step(_RETURN, answer)


def _unless_equal(value: int, answer: int) -> Iterable[bytes]:
    return _step(_JUMP_EQUAL, value, 1, 0), _step(_RETURN, answer)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(f"/proc/self/fd/{handle}"):
        rights &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
    rule = struct.pack("=Qi", rights, handle)
    _checked(_libc().syscall(_LANDLOCK_ADD, ctypes.c_int(rules), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0)))
    os.close(handle)


def _no_new_privileges() -> None:
    _checked(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
