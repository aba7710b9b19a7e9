# SPDX-License-Identifier: Apache-2.0
"""Operators of the com.microsoft domain that optimisers, quantizers and exporters of transformers leave in files."""
from harness import MS, by_onnxruntime, case, cases, f32, main, node, np, s8, u8

# ONNX Runtime has no answer of its own for these
def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attend(q, k, v):  # [B, heads, length, size] -> [B, length, heads * size]
    p = softmax(q @ np.swapaxes(k, 2, 3) / np.sqrt(q.shape[-1], dtype=np.float32))
    return np.swapaxes(p @ v, 1, 2).reshape(q.shape[0], q.shape[2], -1)


s64 = lambda *v: np.array(v, np.int64)
f = np.float32


def ms(name, op, inputs, outputs, feeds, weights=None, **attributes):
    options = {k: attributes.pop(k) for k in ("steps", "tolerance", "want", "refused", "shapes") if k in attributes}
    case(name, [node(op, inputs, outputs, MS, **attributes)], feeds, outputs, weights, **options)


# ---- float
A, B, BT = f32(2, 3, 4), f32(2, 4, 5), f32(2, 5, 4)
ms("fused_matmul", "FusedMatMul", "a b", "y", {"a": A}, {"b": B}, alpha=0.5)
ms("fused_matmul_trans", "FusedMatMul", "a b", "y", {"a": A}, {"b": BT}, transB=1)
ms("fused_matmul_trans_a", "FusedMatMul", "a b", "y", {"a": f32(2, 4, 3), "b": B}, transA=1, alpha=2.0)
ms("fused_matmul_batch", "FusedMatMul", "a b", "y", {"a": f32(3, 2, 4), "b": f32(2, 4, 5)}, transBatchA=1)
ms("fused_matmul_batch_b", "FusedMatMul", "a b", "y", {"a": f32(2, 3, 4), "b": f32(5, 2, 4)}, transBatchB=1, transB=1)
for name, params in (("Relu", []), ("LeakyRelu", [0.1]), ("Tanh", []), ("Sigmoid", []), ("HardSigmoid", [0.3, 0.4]),
                     ("Clip", [-0.5, 0.5])):
    ms(f"fused_conv_{name}", "FusedConv", "x w b", "y", {"x": f32(1, 3, 6, 6)}, {"w": f32(4, 3, 3, 3), "b": f32(4)},
       activation=name, **({"activation_params": params} if params else {}), pads=[1, 1, 1, 1])
ms("fused_conv_residual", "FusedConv", "x w b z", "y", {"x": f32(1, 3, 6, 6), "z": f32(1, 4, 6, 6)},
   {"w": f32(4, 3, 3, 3), "b": f32(4)}, activation="Relu", pads=[1, 1, 1, 1])
for name in ("Relu", "LeakyRelu", "Elu"):
    ms(f"fused_gemm_{name}", "FusedGemm", "a b c", "y", {"a": f32(3, 4)}, {"b": f32(4, 5), "c": f32(5)}, activation=name,
       alpha=0.5, beta=2.0, **({"activation_alpha": 0.2} if name != "Relu" else {}))
ms("gelu", "Gelu", "x", "y", {"x": f32(2, 8)})
ms("bias_gelu", "BiasGelu", "x b", "y", {"x": f32(2, 8)}, {"b": f32(8)})
ms("fast_gelu", "FastGelu", "x b", "y", {"x": f32(2, 8)}, {"b": f32(8)})
ms("fast_gelu_plain", "FastGelu", "x", "y", {"x": f32(2, 8)})
ms("quick_gelu", "QuickGelu", "x", "y", {"x": f32(2, 8)}, alpha=1.5)
ms("skip_layer_norm", "SkipLayerNormalization", "x s g b c", "y", {"x": f32(2, 3, 8), "s": f32(2, 3, 8)},
   {"g": f32(8), "b": f32(8), "c": f32(8)}, epsilon=1e-5)
