/* SPDX-License-Identifier: Apache-2.0
 * Pictures and sound to tensors: resize, normalise, quantize, log-mel. Pure functions. */
#include "../ops/op.h"
#include <edge/preprocess.h>
#include <math.h>

/* ---- numbers into tensors */

static bool quantized(const edge_tensor *t) {
  return t->quant.count == 1 && t->quant.scales;
}

static edge_status put_value(const edge_tensor *t, uint64_t i, float v) {
  switch (t->dtype) {
  case EDGE_DTYPE_F32: ((float *)t->data)[i] = v; return EDGE_STATUS_OK;
  case EDGE_DTYPE_F16:
  case EDGE_DTYPE_BF16:
  case EDGE_DTYPE_F64: ei_store_f64(t, i, (double)v); return EDGE_STATUS_OK;
  case EDGE_DTYPE_S8:
  case EDGE_DTYPE_U8:
  case EDGE_DTYPE_S16:
    if (quantized(t))
      ei_store_real(t, i, v);
    else
      ei_store_f64(t, i, (double)v);
    return EDGE_STATUS_OK;
  default: return EDGE_STATUS_TYPE_MISMATCH;
  }
}

edge_status edge_quantize(const float *values, uint64_t count, const edge_tensor *tensor) {
  uint64_t elements = 0;
  if (!tensor || !tensor->data || (!values && count)) return EDGE_STATUS_INVALID_ARGUMENT;
  if (edge_tensor_elements(tensor, &elements) != EDGE_STATUS_OK || count > elements)
    return EDGE_STATUS_INVALID_ARGUMENT;
  for (uint64_t i = 0; i < count; ++i) EI_TRY(put_value(tensor, i, values[i]));
  return EDGE_STATUS_OK;
}

edge_status edge_dequantize(const edge_tensor *tensor, float *values, uint64_t count) {
  uint64_t elements = 0;
  if (!tensor || !tensor->data || (!values && count)) return EDGE_STATUS_INVALID_ARGUMENT;
  if (edge_tensor_elements(tensor, &elements) != EDGE_STATUS_OK || count > elements)
    return EDGE_STATUS_INVALID_ARGUMENT;
  if (tensor->dtype <= EDGE_DTYPE_NONE || tensor->dtype >= EDGE_DTYPE_COUNT) return EDGE_STATUS_TYPE_MISMATCH;
  for (uint64_t i = 0; i < count; ++i) values[i] = ei_load_real(tensor, i);
  return EDGE_STATUS_OK;
}

/* ---- pictures */

/* Where output pixel i reads: half-pixel centres, clamped at the border. */
static void tap(uint32_t i, uint32_t from, uint32_t to, uint32_t *a, uint32_t *b, float *weight) {
  float x = ((float)i + 0.5f) * (float)from / (float)to - 0.5f;
  if (x < 0.0f) x = 0.0f;
  *a = (uint32_t)x;
  if (*a > from - 1) *a = from - 1;
  *b = *a + 1 < from ? *a + 1 : *a;
  *weight = x - (float)*a;
}

/* Channel c of `wanted` from a pixel: colour and grey are converted into each other, alpha is dropped. */
static float channel(const uint8_t *p, uint32_t channels, uint32_t wanted, uint32_t c) {
  if (channels == 1) return (float)p[0];
  if (wanted == 1) return 0.299f * (float)p[0] + 0.587f * (float)p[1] + 0.114f * (float)p[2];
  return c < 3 ? (float)p[c] : 255.0f;
}

static float sample(const edge_image_u8 *image, uint32_t stride, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
                    uint32_t wanted, uint32_t c) {
  uint32_t x0, x1, y0, y1;
  float fx, fy;
  tap(x, image->width, w, &x0, &x1, &fx);
  tap(y, image->height, h, &y0, &y1, &fy);
  const uint32_t n = image->channels;
  const uint8_t *const top = image->pixels + (size_t)y0 * stride, *const bottom = image->pixels + (size_t)y1 * stride;
  const float a = channel(top + (size_t)x0 * n, n, wanted, c), b = channel(top + (size_t)x1 * n, n, wanted, c);
  const float d = channel(bottom + (size_t)x0 * n, n, wanted, c), e = channel(bottom + (size_t)x1 * n, n, wanted, c);
  const float upper = a + (b - a) * fx, lower = d + (e - d) * fx;
  return upper + (lower - upper) * fy;
}

