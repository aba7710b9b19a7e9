/* SPDX-License-Identifier: Apache-2.0
 * Plain helpers that turn pictures and sound into input tensors. No allocation, no state. */
#ifndef EDGE_PREPROCESS_H
#define EDGE_PREPROCESS_H

#include <edge/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An 8-bit picture, rows from the top, channels interleaved (1 grey, 3 RGB, 4 RGBA). */
typedef struct edge_image_u8 {
  const uint8_t *pixels;
  uint32_t width, height, channels;
  uint32_t row_stride_bytes; /* 0: width * channels */
} edge_image_u8;

/** How pixels become tensor values: r = (p - mean) / std on p in 0..255, then quantized. */
typedef struct edge_image_options {
  uint32_t struct_size;
  uint32_t normalize; /* 0: float p/255, uint8 p, int8 p-128; 1: mean and std below */
  float mean[3];
  float std[3];
  uint32_t nchw; /* 0 NHWC, 1 NCHW, 2: decide by the side with 1, 3 or 4 channels */
  uint32_t bgr;
} edge_image_options;
#define EDGE_IMAGE_OPTIONS_INIT \
  { (uint32_t)sizeof(edge_image_options), 0u, { 0, 0, 0 }, { 1, 1, 1 }, 2u, 0u }

/** Stretch a picture to the tensor's size (bilinear, half-pixel centres), convert grey <-> colour
 *  (0.299 R + 0.587 G + 0.114 B), drop alpha, normalise and write the tensor's data.
 *  @param tensor rank 3 or 4 (batch 1), f32, f16, u8 or s8, data set and large enough
 *  @return OK, INVALID_ARGUMENT, SHAPE_MISMATCH, TYPE_MISMATCH. [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_image_to_tensor(const edge_image_u8 *image, const edge_image_options *options,
                                                         const edge_tensor *tensor);

/** Log-mel front end: frames of a mono signal become rows of band energies in dB. */
typedef struct edge_logmel_options {
  uint32_t struct_size;
  uint32_t sample_rate;  /* Hz */
  uint32_t frame_length; /* samples; a power of two */
  uint32_t frame_step;   /* samples */
  uint32_t num_bands;
  uint32_t reserved;
  float low_hz, high_hz;
  float preemphasis;         /* x[n] - c x[n-1]; 0: none */
  float scale, offset;       /* value = 10 log10(power) * scale + offset */
  float clip_low, clip_high; /* applied when low < high */
} edge_logmel_options;
#define EDGE_LOGMEL_OPTIONS_INIT \
  { (uint32_t)sizeof(edge_logmel_options), 16000u, 512u, 256u, 40u, 0u, 0.0f, 8000.0f, 0.0f, 1.0f, 0.0f, 0.0f, 0.0f }

/** Frames that `samples` samples give. [any-thread] @since 0.1 */
EDGE_API uint64_t edge_logmel_frames(const edge_logmel_options *options, uint64_t samples);

/** Floats of scratch that edge_logmel() needs. [any-thread] @since 0.1 */
EDGE_API uint64_t edge_logmel_scratch_floats(const edge_logmel_options *options);

/** Compute rows [frames][num_bands]: symmetric Hamming window, power spectrum / frame_length,
 *  triangular bands on the mel scale 1127 ln(1 + f/700) with weights linear in mel, DC left out.
 *  @return OK, INVALID_ARGUMENT. [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_logmel(const edge_logmel_options *options, const float *signal,
                                                uint64_t samples, float *rows, uint64_t max_frames, float *scratch);

/** Quantize floats into a tensor of type s8, u8, s16 or f32 by its scale and zero point (round to
 *  nearest, ties to even, saturating). @return OK, INVALID_ARGUMENT, TYPE_MISMATCH. [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_quantize(const float *values, uint64_t count, const edge_tensor *tensor);

/** Dequantize or convert any numeric tensor to floats. @return OK, INVALID_ARGUMENT, TYPE_MISMATCH.
 *  [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_dequantize(const edge_tensor *tensor, float *values, uint64_t count);

#ifdef __cplusplus
}
#endif
#endif