ms("skip_layer_norm_sum", "SkipLayerNormalization", "x s g b", "y _ _ z", {"x": f32(2, 3, 8), "s": f32(2, 3, 8)},
   {"g": f32(8), "b": f32(8)})
ms("skip_rms_norm", "SkipSimplifiedLayerNormalization", "x s g", "y _ _ z", {"x": f32(2, 3, 8), "s": f32(2, 3, 8)},
   {"g": f32(8)}, epsilon=1e-6)
ms("skip_rms_norm_bias", "SkipSimplifiedLayerNormalization", "x s g c", "y", {"x": f32(2, 3, 8), "s": f32(2, 3, 8)},
   {"g": f32(8), "c": f32(8)}, epsilon=1e-6)
case("rms_norm", [node("SimplifiedLayerNormalization", "x g", "y", epsilon=1e-5)], {"x": f32(2, 3, 8)}, "y", {"g": f32(8)})
for with_mask in (0, 1):
    ids = np.array([[1, 2, 3], [4, 0, 1]], np.int32)
    ms(f"embed_layer_norm_{with_mask}", "EmbedLayerNormalization",
       "i t w p s g b" + (" m" if with_mask else ""), "y k",
       {"i": ids, "t": np.array([[0, 0, 1], [1, 1, 0]], np.int32),
        **({"m": np.array([[1, 1, 0], [1, 1, 1]], np.int32)} if with_mask else {})},
       {"w": f32(6, 8), "p": f32(5, 8), "s": f32(2, 8), "g": f32(8), "b": f32(8)}, epsilon=1e-6)
ms("embed_layer_norm_sum", "EmbedLayerNormalization", "i _ w p _ g b", "y k z", {"i": np.array([[1, 2, 3]], np.int32)},
   {"w": f32(6, 8), "p": f32(5, 8), "g": f32(8), "b": f32(8)}, epsilon=1e-6)
ms("embed_outside", "EmbedLayerNormalization", "i _ w p _ g b", "y k", {"i": np.array([[1, 9, 3]], np.int32)},
   {"w": f32(6, 8), "p": f32(5, 8), "g": f32(8), "b": f32(8)}, epsilon=1e-6, refused=3)
ms("inverse", "Inverse", "x", "y", {"x": f32(2, 4, 4) + 3 * np.eye(4, dtype=f)}, tolerance=(1e-3, 1e-4))
ms("pad_ms", "Pad", "x p v", "y", {"x": f32(2, 3)}, {"p": s64(0, 1, 2, 0), "v": np.array(1.5, f)}, mode="constant")
ms("expand_dims", "ExpandDims", "x a", "y", {"x": f32(2, 3)}, {"a": np.array(1, np.int32)})
ms("trilu_ms", "Trilu", "x", "y", {"x": f32(3, 4)}, upper=0)
ms("unique_ms", "Unique", "x", "y i c", {"x": np.array([3, 1, 3, 2], f)})
ms("range_ms", "Range", "a b c", "y", {}, {"a": np.array(1, f), "b": np.array(5, f), "c": np.array(2, f)})
X, B = f32(2, 4, 3, 5), f32(2, 1, 1, 5)
ms("bias_softmax", "BiasSoftmax", "x b", "y", {"x": X, "b": B}, axis=3, is_inner_broadcast=0, want=[softmax(X + B)])
ms("rotary", "RotaryEmbedding", "x p c s", "y", {"x": f32(2, 2, 3, 8), "p": np.array([[0, 1, 2], [3, 4, 5]], np.int64)},
   {"c": f32(8, 4), "s": f32(8, 4)})
ms("rotary_offset", "RotaryEmbedding", "x p c s", "y", {"x": f32(2, 3, 16), "p": np.array([2], np.int64)},
   {"c": f32(8, 4), "s": f32(8, 4)}, num_heads=2)