static bool is_channels(int64_t d) {
  return d == 1 || d == 3 || d == 4;
}

/* Without normalisation a byte keeps its value: u8 p, s8 p - 128; floats are p / 255. */
static edge_status put_pixel(const edge_tensor *t, uint64_t i, float p, const edge_image_options *o, uint32_t c) {
  if (o->normalize) return put_value(t, i, (p - o->mean[c < 3 ? c : 2]) / o->std[c < 3 ? c : 2]);
  switch (t->dtype) {
  case EDGE_DTYPE_U8: ei_store_f64(t, i, (double)p); return EDGE_STATUS_OK;
  case EDGE_DTYPE_S8: ei_store_f64(t, i, (double)rintf(p) - 128.0); return EDGE_STATUS_OK;
  default: return put_value(t, i, p / 255.0f);
  }
}

edge_status edge_image_to_tensor(const edge_image_u8 *image, const edge_image_options *options, const edge_tensor *t) {
  edge_image_options o = EDGE_IMAGE_OPTIONS_INIT;
  uint64_t bytes = 0;
  if (options) {
    if (options->struct_size < sizeof(uint32_t)) return EDGE_STATUS_INVALID_ARGUMENT;
    memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
  }
  if (!image || !t || !image->pixels || !t->data || !image->width || !image->height)
    return EDGE_STATUS_INVALID_ARGUMENT;
  if (image->channels != 1 && image->channels != 3 && image->channels != 4) return EDGE_STATUS_INVALID_ARGUMENT;
  if (t->rank != 3 && t->rank != 4) return EDGE_STATUS_SHAPE_MISMATCH;
  if (t->rank == 4 && t->dims[0] != 1) return EDGE_STATUS_SHAPE_MISMATCH;
  EI_TRY(edge_tensor_bytes(t, &bytes));
  if (t->bytes < bytes) return EDGE_STATUS_INVALID_ARGUMENT;
  const int64_t *const d = t->dims + (t->rank - 3);
  const bool nchw = o.nchw == 2 ? !is_channels(d[2]) && is_channels(d[0]) : o.nchw == 1;
  const int64_t channels = nchw ? d[0] : d[2], height = nchw ? d[1] : d[0], width = nchw ? d[2] : d[1];
  if (!is_channels(channels) || height < 1 || width < 1 || height > 65535 || width > 65535)
    return EDGE_STATUS_SHAPE_MISMATCH;
  const uint32_t w = (uint32_t)width, h = (uint32_t)height, n = (uint32_t)channels;
  const uint32_t stride = image->row_stride_bytes ? image->row_stride_bytes : image->width * image->channels;
  for (uint32_t y = 0; y < h; ++y)
    for (uint32_t x = 0; x < w; ++x)
      for (uint32_t c = 0; c < n; ++c) {
        const uint32_t from = o.bgr && n >= 3 && c < 3 ? 2 - c : c;
        const float p = sample(image, stride, x, y, w, h, n, from);
        const uint64_t at = nchw ? ((uint64_t)c * h + y) * w + x : ((uint64_t)y * w + x) * n + c;
        EI_TRY(put_pixel(t, at, p, &o, c));
      }
  return EDGE_STATUS_OK;
}

/* ---- log-mel */

static bool good_options(const edge_logmel_options *o) {
  return o && o->struct_size >= sizeof *o && o->frame_length >= 2 && (o->frame_length & (o->frame_length - 1)) == 0 &&
         o->frame_length <= 1u << 20 && o->frame_step > 0 && o->num_bands > 0 && o->num_bands <= 4096 &&
         o->sample_rate > 0 && o->low_hz >= 0.0f && o->high_hz > o->low_hz;
}

