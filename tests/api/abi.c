/* SPDX-License-Identifier: Apache-2.0
 * Sizes and offsets of the public structs on 64-bit targets are frozen here, and the values of the constants that are
 * stored in files or passed between libraries. Structs may grow at their end: then SIZE changes and rows are added. */
#include <edge/edge.h>
#include <edge/backend.h>

#define CONSTANT(name, value) _Static_assert(name == value, #name " is frozen")
/* clang-format off */
#if UINTPTR_MAX == UINT64_MAX
#  define SIZE(type, bytes) _Static_assert(sizeof(type) == bytes, "size of " #type)
#  define FIELD(type, field, offset) _Static_assert(offsetof(type, field) == offset, #type "." #field " is frozen")
#else
#  define SIZE(type, bytes) _Static_assert(sizeof(type) <= bytes, "size of " #type)
#  define FIELD(type, field, offset) _Static_assert(offsetof(type, field) <= offset, #type "." #field " is frozen")
#endif
/* clang-format on */

SIZE(edge_quant, 32);
FIELD(edge_quant, scales, 0);
FIELD(edge_quant, zero_points, 8);
FIELD(edge_quant, count, 16);
FIELD(edge_quant, axis, 20);
FIELD(edge_quant, block, 24);
FIELD(edge_quant, reserved, 28);

SIZE(edge_error, 536);
FIELD(edge_error, struct_size, 0);
FIELD(edge_error, status, 4);
FIELD(edge_error, node, 8);
FIELD(edge_error, tensor, 12);
FIELD(edge_error, file_offset, 16);
FIELD(edge_error, text, 24);

SIZE(edge_tensor, 136);
FIELD(edge_tensor, name, 0);
FIELD(edge_tensor, data, 8);
FIELD(edge_tensor, bytes, 16);
FIELD(edge_tensor, dims, 24);
FIELD(edge_tensor, quant, 88);
FIELD(edge_tensor, dtype, 120);
FIELD(edge_tensor, encoding, 124);
FIELD(edge_tensor, rank, 128);
FIELD(edge_tensor, flags, 132);

SIZE(edge_allocator, 24);
FIELD(edge_allocator, user, 0);
FIELD(edge_allocator, alloc, 8);
FIELD(edge_allocator, free, 16);

SIZE(edge_executor, 24);
FIELD(edge_executor, user, 0);
FIELD(edge_executor, num_workers, 8);
FIELD(edge_executor, reserved, 12);
FIELD(edge_executor, run, 16);

SIZE(edge_env_options, 80);
FIELD(edge_env_options, struct_size, 0);
FIELD(edge_env_options, flags, 4);
FIELD(edge_env_options, allocator, 8);
FIELD(edge_env_options, max_bytes, 16);
FIELD(edge_env_options, log, 24);
FIELD(edge_env_options, log_user, 32);
FIELD(edge_env_options, log_level, 40);
FIELD(edge_env_options, threads, 44);
FIELD(edge_env_options, executor, 48);
FIELD(edge_env_options, isa_cap, 56);
FIELD(edge_env_options, cache_dir, 64);
FIELD(edge_env_options, max_cache_bytes, 72);

SIZE(edge_backend_info, 272);
FIELD(edge_backend_info, struct_size, 0);
FIELD(edge_backend_info, available, 4);
FIELD(edge_backend_info, score, 8);
FIELD(edge_backend_info, emulated, 12);
FIELD(edge_backend_info, name, 16);
FIELD(edge_backend_info, reason, 48);

SIZE(edge_segment, 24);
FIELD(edge_segment, data, 0);
FIELD(edge_segment, bytes, 8);
FIELD(edge_segment, offset, 16);

SIZE(edge_image, 56);
FIELD(edge_image, struct_size, 0);
FIELD(edge_image, num_segments, 4);
FIELD(edge_image, metadata, 8);
FIELD(edge_image, metadata_bytes, 16);
FIELD(edge_image, segments, 24);
FIELD(edge_image, user, 32);
FIELD(edge_image, release, 40);
FIELD(edge_image, advise_away, 48);

SIZE(edge_reader, 24);
FIELD(edge_reader, user, 0);
FIELD(edge_reader, size, 8);
FIELD(edge_reader, read_at, 16);