ms("rotary_interleaved", "RotaryEmbedding", "x p c s", "y", {"x": f32(1, 3, 16), "p": np.array([[0, 1, 2]], np.int64)},
   {"c": f32(8, 4), "s": f32(8, 4)}, interleaved=1)
ms("rotary_part", "RotaryEmbedding", "x p c s", "y", {"x": f32(1, 3, 16), "p": np.array([[0, 1, 2]], np.int64)},
   {"c": f32(8, 2), "s": f32(8, 2)}, num_heads=2, rotary_embedding_dim=4)

# ---- attention
H = 2
X = f32(2, 3, 8)
W, WB = f32(8, 24, scale=0.3), f32(24, scale=0.3)
ms("attention", "Attention", "x w b", "y", {"x": X}, {"w": W, "b": WB}, num_heads=H)
ms("attention_causal", "Attention", "x w b", "y", {"x": X}, {"w": W, "b": WB}, num_heads=H, unidirectional=1)
ms("attention_lengths", "Attention", "x w b m", "y", {"x": X, "m": np.array([2, 3], np.int32)}, {"w": W, "b": WB}, num_heads=H)
ms("attention_mask", "Attention", "x w b m", "y", {"x": X, "m": np.array([[1, 1, 0], [1, 1, 1]], np.int32)},
   {"w": W, "b": WB}, num_heads=H, mask_filter_value=-1e4)
ms("attention_mask_3d", "Attention", "x w b m", "y", {"x": X, "m": np.array([[[1, 0, 0], [1, 1, 0], [1, 1, 1]]] * 2, np.int32)},
   {"w": W, "b": WB}, num_heads=H)
ms("attention_bias", "Attention", "x w b _ _ r", "y", {"x": X, "r": f32(2, H, 3, 3)}, {"w": W, "b": WB}, num_heads=H)
ms("attention_past", "Attention", "x w b _ p", "y z", {"x": X, "p": f32(2, 2, H, 5, 4)}, {"w": W, "b": WB}, num_heads=H,
   unidirectional=1)
ms("attention_sizes", "Attention", "x w b", "y", {"x": X}, {"w": f32(8, 8 + 8 + 12), "b": f32(28)}, num_heads=H,
   qkv_hidden_sizes=[8, 8, 12], scale=0.7)
OPEN = ["b", "s", 8]
ms("attention_open_sizes", "Attention", "x w b m", "y", {"x": X, "m": np.array([[1, 1, 0], [1, 1, 1]], np.int32)},
   {"w": W, "b": WB}, num_heads=H, shapes={"x": OPEN, "m": ["b", "s"]})
ms("attention_lengths_open", "Attention", "x w b m", "y", {"x": X, "m": np.array([2, 3], np.int32)}, {"w": W, "b": WB},
   num_heads=H, shapes={"x": OPEN, "m": ["b"]})
ms("attention_half", "Attention", "x w b", "y", {"x": X.astype(np.float16)},
   {"w": W.astype(np.float16), "b": WB.astype(np.float16)}, num_heads=H, unidirectional=1,
   want=[attend(*[np.swapaxes(t.reshape(2, 3, H, 4), 1, 2) for t in np.split(X @ W + WB, 3, -1)]).astype(np.float16)])
cases[-1][1].graph.node[0].attribute.pop()  # not causal: the formula above
for mask in (False, True):
    ms(f"quantized_attention_{mask}", "QAttention", "x w b sx sw " + ("m" if mask else "_") + " zx zw", "y",
       {"x": u8(2, 3, 8), **({"m": np.array([2, 3], np.int32)} if mask else {})},
       {"w": s8(8, 24), "b": WB, "sx": np.array(0.02, f), "sw": np.array(0.01, f), "zx": np.array(128, np.uint8),
        "zw": np.array(0, np.int8)}, num_heads=H, tolerance=(1e-3, 1e-3))