uint64_t edge_logmel_frames(const edge_logmel_options *o, uint64_t samples) {
  if (!good_options(o) || samples < o->frame_length) return 0;
  return (samples - o->frame_length) / o->frame_step + 1;
}

uint64_t edge_logmel_scratch_floats(const edge_logmel_options *o) {
  return good_options(o) ? 2 * (uint64_t)o->frame_length + o->frame_length / 2 + 1 : 0;
}

/* In-place radix-2 transform (Cooley and Tukey 1965) of n complex numbers. */
static void fft(float *re, float *im, uint32_t n) {
  for (uint32_t i = 1, j = 0; i < n; ++i) {
    uint32_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      const float r = re[i], m = im[i];
      re[i] = re[j];
      im[i] = im[j];
      re[j] = r;
      im[j] = m;
    }
  }
  for (uint32_t half = 1; half < n; half *= 2)
    for (uint32_t k = 0; k < half; ++k) {
      const double angle = -3.14159265358979323846 * (double)k / (double)half;
      const float wr = (float)cos(angle), wi = (float)sin(angle);
      for (uint32_t i = k; i < n; i += 2 * half) {
        const float r = re[i + half] * wr - im[i + half] * wi, m = re[i + half] * wi + im[i + half] * wr;
        re[i + half] = re[i] - r;
        im[i + half] = im[i] - m;
        re[i] += r;
        im[i] += m;
      }
    }
}

static double mel(double hz) {
  return 1127.0 * log(1.0 + hz / 700.0);
}

/* Energy of one triangular band; its weights are linear in mel, and bin 0 (DC) is left out. */
static float band_energy(const edge_logmel_options *o, const float *power, uint32_t band) {
  const double low = mel((double)o->low_hz), step = (mel((double)o->high_hz) - low) / (double)(o->num_bands + 1);
  const double left = low + step * band, centre = left + step, right = centre + step;
  const double hz_per_bin = (double)o->sample_rate / (double)o->frame_length;
  double sum = 0.0;
  for (uint32_t k = 1; k <= o->frame_length / 2; ++k) {
    const double m = mel(hz_per_bin * k);
    if (m <= left || m >= right) continue;
    sum += (double)power[k] * (m < centre ? (m - left) / step : (right - m) / step);
  }
  return (float)sum;
}

edge_status edge_logmel(const edge_logmel_options *o, const float *signal, uint64_t samples, float *rows,
                        uint64_t max_frames, float *scratch) {
  if (!good_options(o) || !signal || !rows || !scratch) return EDGE_STATUS_INVALID_ARGUMENT;
  const uint32_t n = o->frame_length;
  float *const re = scratch, *const im = scratch + n, *const power = scratch + 2 * (size_t)n;
  uint64_t frames = edge_logmel_frames(o, samples);
  if (frames > max_frames) frames = max_frames;
  for (uint64_t f = 0; f < frames; ++f) {
    const uint64_t start = f * o->frame_step;
    for (uint32_t i = 0; i < n; ++i) {
      const uint64_t at = start + i;
      const float before = at > 0 ? signal[at - 1] : 0.0f;
      const double window = 0.54 - 0.46 * cos(6.28318530717958647692 * (double)i / (double)(n - 1));
      re[i] = (signal[at] - o->preemphasis * before) * (float)window;
      im[i] = 0.0f;
    }
    fft(re, im, n);
    for (uint32_t k = 0; k <= n / 2; ++k) power[k] = (re[k] * re[k] + im[k] * im[k]) / (float)n;
    for (uint32_t b = 0; b < o->num_bands; ++b) {
      float v = 10.0f * log10f(band_energy(o, power, b) + 1e-30f) * o->scale + o->offset;
      if (o->clip_low < o->clip_high) v = v < o->clip_low ? o->clip_low : v > o->clip_high ? o->clip_high : v;
      rows[f * o->num_bands + b] = v;
    }
  }
  return EDGE_STATUS_OK;
}
