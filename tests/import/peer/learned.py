# SPDX-License-Identifier: Apache-2.0
"""Trees, linear models and preprocessing of the ai.onnx.ml domain, against ONNX Runtime."""
from harness import by_onnxruntime, case, cases, f32, main, node, np, rng

ML = "ai.onnx.ml"
f = np.float32


def ml(name, op, outputs, feeds, version=3, **attributes):
    options = {k: attributes.pop(k) for k in ("refused", "want", "tolerance") if k in attributes}
    case(name, [node(op, list(feeds), outputs, ML, **attributes)], feeds, outputs, domains={"ai_onnx_ml": version}, **options)


def forest(prefix, trees, features, targets, depth, positive=False, tests=("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT")):
    a = {k: [] for k in ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids", "values", "modes",
                         "missing_value_tracks_true")}
    v = {k: [] for k in ("treeids", "nodeids", "ids", "weights")}
    for t in range(trees):
        nodes = []

        def grow(level):
            at = len(nodes)
            nodes.append(None)
            if level == 0 or (level < depth and rng.random() < 0.2):
                nodes[at] = ("LEAF", 0, 0.0, 0, 0, 0)
                for target in range(targets) if rng.random() < 0.5 else [int(rng.integers(targets))]:
                    weight = rng.random() / trees if positive else rng.standard_normal()
                    for key, value in zip(("treeids", "nodeids", "ids", "weights"), (t, at, target, float(weight))):
                        v[key].append(value)
                return at
            yes, no = grow(level - 1), grow(level - 1)
            nodes[at] = (str(rng.choice(tests)), int(rng.integers(features)), float(f(rng.standard_normal())), yes, no,
                         int(rng.integers(2)))
            return at

        grow(depth)
        for i, (mode, feature, value, yes, no, missing) in enumerate(nodes):
            for key, item in zip(("treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids",
                                  "missing_value_tracks_true"), (t, i, mode, feature, value, yes, no, missing)):
                a[key].append(item)
    return {**{"nodes_" + k: x for k, x in a.items()}, **{f"{prefix}_{k}": x for k, x in v.items()}}


X = f32(40, 6)
X[::7, 2] = np.nan
for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
    ml(f"regressor_{aggregate}", "TreeEnsembleRegressor", "y", {"x": X}, aggregate_function=aggregate, n_targets=2,
       base_values=[0.5, -1.0] if aggregate == "SUM" else [0.0, 0.0], **forest("target", 5, 6, 2, 4))
ml("regressor_deep", "TreeEnsembleRegressor", "y", {"x": X}, n_targets=1, **forest("target", 20, 6, 1, 7, tests=("BRANCH_LEQ",)))
single = forest("target", 3, 6, 1, 3)  # ONNX Runtime leaves out this transform where there is one target
ml("regressor_plain", "TreeEnsembleRegressor", "y", {"x": X}, n_targets=1, **single)
plain = by_onnxruntime(cases[-1][1], {"x": X})[0]
ml("regressor_logistic", "TreeEnsembleRegressor", "y", {"x": X}, n_targets=1, post_transform="LOGISTIC", **single,
   want=[1 / (1 + np.exp(-plain))])
ml("regressor_double", "TreeEnsembleRegressor", "y", {"x": X.astype(np.float64)}, n_targets=2, **forest("target", 3, 6, 2, 3))
for kind in ("NONE", "SOFTMAX", "LOGISTIC"):
    ml(f"classifier_{kind}", "TreeEnsembleClassifier", "l y", {"x": X}, classlabels_int64s=[4, 7, 9], post_transform=kind,
       **forest("class", 6, 6, 3, 4))
    if kind == "SOFTMAX":
        continue
    for positive in (False, True):
        ml(f"classifier_two_{kind}_{positive}", "TreeEnsembleClassifier", "l y", {"x": X}, classlabels_int64s=[3, 8],
           post_transform=kind, **forest("class", 6, 6, 1, 4, positive))
wrong = forest("target", 2, 6, 1, 3)
ml("regressor_loop", "TreeEnsembleRegressor", "y", {"x": X}, n_targets=1, refused=3,
   **{**wrong, "nodes_truenodeids": [0] * len(wrong["nodes_modes"]), "nodes_falsenodeids": [0] * len(wrong["nodes_modes"])})
ml("regressor_outside", "TreeEnsembleRegressor", "y", {"x": X}, n_targets=1, refused=3,
   **{**wrong, "nodes_truenodeids": [1000] * len(wrong["nodes_modes"])})
ml("regressor_feature", "TreeEnsembleRegressor", "y", {"x": X}, n_targets=1, refused=3,
   **{**wrong, "nodes_featureids": [6] * len(wrong["nodes_modes"])})
ml("regressor_short", "TreeEnsembleRegressor", "y", {"x": X}, n_targets=1, refused=2,
   **{**wrong, "nodes_featureids": [1]})
ml("regressor_target", "TreeEnsembleRegressor", "y", {"x": X}, n_targets=1, refused=3,
   **{**wrong, "target_ids": [1 << 40] * len(wrong["target_ids"])})

Y = f32(5, 4)
ml("linear_regressor", "LinearRegressor", "y", {"x": Y}, coefficients=[float(v) for v in f32(12)], intercepts=[0.1, 0.2, 0.3], targets=3)
for kind in ("NONE", "SOFTMAX", "LOGISTIC"):
    ml(f"linear_classifier_{kind}", "LinearClassifier", "l y", {"x": Y}, coefficients=[float(v) for v in f32(12)],
       intercepts=[0.1, 0.2, 0.3], classlabels_ints=[5, 6, 8], post_transform=kind, multi_class=1)
ml("scaler", "Scaler", "y", {"x": Y}, offset=[1.0, 2.0, 3.0, 4.0], scale=[0.5, 1.0, 2.0, 4.0])
ml("scaler_integers", "Scaler", "y", {"x": np.arange(8).reshape(2, 4)}, offset=[1.0], scale=[0.5])
for kind in ("MAX", "L1", "L2"):
    ml(f"normalizer_{kind}", "Normalizer", "y", {"x": np.abs(Y)}, norm=kind)
ml("binarizer", "Binarizer", "y", {"x": Y}, threshold=0.25)
ml("imputer", "Imputer", "y", {"x": np.where(Y > 1, f(np.nan), Y)}, imputed_value_floats=[1.0, 2.0, 3.0, 4.0],
   replaced_value_float=float("nan"))
ml("imputer_integers", "Imputer", "y", {"x": np.array([[1, 0, 2], [0, 0, 3]])}, imputed_value_int64s=[7], replaced_value_int64=0)
ml("feature_extractor", "ArrayFeatureExtractor", "y", {"x": Y, "i": np.array([[2, 0, 3]])})
ml("feature_extractor_vector", "ArrayFeatureExtractor", "y", {"x": f32(6), "i": np.array([5, 1])})
ml("feature_extractor_outside", "ArrayFeatureExtractor", "y", {"x": f32(2, 3), "i": np.array([3])}, refused=3)
ml("feature_vectorizer", "FeatureVectorizer", "y", {"a": Y, "b": f32(5, 2)}, inputdimensions=[4, 2])

main(open_sizes=True)
