/* SPDX-License-Identifier: Apache-2.0
 * What a file is that is no model of a known format, from its first bytes, and what to do about it. */
#include "recognise.h"
#include "../base/base.h"

typedef struct magic {
  uint32_t offset, length;
  const char *bytes, *text;
} magic;

#define UNPACK "a compressed file: unpack it first and give the model inside"
#define KERAS                                                               \
  "a Keras model: convert it, for example with "                            \
  "tf.lite.TFLiteConverter.from_keras_model(keras.models.load_model(FILE))" \
  ".convert(), or export it to ONNX"
#define PYTORCH "a PyTorch file (.pt, .pth): export the model with torch.onnx.export(model, inputs, \"model.onnx\")"
#define DATA "not a model; give it to one with --input"

static const magic magics[] = {
  { 0, 8, "\x89HDF\r\n\x1a\n", KERAS },
  { 0, 3, "\x1f\x8b\x08", "a gzip file: unpack it first (gunzip) and give the model inside" },
  { 0, 6,
    "\xfd"
    "7zXZ\0",
    UNPACK },
  { 0, 4, "\x28\xb5\x2f\xfd", UNPACK },
  { 0, 3, "BZh", UNPACK },
  { 0, 6, "7z\xbc\xaf\x27\x1c", UNPACK },
  { 0, 6, "Rar!\x1a\x07", UNPACK },
  { 257, 5, "ustar", "a tar archive: unpack it first (tar xf) and give the model inside" },
  { 0, 4, "\x80\x02\x8a\x0a", PYTORCH },
  { 0, 3, "\x80\x02\x63", "a Python pickle: " PYTORCH },
  { 0, 2, "\x80\x03", "a Python pickle, which EdgeRT never unpickles: export the model to ONNX" },
  { 0, 2, "\x80\x04", "a Python pickle, which EdgeRT never unpickles: export the model to ONNX" },
  { 0, 2, "\x80\x05", "a Python pickle, which EdgeRT never unpickles: export the model to ONNX" },
  { 0, 6, "\x93NUMPY", "a NumPy array (.npy), " DATA },
  { 0, 8, "\x89PNG\r\n\x1a\n", "a PNG picture, " DATA },
  { 0, 3, "\xff\xd8\xff", "a JPEG picture, " DATA },
  { 0, 4, "RIFF", "a RIFF file (sound or picture), " DATA },
  { 0, 2, "BM", "a BMP picture, " DATA },
  { 16, 15, "git-lfs.github.", "a Git LFS pointer, not the model: fetch it with git lfs pull" },
  { 4, 4, "ORTM", "an ORT format model: use the .onnx file that it was made from" },
  { 4, 4, "ET12", "an ExecuTorch program (.pte): export the model to ONNX or TFLite instead" },
  { 0, 8, "7767517\n", "an ncnn parameter file: use the ONNX model that it was made from" },
  { 0, 4,
    "\x7f"
    "ELF",
    "a program or shared library (ELF), not a model" },
  { 0, 2, "MZ", "a program or library (Windows), not a model" },
  { 0, 4, "\xcf\xfa\xed\xfe", "a program or library (Mach-O), not a model" },
  { 0, 4, "lmgg", "an old GGML language model, which is not supported" },
  { 0, 4, "tjgg", "an old GGML language model, which is not supported" },
  { 0, 4, "%PDF", "a PDF document, not a model" },
};

static bool at(const uint8_t *p, uint64_t bytes, uint64_t offset, const char *what, uint64_t n) {
  return offset <= bytes && n <= bytes - offset && memcmp(p + offset, what, (size_t)n) == 0;
}

/* Is `what` anywhere in the first or last 64 KiB, where archives list their files? */
static bool holds(const uint8_t *p, uint64_t bytes, const char *what) {
  const uint64_t n = strlen(what), window = 65536;
  for (int end = 0; end < 2; ++end) {
    const uint64_t from = end && bytes > window ? bytes - window : 0, to = end || bytes < window ? bytes : window;
    for (uint64_t i = from; i + n <= to; ++i)
      if (p[i] == (uint8_t)what[0] && memcmp(p + i, what, (size_t)n) == 0) return true;
  }
  return false;
}