TABLES = {"wq": u8(6, 8), "pq": u8(5, 8), "tq": u8(2, 8), "gq": u8(8), "bq": u8(8),
          **{f"s{i}": np.array(0.01 + 0.01 * i, f) for i in range(5)}, **{f"z{i}": np.array(120 + i, np.uint8) for i in range(5)}}
ms("quantized_embed", "QEmbedLayerNormalization", "i t wq pq tq gq bq _ s0 s1 s2 s3 s4 z0 z1 z2 z3 z4", "y k",
   {"i": np.array([[1, 2, 3], [4, 0, 1]], np.int32), "t": np.array([[0, 0, 1], [1, 1, 0]], np.int32)}, TABLES, epsilon=1e-6)
Q, K, V = f32(2, 3, 8), f32(2, 4, 8), f32(2, 4, 8)
QKV = {"q": Q, "k": K, "v": V}
ms("mha", "MultiHeadAttention", "q k v", "y", QKV, num_heads=H)
ms("mha_bias", "MultiHeadAttention", "q k v b", "y", QKV, {"b": f32(24)}, num_heads=H)
ms("mha_lengths", "MultiHeadAttention", "q k v _ m", "y", {**QKV, "m": np.array([2, 4], np.int32)}, num_heads=H)
ms("mha_mask", "MultiHeadAttention", "q k v _ m", "y", {**QKV, "m": np.array([[1, 1, 0, 0], [1, 1, 1, 1]], np.int32)}, num_heads=H)
ms("mha_relative", "MultiHeadAttention", "q k v _ _ r", "y", {**QKV, "r": f32(1, H, 3, 4)}, num_heads=H)
ms("mha_causal", "MultiHeadAttention", "q k v", "y", {"q": Q, "k": f32(2, 3, 8), "v": f32(2, 3, 8)}, num_heads=H,
   unidirectional=1)
ms("mha_open_sizes", "MultiHeadAttention", "q k v b m", "y", {**QKV, "m": np.array([[1, 1, 0, 0], [1, 1, 1, 1]], np.int32)},
   {"b": f32(24)}, num_heads=H, shapes={"q": OPEN, "k": ["b", "t", 8], "v": ["b", "t", 8], "m": ["b", "t"]})
ms("mha_past", "MultiHeadAttention", "q k v _ _ _ pk pv", "y zk zv",
   {"q": Q, "k": f32(2, 3, 8), "v": f32(2, 3, 8), "pk": f32(2, H, 5, 4), "pv": f32(2, H, 5, 4)}, num_heads=H)
ms("mha_cross", "MultiHeadAttention", "q k v", "y", {"q": Q, "k": f32(2, H, 4, 4), "v": f32(2, H, 4, 4)}, num_heads=H)
heads_first = lambda t: np.swapaxes(t, 1, 2)
KV = f32(2, 4, H, 2, 4)
ms("mha_packed_kv", "MultiHeadAttention", "q k", "y", {"q": Q, "k": KV}, num_heads=H,
   want=[attend(heads_first(Q.reshape(2, 3, H, 4)), heads_first(KV[:, :, :, 0]), heads_first(KV[:, :, :, 1]))])
ALL = f32(2, 3, H, 3, 4)
ms("mha_packed_qkv", "MultiHeadAttention", "q", "y", {"q": ALL}, num_heads=H,
   want=[attend(*[heads_first(ALL[:, :, :, i]) for i in range(3)])])