SIZE(edge_model_options, 24);
FIELD(edge_model_options, struct_size, 0);
FIELD(edge_model_options, flags, 4);
FIELD(edge_model_options, max_metadata_bytes, 8);
FIELD(edge_model_options, max_nodes, 16);
FIELD(edge_model_options, reserved0, 20);

SIZE(edge_model_info, 32);
FIELD(edge_model_info, struct_size, 0);
FIELD(edge_model_info, num_nodes, 4);
FIELD(edge_model_info, num_subgraphs, 8);
FIELD(edge_model_info, num_tensors, 12);
FIELD(edge_model_info, weights_bytes, 16);
FIELD(edge_model_info, metadata_bytes, 24);

SIZE(edge_image_u8, 24);
FIELD(edge_image_u8, pixels, 0);
FIELD(edge_image_u8, width, 8);
FIELD(edge_image_u8, height, 12);
FIELD(edge_image_u8, channels, 16);
FIELD(edge_image_u8, row_stride_bytes, 20);

SIZE(edge_image_options, 40);
FIELD(edge_image_options, struct_size, 0);
FIELD(edge_image_options, normalize, 4);
FIELD(edge_image_options, mean, 8);
FIELD(edge_image_options, std, 20);
FIELD(edge_image_options, nchw, 32);
FIELD(edge_image_options, bgr, 36);

SIZE(edge_logmel_options, 52);
FIELD(edge_logmel_options, struct_size, 0);
FIELD(edge_logmel_options, sample_rate, 4);
FIELD(edge_logmel_options, frame_length, 8);
FIELD(edge_logmel_options, frame_step, 12);
FIELD(edge_logmel_options, num_bands, 16);
FIELD(edge_logmel_options, reserved, 20);
FIELD(edge_logmel_options, low_hz, 24);
FIELD(edge_logmel_options, high_hz, 28);
FIELD(edge_logmel_options, preemphasis, 32);
FIELD(edge_logmel_options, scale, 36);
FIELD(edge_logmel_options, offset, 40);
FIELD(edge_logmel_options, clip_low, 44);
FIELD(edge_logmel_options, clip_high, 48);

SIZE(edge_session_options, 72);
FIELD(edge_session_options, struct_size, 0);
FIELD(edge_session_options, flags, 4);
FIELD(edge_session_options, entry, 8);
FIELD(edge_session_options, backends, 16);
FIELD(edge_session_options, num_threads, 24);
FIELD(edge_session_options, reserved0, 28);
FIELD(edge_session_options, arena, 32);
FIELD(edge_session_options, arena_bytes, 40);
FIELD(edge_session_options, max_dynamic_bytes, 48);
FIELD(edge_session_options, max_loop_trips, 56);
FIELD(edge_session_options, deadline_ns, 64);

SIZE(edge_session_memory, 40);
FIELD(edge_session_memory, struct_size, 0);
FIELD(edge_session_memory, dynamic, 4);
FIELD(edge_session_memory, arena_bytes, 8);
FIELD(edge_session_memory, arena_lower_bound_bytes, 16);
FIELD(edge_session_memory, persistent_bytes, 24);
FIELD(edge_session_memory, prepared_bytes, 32);

SIZE(edge_placement, 88);
FIELD(edge_placement, struct_size, 0);
FIELD(edge_placement, subgraph, 4);
FIELD(edge_placement, node, 8);
FIELD(edge_placement, num_rejected, 12);
FIELD(edge_placement, name, 16);
FIELD(edge_placement, op, 24);
FIELD(edge_placement, backend, 32);
FIELD(edge_placement, kernel, 40);
FIELD(edge_placement, reason, 48);
FIELD(edge_placement, hint, 56);
FIELD(edge_placement, cost_us, 64);
FIELD(edge_placement, time_ns, 72);
FIELD(edge_placement, macs, 80);

SIZE(edge_event, 264);
FIELD(edge_event, struct_size, 0);
FIELD(edge_event, cause, 4);
FIELD(edge_event, node, 8);
FIELD(edge_event, reserved, 12);
FIELD(edge_event, backend, 16);
FIELD(edge_event, text, 48);