static const char *archive(const uint8_t *p, uint64_t bytes) {
  if (holds(p, bytes, "/data.pkl") || holds(p, bytes, "/constants.pkl")) return PYTORCH;
  if (holds(p, bytes, "model.weights.h5")) return KERAS;
  if (holds(p, bytes, "com.apple.CoreML")) return "a Core ML package: export the model to ONNX or TFLite instead";
  if (holds(p, bytes, "saved_model.pb"))
    return "a zip archive with a TensorFlow SavedModel: unpack it and convert it to TFLite or, with tf2onnx, to ONNX";
  if (holds(p, bytes, ".tflite"))
    return "a zip archive or MediaPipe bundle with .tflite models: unzip it and give one of them";
  if (holds(p, bytes, ".onnx")) return "a zip archive with .onnx models: unzip it and give one of them";
  if (holds(p, bytes, ".npy")) return "NumPy arrays (.npz), not a model; give .npy files to one with --input";
  return "a zip archive: unzip it first and give the model inside";
}

static bool is_space(uint8_t c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool starts_like(const uint8_t *p, uint64_t n, const char *word) {
  for (uint64_t i = 0; word[i]; ++i)
    if (i >= n || (p[i] | (p[i] >= 'A' && p[i] <= 'Z' ? 32 : 0)) != (uint8_t)word[i]) return false;
  return true;
}

static const char *text_kind(const uint8_t *p, uint64_t bytes) {
  const uint64_t n = bytes < 512 ? bytes : 512;
  uint64_t first = 0;
  for (uint64_t i = 0; i < n; ++i)
    if ((p[i] < 0x20 && !is_space(p[i])) || p[i] == 0x7f) return NULL;
  if (at(p, bytes, 0, "\xef\xbb\xbf", 3)) first = 3;
  while (first < n && is_space(p[first])) ++first;
  const uint8_t *const word = p + first;
  const uint64_t left = n - first;
  if (starts_like(word, left, "<!doctype html") || starts_like(word, left, "<html") || starts_like(word, left, "<head"))
    return "a web page (HTML), not a model: the download went wrong, perhaps it needs a login or another address";
  if (starts_like(word, left, "<?xml") || starts_like(word, left, "<net"))
    return holds(p, bytes, "<net ")
               ? "an OpenVINO model (.xml): use the ONNX or TFLite model that it was made from"
               : "an XML document, not a model: perhaps an error page of a download that went wrong";
  if (left && (word[0] == '{' || word[0] == '['))
    return "JSON text, not a model: perhaps the answer of a download that went wrong";
  return "text, not a model";
}

/* Protobufs that are not ONNX's, by the kinds of their first fields. */
static const char *protobuf_kind(const uint8_t *p, uint64_t bytes) {
  if (bytes < 8) return NULL;
  if (p[0] == 0x0a && (p[2] == 0x0a || p[3] == 0x0a) && (holds(p, bytes, "dtype") || holds(p, bytes, "Placeholder")))
    return "a TensorFlow graph (.pb): convert it to TFLite, or to ONNX with tf2onnx";
  if (p[0] == 0x08 && p[2] == 0x12 && (p[4] == 0x0a || p[5] == 0x0a || p[6] == 0x0a))
    return holds(p, bytes, "serve") ? "a TensorFlow SavedModel: convert its folder to TFLite, or to ONNX with tf2onnx"
                                    : "a Core ML model (.mlmodel): export the model to ONNX or TFLite instead";
  return NULL;
}

static bool only_zeros(const uint8_t *p, uint64_t bytes) {
  const uint64_t n = bytes < 65536 ? bytes : 65536;
  for (uint64_t i = 0; i < n; ++i)
    if (p[i] || p[bytes - 1 - i]) return false;
  return n > 0;
}

const char *ei_import_recognise(const void *data, uint64_t bytes) {
  const uint8_t *const p = data;
  if (bytes == 0) return NULL;
  for (size_t i = 0; i < EI_COUNT(magics); ++i)
    if (at(p, bytes, magics[i].offset, magics[i].bytes, magics[i].length)) return magics[i].text;
  if (at(p, bytes, 0, "PK\x03\x04", 4)) return archive(p, bytes);
  if (bytes > 16 && p[8] == '{' && p[9] == '"' && p[4] == 0 && p[5] == 0 && p[6] == 0 && p[7] == 0)
    return "safetensors weights, which have no graph: export the whole model to ONNX";
  if (only_zeros(p, bytes)) return "nothing but zero bytes: copying or downloading it went wrong";
  const char *const text = text_kind(p, bytes);
  return text ? text : protobuf_kind(p, bytes);
}
