# SPDX-License-Identifier: Apache-2.0
"""Damage of bytes, and what every mutator of meaning shares: interesting numbers and a walk of choices."""

INTEGERS = [0, 1, -1, 2, -2, 3, 7, 8, 9, 255, -128, 65535, 65536, 2**24, 2**31 - 1, 2**31, -2**31, 2**32 - 1, 2**32, 2**33 + 3,
            2**40, 2**61, 2**62, 2**63 - 1, -2**63, -2**63 + 1]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 1e-38, 3.4e38, 1e30, float("inf"), float("-inf"), float("nan")]


def integer(rng, bits=64, signed=True):
    """an interesting integer that fits; mostly the edges, sometimes a small one"""
    lo, hi = (-2**(bits - 1), 2**(bits - 1) - 1) if signed else (0, 2**bits - 1)
    if rng.random() < 0.3:
        return max(lo, rng.randint(-4, 12))
    edges = [x for x in INTEGERS if lo <= x <= hi] + [lo, hi]
    return rng.choice(edges)


def real(rng):
    return rng.choice(FLOATS) if rng.random() < 0.8 else rng.uniform(-100, 100)


def sequence(rng, values, make):
    """another list: an element changed, removed, repeated, all gone, or far too many"""
    values = list(values)
    what = rng.randrange(7)
    if what <= 2 and values:
        values[rng.randrange(len(values))] = make()
    elif what == 3 and values:
        del values[rng.randrange(len(values))]
    elif what == 4:
        values.insert(rng.randint(0, len(values)), make())
    elif what == 5:
        values = []
    else:
        values = values + [make()] * rng.choice([1, 2, 9, 300])
    return values


def damage(rng, data, others):
    """one file with a few changed, lost, repeated or foreign bytes"""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        if not data:
            break
        at, what = rng.randrange(len(data)), rng.randrange(9)
        if what == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            data[at] = rng.randrange(256)
        elif what in (2, 3):
            size = rng.choice([1, 2, 4, 8])
            at -= at % size if what == 2 else 0
            value = integer(rng, 8 * size) % 2**(8 * size)
            data[at:at + size] = value.to_bytes(size, "little")[:max(0, len(data) - at)]
        elif what == 4:
            del data[at:]
        elif what == 5:
            del data[at:at + rng.choice([1, 4, 16, 100])]
        elif what == 6:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.choice([1, 4, 16])))
        elif what == 7:
            size = rng.choice([4, 16, 64])
            to = rng.randrange(len(data))
            data[to:to + size] = data[at:at + size]
        else:
            other = rng.choice(others)
            data[at:] = other[min(at, len(other) - 1):] if other else b""
    return "bytes", bytes(data)


def apply(rng, model, mutations):
    """one or two mutations; the name of the first one, None when none applied"""
    name = None
    for _ in range(rng.choice([1, 1, 1, 2])):
        for _ in range(20):
            f = rng.choice(mutations)
            if f(model, rng):
                name = name or f.__name__
                break
    return name