SIZE(edge_prepared_blob, 40);
FIELD(edge_prepared_blob, struct_size, 0);
FIELD(edge_prepared_blob, key_bytes, 4);
FIELD(edge_prepared_blob, target, 8);
FIELD(edge_prepared_blob, key, 16);
FIELD(edge_prepared_blob, data, 24);
FIELD(edge_prepared_blob, bytes, 32);

SIZE(edge_prepared_key, 48);
FIELD(edge_prepared_key, source, 0);
FIELD(edge_prepared_key, layout, 8);
FIELD(edge_prepared_key, params, 16);

SIZE(edge_step, 32);
FIELD(edge_step, fn, 0);
FIELD(edge_step, arg, 8);
FIELD(edge_step, num_tiles, 16);
FIELD(edge_step, node, 20);
FIELD(edge_step, flags, 24);
FIELD(edge_step, cost_ns, 28);

SIZE(edge_host_api, 264);
FIELD(edge_host_api, struct_size, 0);
FIELD(edge_host_api, abi_major, 4);
FIELD(edge_host_api, abi_minor, 6);
FIELD(edge_host_api, alloc, 8);
FIELD(edge_host_api, free, 16);
FIELD(edge_host_api, log, 24);
FIELD(edge_host_api, fail_text, 32);
FIELD(edge_host_api, cpu_features, 40);
FIELD(edge_host_api, cache_bytes, 48);
FIELD(edge_host_api, option, 56);
FIELD(edge_host_api, node_op, 64);
FIELD(edge_host_api, node_name, 72);
FIELD(edge_host_api, node_num_inputs, 80);
FIELD(edge_host_api, node_num_outputs, 88);
FIELD(edge_host_api, node_input, 96);
FIELD(edge_host_api, node_output, 104);
FIELD(edge_host_api, attr_int, 112);
FIELD(edge_host_api, attr_float, 120);
FIELD(edge_host_api, attr_string, 128);
FIELD(edge_host_api, attr_ints, 136);
FIELD(edge_host_api, num_nodes, 144);
FIELD(edge_host_api, get_node, 152);
FIELD(edge_host_api, num_inputs, 160);
FIELD(edge_host_api, get_input, 168);
FIELD(edge_host_api, num_outputs, 176);
FIELD(edge_host_api, get_output, 184);
FIELD(edge_host_api, value, 192);
FIELD(edge_host_api, value_uses, 200);
FIELD(edge_host_api, ref_scratch_bytes, 208);
FIELD(edge_host_api, ref_eval, 216);
FIELD(edge_host_api, infer, 224);
FIELD(edge_host_api, prepared_get, 232);
FIELD(edge_host_api, prepared_put, 240);
FIELD(edge_host_api, num_threads, 248);
FIELD(edge_host_api, session_flags, 256);

SIZE(edge_probe_result, 240);
FIELD(edge_probe_result, struct_size, 0);
FIELD(edge_probe_result, num_devices, 4);
FIELD(edge_probe_result, score, 8);
FIELD(edge_probe_result, emulated, 12);
FIELD(edge_probe_result, reason, 16);

SIZE(edge_device_info, 136);
FIELD(edge_device_info, struct_size, 0);
FIELD(edge_device_info, emulated, 4);
FIELD(edge_device_info, name, 8);
FIELD(edge_device_info, gflops_f32, 104);
FIELD(edge_device_info, gops_s8, 112);
FIELD(edge_device_info, gbytes_per_s, 120);
FIELD(edge_device_info, submit_us, 128);

SIZE(edge_query, 176);
FIELD(edge_query, struct_size, 0);
FIELD(edge_query, verdict, 4);
FIELD(edge_query, cost_us, 8);
FIELD(edge_query, reason, 16);

SIZE(edge_buffer, 40);
FIELD(edge_buffer, value, 0);
FIELD(edge_buffer, first, 4);
FIELD(edge_buffer, last, 8);
FIELD(edge_buffer, alias, 12);
FIELD(edge_buffer, alias_offset, 16);
FIELD(edge_buffer, share, 24);
FIELD(edge_buffer, align, 28);
FIELD(edge_buffer, bytes, 32);

SIZE(edge_description, 336);
FIELD(edge_description, struct_size, 0);
FIELD(edge_description, reserved, 4);
FIELD(edge_description, cost_us, 8);
FIELD(edge_description, kernel, 16);
FIELD(edge_description, reason, 80);
FIELD(edge_description, hint, 208);

