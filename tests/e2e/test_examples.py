#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples that read, listen and compare, as a person runs them: test_examples.py EDGERT PROGRAM NAME

77 when a package or a program is missing.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]
from real_models import ROOT, Missing, carried, need  # noqa: E402


def run(*command, code=0, **more):
    r = subprocess.run([str(c) for c in command], capture_output=True, timeout=240, **more)
    assert r.returncode == code, f"{command}: exit {r.returncode}: {r.stderr.decode(errors='replace')}"
    return r.stdout.decode("utf-8") if code == 0 else r.stderr.decode("utf-8", "replace")


def convert(edgert, work, **models):
    for name, path in models.items():
        run(edgert, "convert", path, "-o", work / f"{name}.edge")
    return [work / f"{name}.edge" for name in models]


def ocr(edgert, program, work):
    """Every word of a menu, turned and overturned ones too; the boxes are drawn; bad pictures end with a message."""
    model = lambda name: carried("rapidocr_onnxruntime", f"models/{name}.onnx")[0]  # noqa: E731
    networks = convert(edgert, work, detect=model("ch_PP-OCRv4_det_infer"), classify=model("ch_ppocr_mobile_v2.0_cls_infer"),
                       recognise=model("ch_PP-OCRv4_rec_infer"))
    need("PIL.Image", "pillow")
    sys.path.insert(0, str(ROOT / "examples/ocr"))
    import draw
    menu = draw.menu()
    menu.save(work / "menu.ppm")
    read = run(program, "--text", *networks, work / "menu.ppm", work / "out.ppm").splitlines()
    wanted = ["".join(w.split()) for w in draw.WORDS]
    assert sorted("".join(line.split()) for line in read) == sorted(wanted), read
    assert "".join(read[0].split()) == wanted[0] and "lines in" in run(program, *networks, work / "menu.ppm")
    from PIL import Image, ImageChops
    changed = ImageChops.difference(menu, Image.open(work / "out.ppm")).getbbox()
    assert changed and changed[2] - changed[0] > 400, "no boxes were drawn"
    (work / "short.ppm").write_bytes((work / "menu.ppm").read_bytes()[:5000])
    for bad in (work / "short.ppm", work / "missing.png", __file__):
        assert str(bad) in run(program, *networks, bad, code=1)
    Image.new("RGB", (5, 4), (9, 9, 9)).save(work / "tiny.ppm")
    assert run(program, "--text", *networks, work / "tiny.ppm") == ""


def listen(edgert, program, work):
    """Speech where it is, the word when it is said, nothing in silence; a pipe of raw samples is heard like the file."""
    if not shutil.which("espeak-ng"):
        raise Missing("program espeak-ng is not here")
    word = lambda name: carried("openwakeword", f"resources/models/{name}.onnx")[0]  # noqa: E731
    networks = convert(edgert, work, voice=carried("silero_vad", "data/silero_vad_op18_ifless.onnx")[0],
                       mel=word("melspectrogram"), embed=word("embedding_model"), hey_jarvis=word("hey_jarvis_v0.1"),
                       alexa=word("alexa_v0.1"))
    text = 'Good morning. <break time="1500ms"/> Hey Jarvis! What time is it? <break time="900ms"/>'
    run("espeak-ng", "-m", "-w", work / "s.wav", text)
    said = run(program, *networks, work / "s.wav")
    begins = [line for line in said.splitlines() if "speech begins" in line]
    assert len(begins) == 2 and said.count("speech ends") == 2, said
    assert said.count("heard: hey jarvis") == 1 and "heard: alexa" not in said and "of real time" in said, said
    import real_families
    sound = real_families.spoken(work, "Hey Jarvis! What time is it?")
    raw = (real_families.between_silences(sound) * 32767).astype("<i2").tobytes()
    assert "heard: hey jarvis" in run(program, *networks, "-", input=raw)
    quiet = run(program, *networks, "-", input=bytes(5 * 32000))
    assert "speech begins" not in quiet and "heard" not in quiet, quiet
    (work / "cut.wav").write_bytes((work / "s.wav").read_bytes()[:40])
    for bad in (work / "cut.wav", work / "missing.wav", __file__):
        assert str(bad) in run(program, *networks, bad, code=1)


