# SPDX-License-Identifier: Apache-2.0
"""`.edge` models with changed fields: the schema is read, every scalar of a file is found, and some get another value in place."""
import pathlib
import re
import struct

import mutate

SCALARS = {"ubyte": "B", "byte": "b", "bool": "B", "ushort": "H", "short": "h", "uint": "I", "int": "i", "float": "f", "ulong": "Q",
           "long": "q", "double": "d"}


def load_schema(path):
    text = re.sub(r"//.*", "", pathlib.Path(path).read_text())
    enums = {name: kind for name, kind in re.findall(r"enum (\w+) : (\w+)", text)}
    tables = {}
    for name, body in re.findall(r"table (\w+) \{(.*?)\}", text, re.S):
        fields = re.findall(r"(\w+)\s*:\s*(\[?\w+\]?)", body)
        tables[name] = [(key, enums.get(kind, kind)) for key, kind in fields]
    return tables


def unpack(data, kind, at):
    return struct.unpack_from("<" + kind, data, at)[0]


def slots(data, tables, table, at, path, out):
    """(where, struct letter, name) of every scalar, vector length and vector element below a table"""
    vtable = at - unpack(data, "i", at)
    size = unpack(data, "H", vtable)
    for k, (key, kind) in enumerate(tables[table]):
        entry = vtable + 4 + 2 * k
        if entry + 2 > vtable + size or unpack(data, "H", entry) == 0:
            continue
        field = at + unpack(data, "H", entry)
        name = path + "." + key
        if kind in SCALARS:
            out.append((field, SCALARS[kind], name))
            continue
        to = field + unpack(data, "I", field)
        if kind in tables:
            slots(data, tables, kind, to, name, out)
            continue
        count = unpack(data, "I", to)
        out.append((to, "I", name + "#"))
        element = kind.strip("[]")
        if kind == "string":
            continue
        for i in range(min(count, 200)):
            if element in SCALARS:
                if element != "ubyte":
                    out.append((to + 4 + i * struct.calcsize(SCALARS[element]), SCALARS[element], name + "[]"))
            elif element in tables:
                item = to + 4 + 4 * i
                slots(data, tables, element, item + unpack(data, "I", item), name, out)


def meaning(rng, data, tables):
    data, found = bytearray(data), []
    slots(data, tables, "Model", 4 + unpack(data, "I", 4), "Model", found)
    names = sorted({name for _, _, name in found})
    first = None
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        name = rng.choice(names)          # each kind of field alike, however often it occurs
        where, kind, _ = rng.choice([s for s in found if s[2] == name])
        first = first or name
        if kind in "fd":
            value = mutate.real(rng)
        else:
            value = mutate.integer(rng, 8 * struct.calcsize(kind), kind.islower())
        struct.pack_into("<" + kind, data, where, value)
    return first, bytes(data)