SIZE(edge_custom_host, 56);
FIELD(edge_custom_host, struct_size, 0);
FIELD(edge_custom_host, node_name, 8);
FIELD(edge_custom_host, attr_ints, 16);
FIELD(edge_custom_host, attr_floats, 24);
FIELD(edge_custom_host, attr_string, 32);
FIELD(edge_custom_host, options, 40);
FIELD(edge_custom_host, fail, 48);

SIZE(edge_custom_call, 72);
FIELD(edge_custom_call, struct_size, 0);
FIELD(edge_custom_call, num_inputs, 4);
FIELD(edge_custom_call, num_outputs, 8);
FIELD(edge_custom_call, needs_value, 12);
FIELD(edge_custom_call, inputs, 16);
FIELD(edge_custom_call, outputs, 24);
FIELD(edge_custom_call, scratch, 32);
FIELD(edge_custom_call, scratch_bytes, 40);
FIELD(edge_custom_call, user, 48);
FIELD(edge_custom_call, host, 56);
FIELD(edge_custom_call, reserved, 64);

SIZE(edge_custom_op, 80);
FIELD(edge_custom_op, struct_size, 0);
FIELD(edge_custom_op, flags, 4);
FIELD(edge_custom_op, domain, 8);
FIELD(edge_custom_op, name, 16);
FIELD(edge_custom_op, min_inputs, 24);
FIELD(edge_custom_op, max_inputs, 28);
FIELD(edge_custom_op, min_outputs, 32);
FIELD(edge_custom_op, max_outputs, 36);
FIELD(edge_custom_op, optional_inputs, 40);
FIELD(edge_custom_op, user, 48);
FIELD(edge_custom_op, infer, 56);
FIELD(edge_custom_op, scratch_bytes, 64);
FIELD(edge_custom_op, run, 72);

SIZE(edge_backend_api, 152);
FIELD(edge_backend_api, struct_size, 0);
FIELD(edge_backend_api, abi_major, 4);
FIELD(edge_backend_api, abi_minor, 6);
FIELD(edge_backend_api, name, 8);
FIELD(edge_backend_api, probe, 16);
FIELD(edge_backend_api, device_info, 24);
FIELD(edge_backend_api, open, 32);
FIELD(edge_backend_api, close, 40);
FIELD(edge_backend_api, query, 48);
FIELD(edge_backend_api, compile, 56);
FIELD(edge_backend_api, release, 64);
FIELD(edge_backend_api, plan, 72);
FIELD(edge_backend_api, unplan, 80);
FIELD(edge_backend_api, buffers, 88);
FIELD(edge_backend_api, bind, 96);
FIELD(edge_backend_api, steps, 104);
FIELD(edge_backend_api, submit, 112);
FIELD(edge_backend_api, wait, 120);
FIELD(edge_backend_api, cancel, 128);
FIELD(edge_backend_api, describe, 136);
FIELD(edge_backend_api, reset, 144);

