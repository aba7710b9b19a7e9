# SPDX-License-Identifier: Apache-2.0
"""The shared library through ctypes alone: open a model, run it, print the size of the first output."""
import ctypes as c
import sys

lib = c.CDLL(sys.argv[1])


class Quant(c.Structure):
    _fields_ = [("scales", c.c_void_p), ("zero_points", c.c_void_p), ("count", c.c_uint32), ("axis", c.c_int32),
                ("block", c.c_uint32), ("reserved", c.c_uint32)]


class Tensor(c.Structure):
    _fields_ = [("name", c.c_char_p), ("data", c.c_void_p), ("bytes", c.c_uint64), ("dims", c.c_int64 * 8),
                ("quant", Quant), ("dtype", c.c_int32), ("encoding", c.c_int32), ("rank", c.c_int32),
                ("flags", c.c_uint32)]


class Error(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("status", c.c_int32), ("node", c.c_int32), ("tensor", c.c_int32),
                ("file_offset", c.c_uint64), ("text", c.c_char * 512)]


error = Error(c.sizeof(Error))
env, model, session, t = c.c_void_p(), c.c_void_p(), c.c_void_p(), Tensor()


def check(status):
    assert status == 0, (status, error.text.decode())


check(lib.edge_env_create(None, c.byref(env), c.byref(error)))
check(lib.edge_model_open_file(env, sys.argv[2].encode(), None, c.byref(model), c.byref(error)))
check(lib.edge_session_create(model, None, c.byref(session), c.byref(error)))
check(lib.edge_session_prepare(session))
for i in range(lib.edge_session_num_inputs(session)):
    check(lib.edge_session_get_input(session, i, c.byref(t)))
    c.memset(t.data, 0, t.bytes)
check(lib.edge_session_run(session))
check(lib.edge_session_get_output(session, 0, c.byref(t)))
print(t.name.decode(), list(t.dims[:t.rank]), len(c.string_at(t.data, t.bytes)), "bytes")
lib.edge_session_destroy(session)
lib.edge_model_release(model)
lib.edge_env_destroy(env)
