#!/usr/bin/env python3
"""Reads an Artifact through the C API, by ctypes: read.py LIBRARY ARTIFACT"""

import ctypes
import json
import sys


class Detail(ctypes.Structure):
    """struct mar_detail"""

    _fields_ = [
        ("struct_size", ctypes.c_uint32),
        ("code", ctypes.c_int),
        ("offset", ctypes.c_uint64),
        ("message", ctypes.c_void_p),
        ("message_size", ctypes.c_size_t),
        ("message_len", ctypes.c_size_t),
    ]


def load(path):
    library = ctypes.CDLL(path)
    if library.mar_abi() != 1:
        sys.exit("another ABI")
    library.mar_artifact_read.argtypes = [
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_void_p),
        ctypes.POINTER(Detail),
    ]
    library.mar_artifact_text.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.mar_artifact_text.restype = ctypes.c_char_p
    library.mar_artifact_free.argtypes = [ctypes.c_void_p]
    library.mar_artifact_free.restype = None
    return library


def read(library, path):
    buffer = ctypes.create_string_buffer(512)
    detail = Detail(struct_size=ctypes.sizeof(Detail), message=ctypes.addressof(buffer), message_size=512)
    artifact = ctypes.c_void_p()
    code = library.mar_artifact_read(path.encode(), None, 0, ctypes.byref(artifact), ctypes.byref(detail))
    if code != 0:
        raise ValueError(buffer.value.decode())
    try:
        return json.loads(library.mar_artifact_text(artifact, 4))
    finally:
        library.mar_artifact_free(artifact)


if __name__ == "__main__":
    try:
        said = read(load(sys.argv[1]), sys.argv[2])
        print(said["name"], said["payloads"][0]["type"])
    except ValueError as error:
        print("error:", error)
        sys.exit(1)