TEXTS = ["Hello, World!", "", "naïve café Ünïcödé ǅ ŉ", "Straße ΣΊΣΥΦΟΣ İstanbul ẞ", "Привет, мир! ёлка", "你好，世界。日本語テスト カタカナ ｶﾞ",
         "한국어 문장입니다", "العربية نصٌّ مشكول", "हिन्दी में पाठ", "ไทย ภาษา", "e-mail: a.b@c.de; $3.99 + 5% = ~4^2 `x` |y|", "don't won't it's",
         "antidisestablishmentarianism " * 4, "x" * 99 + " " + "y" * 100 + " " + "z" * 101, "tab\tand\u00a0blank\u3000wide\u2028line",
         "emoji 😀👩‍👩‍👧 ❤️ end", "zero\u200bwidth\u00adsoft\ufeffbom", "½ ² ﬁ Ⅳ ㎏ K Å", "a\u0301\u0323b\u0308", "\U0002f800\U00020000 豈"]


def similarity(edgert, program, work):
    """Token numbers as the tokenizers package gives them, in many scripts; alike sentences found."""
    tokenizers = need("tokenizers")
    carried("all_minilm_l6_v2", "model.zip")
    need("onnx")
    import random
    import real_families
    export = real_families.load("examples/similarity/export.py")
    export.export(work)
    theirs = tokenizers.Tokenizer.from_str(export.archive("tokenizer.json").decode())
    theirs.no_padding()
    theirs.enable_truncation(256)
    chance, texts = random.Random(1), list(TEXTS)
    letters = [c for c in map(chr, range(0x20, 0x2fa20)) if unicode_settled(c)]
    texts += ["".join(chance.choice(letters) if chance.random() < 0.7 else chance.choice(" e") for _ in range(40))
              for _ in range(2000)]
    ours = run(program, "--ids", work / "vocab.txt", input="".join(t + "\n" for t in texts).encode()).split("\n")
    assert len(ours) == len(texts) + 1, len(ours)
    for text, line in zip(texts, ours):
        assert list(map(int, line.split())) == theirs.encode(text).ids, ascii(text)
    convert(edgert, work, model=work / "minilm.onnx")
    shown = run(program, work / "model.edge", work / "vocab.txt", ROOT / "examples/similarity/sentences.txt")
    for pair in ("a ~ b", "c ~ d", "e ~ f", "g ~ h", "i ~ j"):
        assert pair in shown, shown
    asked = run(program, work / "model.edge", work / "vocab.txt", ROOT / "examples/similarity/sentences.txt", "forgotten login")
    assert "password" in asked.splitlines()[1] and "10 sentences" in asked, asked
    run(program, work / "model.edge", work / "vocab.txt", "-", input=bytes(range(256)) * 9)
    assert "lacks" in run(program, work / "model.edge", __file__, "-", code=1)


def unicode_settled(c):
    """Characters that every version of Unicode since 8 sees alike, on one line"""
    import unicodedata
    old = unicodedata.ucd_3_2_0
    return c not in "\n\r" and unicodedata.category(c)[0] not in "CZ" and old.category(c) == unicodedata.category(c) and \
        old.normalize("NFD", c) == unicodedata.normalize("NFD", c)


def main():
    edgert, program, name = sys.argv[1:4]
    try:
        need("numpy")
        with tempfile.TemporaryDirectory() as work:
            EXAMPLES[name](edgert, program, pathlib.Path(work))
    except Missing as why:
        print(f"skipped: {why}")
        sys.exit(77)


EXAMPLES = {"ocr": ocr, "listen": listen, "similarity": similarity}

if __name__ == "__main__":
    main()
