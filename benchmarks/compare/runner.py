#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One model on one peer in this fresh process: the peer runner of the model generator's folder, plus variants.

    runner.py FOLDER PEER MODEL [options of FOLDER/peers.py]

PEER may be openvino-f32: OpenVINO told to compute f32 models in f32 (on CPUs with bf16 it does not by itself).
"""
import sys


def main():
    folder, peer, model = sys.argv[1:4]
    sys.path.insert(0, folder)
    import peers
    if peer == "openvino-f32":
        import openvino
        plain = openvino.Core.compile_model
        openvino.Core.compile_model = lambda core, m, device, config: plain(
            core, m, device, dict(config, INFERENCE_PRECISION_HINT="f32"))
        peer = "openvino"
    sys.argv[1:] = [model, "--peer", peer] + sys.argv[4:]
    return peers.main()


if __name__ == "__main__":
    sys.exit(main())