CONSTANT(EDGE_DTYPE_NONE, 0);
CONSTANT(EDGE_DTYPE_F32, 1);
CONSTANT(EDGE_DTYPE_F16, 2);
CONSTANT(EDGE_DTYPE_BF16, 3);
CONSTANT(EDGE_DTYPE_F64, 4);
CONSTANT(EDGE_DTYPE_S8, 5);
CONSTANT(EDGE_DTYPE_U8, 6);
CONSTANT(EDGE_DTYPE_S16, 7);
CONSTANT(EDGE_DTYPE_U16, 8);
CONSTANT(EDGE_DTYPE_S32, 9);
CONSTANT(EDGE_DTYPE_U32, 10);
CONSTANT(EDGE_DTYPE_S64, 11);
CONSTANT(EDGE_DTYPE_U64, 12);
CONSTANT(EDGE_DTYPE_BOOL, 13);
CONSTANT(EDGE_DTYPE_S4, 14);
CONSTANT(EDGE_DTYPE_U4, 15);
CONSTANT(EDGE_DTYPE_S2, 16);
CONSTANT(EDGE_DTYPE_U2, 17);
CONSTANT(EDGE_ENCODING_NATIVE, 0);
CONSTANT(EDGE_MAX_RANK, 8);
CONSTANT(EDGE_STATUS_OK, 0);
CONSTANT(EDGE_STATUS_INVALID_ARGUMENT, 1);
CONSTANT(EDGE_STATUS_BUSY, 2);
CONSTANT(EDGE_STATUS_INVALID_STATE, 3);
CONSTANT(EDGE_STATUS_NOT_FOUND, 4);
CONSTANT(EDGE_STATUS_SHAPE_MISMATCH, 5);
CONSTANT(EDGE_STATUS_TYPE_MISMATCH, 6);
CONSTANT(EDGE_STATUS_OUT_OF_MEMORY, 20);
CONSTANT(EDGE_STATUS_LIMIT_EXCEEDED, 21);
CONSTANT(EDGE_STATUS_IO, 22);
CONSTANT(EDGE_STATUS_DEADLINE_EXCEEDED, 23);
CONSTANT(EDGE_STATUS_CANCELLED, 24);
CONSTANT(EDGE_STATUS_MALFORMED, 40);
CONSTANT(EDGE_STATUS_UNSUPPORTED_OP, 41);
CONSTANT(EDGE_STATUS_UNSUPPORTED_TYPE, 42);
CONSTANT(EDGE_STATUS_UNSUPPORTED_FEATURE, 43);
CONSTANT(EDGE_STATUS_UNSUPPORTED_VERSION, 44);
CONSTANT(EDGE_STATUS_INVALID_VALUE, 45);
CONSTANT(EDGE_STATUS_WRONG_MODEL, 46);
CONSTANT(EDGE_STATUS_BACKEND_UNAVAILABLE, 60);
CONSTANT(EDGE_STATUS_BACKEND_REFUSED, 61);
CONSTANT(EDGE_STATUS_DEVICE_FAILED, 62);
CONSTANT(EDGE_STATUS_DEVICE_TIMEOUT, 63);
CONSTANT(EDGE_STATUS_DEVICE_LOST, 64);
CONSTANT(EDGE_STATUS_STATE_LOST, 65);
CONSTANT(EDGE_STATUS_INTERNAL, 90);
CONSTANT(EDGE_TENSOR_CONST, 1u << 0);
CONSTANT(EDGE_TENSOR_STATE, 1u << 1);
CONSTANT(EDGE_TENSOR_DYNAMIC, 1u << 2);
CONSTANT(EDGE_THREADS_BUILTIN, 0);
CONSTANT(EDGE_THREADS_PTHREADPOOL, 1);
CONSTANT(EDGE_THREADS_HOST, 2);
CONSTANT(EDGE_LOG_ERROR, 1);
CONSTANT(EDGE_LOG_WARNING, 2);
CONSTANT(EDGE_LOG_INFO, 3);
CONSTANT(EDGE_LOG_DEBUG, 4);
CONSTANT(EDGE_MODEL_COPY, 1u << 0);
CONSTANT(EDGE_SESSION_STRICT, 1u << 0);
CONSTANT(EDGE_SESSION_PREFER, 1u << 1);
CONSTANT(EDGE_SESSION_PROFILE, 1u << 2);
CONSTANT(EDGE_SESSION_FAST_MATH, 1u << 3);
CONSTANT(EDGE_SESSION_REPRODUCIBLE, 1u << 4);
CONSTANT(EDGE_STEP_NO_WAIT, 1u << 0);
CONSTANT(EDGE_QUERY_NO, 0);
CONSTANT(EDGE_QUERY_YES, 1);
CONSTANT(EDGE_BACKEND_ABI_MAJOR, 1);
CONSTANT(EDGE_NO_VALUE, UINT32_MAX);
CONSTANT(EDGE_CPU_AVX2, (1ull << 0));
CONSTANT(EDGE_CPU_AVXVNNI, (1ull << 1));
CONSTANT(EDGE_CPU_AVX512, (1ull << 2));
CONSTANT(EDGE_CPU_AVX512VNNI, (1ull << 3));
CONSTANT(EDGE_CPU_AVX512BF16, (1ull << 4));
CONSTANT(EDGE_CPU_AVX512VBMI, (1ull << 5));
CONSTANT(EDGE_CPU_NEON, (1ull << 16));
CONSTANT(EDGE_CPU_DOTPROD, (1ull << 17));
CONSTANT(EDGE_CPU_I8MM, (1ull << 18));

int main(void) {
  return 0;
}