def gqa(name, batch, steps, past, total, heads=4, kv=2, size=16, packed=False, rotary=False, shapes=None, sink=False,
        **attributes):
    feeds = {"q": f32(batch, steps, (heads + 2 * kv if packed else heads) * size)}
    if not packed:
        feeds.update(k=f32(batch, steps, kv * size), v=f32(batch, steps, kv * size))
    if past is not None:
        feeds.update(pk=f32(batch, kv, past, size), pv=f32(batch, kv, past, size))
    feeds["n"] = np.array([v - 1 for v in total], np.int32)
    feeds["t"] = np.array(max(total), np.int32)
    names = ["q", "_" if packed else "k", "_" if packed else "v"] + (["pk", "pv"] if past is not None else ["_", "_"])
    names += ["n", "t"] + (["c", "s"] if rotary else [])
    weights = {"c": f32(32, size // 2), "s": f32(32, size // 2)} if rotary else {}
    if sink:
        names += ([] if rotary else ["_", "_"]) + ["_", "_", "h"]
        weights["h"] = f32(heads)
    ms(name, "GroupQueryAttention", " ".join(names), "y zk zv", feeds, weights, num_heads=heads, kv_num_heads=kv, shapes=shapes,
       **({"do_rotary": 1} if rotary else {}), **attributes)


gqa("gqa_prompt", 1, 4, None, [4])
gqa("gqa_prompt_rotary", 2, 4, None, [4, 4], rotary=True)
gqa("gqa_prompt_packed", 1, 4, None, [4], packed=True, rotary=True)
gqa("gqa_decode", 1, 1, 5, [6])
gqa("gqa_decode_rotary", 1, 1, 5, [6], rotary=True)
gqa("gqa_decode_interleaved", 1, 1, 5, [6], rotary=True, rotary_interleaved=1)
gqa("gqa_decode_packed", 1, 1, 5, [6], packed=True, rotary=True)
for name, batch, past, total in (("gqa_room_to_spare", 1, 10, [6]), ("gqa_ragged", 2, 5, [6, 4])):
    gqa(name, batch, 1, past, total, rotary=True)  # what lies behind the keys in the cache is nobody's business
    cases[-1] = cases[-1][:3] + (by_onnxruntime(*cases[-1][1:3])[:1],) + cases[-1][4:]
gqa("gqa_more_tokens", 1, 3, 4, [7])
gqa("gqa_smooth", 1, 4, None, [4], smooth_softmax=1)
gqa("gqa_sink", 1, 4, None, [4], sink=True)
gqa("gqa_open_sizes", 1, 1, 5, [6], rotary=True,
    shapes={"q": ["b", "s", 64], "k": ["b", "s", 32], "v": ["b", "s", 32], "pk": ["b", 2, "p", 16], "pv": ["b", 2, "p", 16], "n": ["b"]})
gqa("gqa_window", 1, 4, None, [4], local_window_size=2)
gqa("gqa_softcap", 1, 4, None, [4], softcap=5.0, scale=0.3)

# ---- quantized
scale = lambda v: np.array(v, f)
XQ, YQ = u8(1, 3, 4, 4), u8(1, 3, 4, 4)
q8 = {"s1": scale(0.02), "z1": np.array(120, np.uint8), "s2": scale(0.03), "z2": np.array(130, np.uint8),
      "s3": scale(0.05), "z3": np.array(128, np.uint8)}
i8 = {"s1": scale(0.02), "z1": np.array(-5, np.int8), "s2": scale(0.03), "z2": np.array(7, np.int8),
      "s3": scale(0.05), "z3": np.array(1, np.int8)}
for op in ("QLinearAdd", "QLinearMul"):
    ms(f"{op}_u8", op, "a s1 z1 b s2 z2 s3 z3", "y", {"a": XQ, "b": YQ}, q8, steps=1)
    ms(f"{op}_s8", op, "a s1 z1 b s2 z2 s3 z3", "y", {"a": s8(2, 8), "b": s8(8)}, i8, steps=1)
unary = {"s1": scale(0.02), "z1": np.array(120, np.uint8), "s2": scale(1 / 256), "z2": np.array(0, np.uint8)}
ms("qlinear_sigmoid", "QLinearSigmoid", "x s1 z1 s2 z2", "y", {"x": XQ}, unary, steps=1)
ms("qlinear_leaky", "QLinearLeakyRelu", "x s1 z1 s1 z1", "y", {"x": XQ}, unary, alpha=0.1, steps=1)
ms("qlinear_softmax", "QLinearSoftmax", "x s1 z1 s2 z2", "y", {"x": u8(3, 7)}, unary, axis=-1, opset=13, steps=1)
ms("qlinear_softmax_s8", "QLinearSoftmax", "x s1 z1 s2 z2", "y", {"x": s8(3, 7)},
   {"s1": scale(0.05), "z1": np.array(3, np.int8), "s2": scale(1 / 256), "z2": np.array(-128, np.int8)}, axis=-1, opset=13,
   steps=1)
ms("qlinear_concat", "QLinearConcat", "s3 z3 a s1 z1 b s2 z2", "y", {"a": XQ, "b": u8(1, 2, 4, 4)}, q8, axis=1, steps=1)
ms("qlinear_where", "QLinearWhere", "c a s1 z1 b s2 z2 s3 z3", "y", {"c": np.arange(48).reshape(1, 3, 4, 4) % 3 == 0, "a": XQ, "b": YQ}, q8, steps=1)
ms("qlinear_global_pool", "QLinearGlobalAveragePool", "a s1 z1 s3 z3", "y", {"a": XQ}, q8, channels_last=0, steps=1)
ms("qlinear_global_pool_last", "QLinearGlobalAveragePool", "a s1 z1 s3 z3", "y", {"a": XQ}, q8, channels_last=1, steps=1)
ms("qlinear_average_pool", "QLinearAveragePool", "a s1 z1 s3 z3", "y", {"a": XQ}, q8, kernel_shape=[2, 2],
   strides=[1, 1], pads=[1, 0, 0, 1], steps=1)
ms("qlinear_average_pool_last", "QLinearAveragePool", "a s1 z1 s3 z3", "y", {"a": u8(1, 4, 4, 3)}, q8,
   kernel_shape=[2, 2], strides=[2, 2], channels_last=1, steps=1)
ms("nhwc_max_pool", "NhwcMaxPool", "x", "y", {"x": u8(1, 6, 6, 3)}, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
CONV = {"w": s8(4, 3, 3, 3), "sw": np.abs(f32(4)) * f(0.01) + f(0.01), "zw": np.zeros(4, np.int8),
        "cb": np.arange(4, dtype=np.int32) * 20}
for last in (0, 1):
    ms(f"qlinear_conv_{last}", "QLinearConv", "x s1 z1 w sw zw s3 z3 cb", "y", {"x": u8(1, 5, 6, 3) if last else u8(1, 3, 5, 6)},
       {**q8, **CONV}, channels_last=last, pads=[1, 1, 1, 1], steps=1)
GB = s8(5, 6)
gemm = {"sa": scale(0.02), "za": np.array(120, np.uint8), "b": GB, "sb": np.abs(f32(6)) * f(0.01) + f(0.01),
        "zb": np.zeros(6, np.int8), "c": np.arange(6, dtype=np.int32) * 50, "sy": scale(0.1), "zy": np.array(127, np.uint8)}
ms("qgemm", "QGemm", "a sa za b sb zb c sy zy", "y", {"a": u8(3, 5)}, gemm, steps=1)
ms("qgemm_float", "QGemm", "a sa za b sb zb c", "y", {"a": u8(3, 5)}, gemm, alpha=0.5)
ms("qgemm_trans", "QGemm", "a sa za bt sb zb c sy zy", "y", {"a": u8(3, 5)}, {**gemm, "bt": s8(6, 5)}, transB=1, steps=1)
ms("qgemm_tensor", "QGemm", "a sa za b s z _ sy zy", "y", {"a": u8(3, 5)},
   {**gemm, "s": scale(0.02), "z": np.array(3, np.int8)}, steps=1)
dyn = {"b": s8(8, 6), "sb": scale(0.02), "zb": np.array(2, np.int8), "sc": np.abs(f32(6)) * f(0.02) + f(0.01), "c": f32(6),
       "zc": np.zeros(6, np.int8)}
ms("dynamic_matmul", "DynamicQuantizeMatMul", "a b sb zb c", "y", {"a": f32(3, 8)}, dyn)
ms("dynamic_matmul_columns", "DynamicQuantizeMatMul", "a b sc _ c", "y", {"a": f32(2, 3, 8)}, dyn)
ms("integer_to_float", "MatMulIntegerToFloat", "a b sa sb za zb c", "y", {"a": u8(3, 8)},
   {**dyn, "sa": scale(0.03), "za": np.array(125, np.uint8)})
ms("integer_to_float_columns", "MatMulIntegerToFloat", "a b sa sc za zc", "y", {"a": u8(2, 3, 8)},
   {**dyn, "sa": scale(0.03), "za": np.array(125, np.uint8)})
for name, zero in (("u8", np.uint8), ("s8", np.int8), ("u16", np.uint16), ("s16", np.int16)):
    low = np.iinfo(zero).min
    ms(f"quantize_{name}", "QuantizeLinear", "x s z", "y", {"x": f32(3, 4)}, {"s": scale(0.01), "z": np.array(low + 50, zero)})
    ms(f"dequantize_{name}", "DequantizeLinear", "x s z", "y", {"x": np.arange(12).reshape(3, 4).astype(zero)},
       {"s": scale(0.01), "z": np.array(low + 50, zero)})
ms("quantize_axis", "QuantizeLinear", "x s z", "y", {"x": f32(3, 4)},
   {"s": np.array([0.01, 0.02, 0.03], f), "z": np.array([1, 2, 3], np.uint8)}, axis=0)
hidden, inputs = 4, 3
for direction, n in (("forward", 1), ("bidirectional", 2)):
    ms(f"dynamic_lstm_{direction}", "DynamicQuantizeLSTM", "x w r b _ _ _ _ ws wz rs rz", "y h c", {"x": f32(5, 2, inputs)},
       {"w": s8(n, inputs, 4 * hidden), "r": s8(n, hidden, 4 * hidden), "b": f32(n, 8 * hidden),
        "ws": np.full(n, 0.01, f), "wz": np.zeros(n, np.int8), "rs": np.full(n, 0.02, f), "rz": np.zeros(n, np.int8)},
       hidden_size=hidden, direction=direction, tolerance=(2e-2, 2e-2))
ms("dynamic_lstm_columns", "DynamicQuantizeLSTM", "x w r b _ _ _ _ ws wz rs rz", "y", {"x": f32(5, 2, inputs)},
   {"w": s8(1, inputs, 4 * hidden), "r": s8(1, hidden, 4 * hidden), "b": f32(1, 8 * hidden),
    "ws": np.abs(f32(1, 4 * hidden)) * f(0.01) + f(0.005), "wz": np.zeros((1, 4 * hidden), np.int8),
    "rs": np.abs(f32(1, 4 * hidden)) * f(0.01) + f(0.005), "rz": np.zeros((1, 4 * hidden), np.int8)},
   hidden_size=hidden, tolerance=(2e-2, 2e-2))

# ---- weights in blocks of few bits


def unpack(packed, bits, count):
    parts = [(packed >> shift) & ((1 << bits) - 1) for shift in range(0, 8, bits)]
    return np.stack(parts, -1).reshape(packed.shape[0], -1)[:, :count].astype(f)


def nbits(name, k, n, bits=4, block=32, zeros=None, group_index=False, bias=False, rows=3, half=False):
    """The answer by the formula: ONNX Runtime lacks some of these."""
    blocks = (k + block - 1) // block
    weights = {"b": u8(n, blocks, block * bits // 8), "s": np.abs(f32(n, blocks)) * f(0.02) + f(0.01)}
    inputs, zero, group = ["a", "b", "s", "_", "_", "_"], np.full((n, blocks), 1 << (bits - 1), f), np.arange(k) // block
    if zeros == "packed":
        weights["z"], inputs[3] = u8(n, (blocks * bits + 7) // 8), "z"
        zero = unpack(weights["z"], bits, blocks)
    elif zeros == "float":
        weights["z"], inputs[3] = (f32(n, blocks) + f(1 << (bits - 1))).astype(f), "z"
        zero = weights["z"]
    elif zeros == "whole":
        weights["z"], inputs[3] = np.arange(n * blocks).reshape(n, blocks).astype(f) % f(1 << bits), "z"
        zero = weights["z"]
    if group_index:
        weights["g"], inputs[4] = (np.arange(k)[::-1] // block).astype(np.int32), "g"
        group = weights["g"]
    if bias:
        weights["c"], inputs[5] = f32(n), "c"
    a = f32(rows, k)
    if half:
        a = a.astype(np.float16)
        for key in ("s", "c"):
            if key in weights:
                weights[key] = weights[key].astype(np.float16)
    while inputs[-1] == "_":
        inputs.pop()
    real = (unpack(weights["b"].reshape(n, -1), bits, k) - zero[:, group]) * weights["s"].astype(f)[:, group]
    want = (a.astype(f) @ real.T + weights.get("c", np.zeros(n, f)).astype(f)).astype(a.dtype)
    ms(name, "MatMulNBits", " ".join(inputs), "y", {"a": a}, weights, K=k, N=n, bits=bits, block_size=block, want=[want],
       tolerance=(3e-2, 3e-2) if half else (1e-4, 1e-4))


for zeros in (None, "packed", "float", "whole"):
    nbits(f"nbits_4_{zeros}", 64, 6, zeros=zeros)
    nbits(f"nbits_4_tail_{zeros}", 72, 5, zeros=zeros, bias=True)
    nbits(f"nbits_8_{zeros}", 64, 6, bits=8, zeros=zeros)
    nbits(f"nbits_2_{zeros}", 64, 6, bits=2, zeros=zeros)
nbits("nbits_4_index", 64, 6, group_index=True)
nbits("nbits_4_index_zeros", 64, 6, group_index=True, zeros="packed", bias=True)
nbits("nbits_4_block_16", 48, 7, block=16, zeros="packed")
nbits("nbits_4_block_128", 256, 4, block=128)
nbits("nbits_4_vector", 64, 6, rows=1)
nbits("nbits_4_half", 64, 6, half=True, bias=True)
nbits("nbits_ort", 64, 6, zeros="packed")
cases[-1] = cases[-1][:3] + (None,) + cases[-1][4:]  # and by ONNX Runtime
ms("nbits_short", "MatMulNBits", "a b s", "y", {"a": f32(2, 64)}, {"b": u8(6, 2, 15), "s": f32(6, 2)}, K=64, N=6, bits=4,
   block_size=32, refused=3)
ms("nbits_short_zeros", "MatMulNBits", "a b s z", "y", {"a": f32(2, 64)},
   {"b": u8(6, 2, 16), "s": f32(6, 2), "z": u8(5, 1)}, K=64, N=6, bits=4, block_size=32, refused=3)
ms("nbits_huge", "MatMulNBits", "a b s", "y", {"a": f32(2, 64)}, {"b": u8(6, 2, 16), "s": f32(6, 2)}, K=2**31 - 1,
   N=2**31 - 1, bits=4, block_size=32, refused=3)
ms("gather_blocks", "GatherBlockQuantized", "d i s", "y", {"i": np.array([1, 0, 3], np.int64)},
   {"d": u8(4, 16), "s": np.abs(f32(4, 2)) * f(0.02)}, block_size=16, bits=4, gather_axis=0, quantize_axis=1)

main(open_sizes=True)
