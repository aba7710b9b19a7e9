/* SPDX-License-Identifier: Apache-2.0
 * Plug-in ABI: how a backend sees the host, and the host a backend.
 *
 * A backend fills one edge_backend_api and is either a row of backends.def or a shared library that
 * exports edge_backend_entry(). Tables grow at the end only; a NULL entry means "not offered".
 *
 * Life of a program:
 *   probe -> open -> query (each node) -> compile (a partition) -> plan (concrete shapes)
 *         -> bind (addresses) -> steps (host threads run them)  or  submit/wait (own execution)
 */
#ifndef EDGE_BACKEND_H
#define EDGE_BACKEND_H

#include <edge/log.h>
#include <edge/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EDGE_BACKEND_ABI_MAJOR 1
#define EDGE_BACKEND_ABI_MINOR 0
#define EDGE_NO_VALUE UINT32_MAX

typedef struct edge_host edge_host;           /* the environment, as a backend sees it */
typedef struct edge_node edge_node;           /* host's; immutable */
typedef struct edge_partition edge_partition; /* host's; valid until release of its program */
typedef struct edge_device edge_device;       /* backend's */
typedef struct edge_program edge_program;     /* backend's: a compiled partition */
typedef struct edge_context edge_context;     /* backend's: a program planned for shapes */

/* ---------------------------------------------------------------- what the host offers */

/** Prepared (packed) data shared by all sessions of a model. `fill` is called once, outside locks.
 *  The key is (source, layout, params); layout names the packing and tier, for example "gemm_f32_6x16". */
typedef struct edge_prepared_key {
  const void *source; /* address of the constant it is made from */
  const char *layout; /* static text */
  uint64_t params[4]; /* anything else that changes the bytes: numbers, or addresses of other constants of the model */
} edge_prepared_key;
typedef edge_status (*edge_prepare_fn)(void *user, void *data, uint64_t bytes);

/** One step of a run list: `fn` is called once for each tile in [0, num_tiles), on any worker thread,
 *  after all tiles of all earlier steps are done (unless EDGE_STEP_NO_WAIT). */
typedef edge_status (*edge_tile_fn)(const void *arg, uint32_t tile, uint32_t worker);
enum { EDGE_STEP_NO_WAIT = 1u << 0 /* does not depend on the step before it */ };
typedef struct edge_step {
  edge_tile_fn fn;
  const void *arg;
  uint32_t num_tiles;
  uint32_t node; /* index in the partition, for profiles */
  uint32_t flags;
  uint32_t cost_ns; /* estimate of the whole step; small steps stay on the caller */
} edge_step;

typedef struct edge_host_api {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  /* memory and messages of the environment */
  void *(*alloc)(edge_host *host, uint64_t bytes, uint64_t align); /* NULL: no memory or quota */
  void (*free)(edge_host *host, void *ptr, uint64_t bytes, uint64_t align);
  void (*log)(edge_host *host, int32_t level, const char *text);
  /** Record why the call that is being answered fails; text is copied. node may be NULL. */
  void (*fail_text)(edge_host *host, const edge_partition *partition, const edge_node *node, const char *text);
  uint64_t (*cpu_features)(edge_host *host);                /* EDGE_CPU_*, capped */
  uint32_t (*cache_bytes)(edge_host *host, uint32_t level); /* 1, 2, 3; 0 unknown */
  const char *(*option)(edge_host *host, const char *key);  /* backend option or NULL */
  /* nodes */
  const char *(*node_op)(const edge_node *node); /* "Conv"; see docs/operators.md */
  const char *(*node_name)(const edge_node *node);
  uint32_t (*node_num_inputs)(const edge_node *node);
  uint32_t (*node_num_outputs)(const edge_node *node);
  uint32_t (*node_input)(const edge_node *node, uint32_t i); /* value, or EDGE_NO_VALUE */
  uint32_t (*node_output)(const edge_node *node, uint32_t i);
  int64_t (*attr_int)(const edge_node *node, const char *key); /* default when absent */
  double (*attr_float)(const edge_node *node, const char *key);
  const char *(*attr_string)(const edge_node *node, const char *key);
  uint32_t (*attr_ints)(const edge_node *node, const char *key, int64_t *out, uint32_t cap); /* count */
  /* partitions: nodes in execution order; inputs and outputs are values that cross its border */
  uint32_t (*num_nodes)(const edge_partition *p);
  const edge_node *(*get_node)(const edge_partition *p, uint32_t i);
  uint32_t (*num_inputs)(const edge_partition *p);
  uint32_t (*get_input)(const edge_partition *p, uint32_t i);
  uint32_t (*num_outputs)(const edge_partition *p);
  uint32_t (*get_output)(const edge_partition *p, uint32_t i);
  /** View of a value: dims as far as known (compile: possibly -1; plan: all known); data is set for
   *  constants. name, quant and data live as long as the partition. */
  edge_status (*value)(const edge_partition *p, uint32_t value, edge_tensor *out);
  /** Number of consumers of a value inside the partition; 1 << 30 is added when it leaves it. */
  uint32_t (*value_uses)(const edge_partition *p, uint32_t value);
  /** Reference evaluation of any operator; scratch at least ref_scratch_bytes(). */
  uint64_t (*ref_scratch_bytes)(const edge_partition *p, const edge_node *node);
  edge_status (*ref_eval)(const edge_node *node, const edge_tensor *in, uint32_t n_in, edge_tensor *out, uint32_t n_out,
                          void *scratch, uint64_t scratch_bytes);
  /** Shape inference of any operator: fills dtype, rank and dims of out. */
  edge_status (*infer)(const edge_node *node, const edge_tensor *in, uint32_t n_in, edge_tensor *out, uint32_t n_out);
  /* prepared data: get returns the shared bytes, calling fill if it is the first; put drops the reference */
  edge_status (*prepared_get)(edge_host *host, const edge_partition *p, const edge_prepared_key *key, uint64_t bytes,
                              edge_prepare_fn fill, void *user, const void **out);
  void (*prepared_put)(edge_host *host, const edge_partition *p, const void *data);
  /** Threads of the session that the partition belongs to. */
  uint32_t (*num_threads)(const edge_partition *p);
  uint32_t (*session_flags)(const edge_partition *p); /* EDGE_SESSION_FAST_MATH, _REPRODUCIBLE */
} edge_host_api;

/* cpu_features bits */
#define EDGE_CPU_AVX2 (1ull << 0) /* with FMA, F16C, BMI */
#define EDGE_CPU_AVXVNNI (1ull << 1)
#define EDGE_CPU_AVX512 (1ull << 2) /* F, BW, DQ, VL */
#define EDGE_CPU_AVX512VNNI (1ull << 3)
#define EDGE_CPU_AVX512BF16 (1ull << 4)
#define EDGE_CPU_AVX512VBMI (1ull << 5)
#define EDGE_CPU_NEON (1ull << 16)
#define EDGE_CPU_DOTPROD (1ull << 17)
#define EDGE_CPU_I8MM (1ull << 18)

/* ---------------------------------------------------------------- what a backend offers */

typedef struct edge_probe_result {
  uint32_t struct_size;
  uint32_t num_devices; /* 0: not available here */
  int32_t score;
  uint32_t emulated;
  char reason[224];
} edge_probe_result;

typedef struct edge_device_info {
  uint32_t struct_size;
  uint32_t emulated;
  char name[96];
  double gflops_f32, gops_s8, gbytes_per_s; /* roofline constants for cost estimates */
  double submit_us;                         /* fixed cost of one partition run */
} edge_device_info;

enum { EDGE_QUERY_NO = 0, EDGE_QUERY_YES = 1 };
typedef struct edge_query {
  uint32_t struct_size;
  uint32_t verdict;
  double cost_us;   /* estimate for the shapes known now */
  char reason[160]; /* why not, or what it will use */
} edge_query;

/** A piece of host memory that a planned program needs: a graph value or private scratch. Positions are
 *  step indices of this context, inclusive. The host gives values that cross the partition's border
 *  their lifetime itself. Values not listed are never stored. */
typedef struct edge_buffer {
  uint32_t value; /* value index, or EDGE_NO_VALUE for scratch */
  uint32_t first, last;
  uint32_t alias;        /* index of a buffer that contains this one, or EDGE_NO_VALUE; not for values that
                            enter the partition */
  uint64_t alias_offset; /* bytes into it */
  uint32_t share;        /* buffer whose memory it may take over when that one dies at `first`
                            (in-place), or EDGE_NO_VALUE */
  uint32_t align;        /* power of two; 0: 64 */
  uint64_t bytes;
} edge_buffer;

typedef struct edge_description {
  uint32_t struct_size;
  uint32_t reserved;
  double cost_us;
  char kernel[64];
  char reason[128];
  char hint[128];
} edge_description;

typedef struct edge_backend_api {
  uint32_t struct_size;
  uint16_t abi_major, abi_minor;
  const char *name; /* "cpu"; lower case */
  /** Is there a device, how good, why (not)? Must be fast and must not keep anything. */
  edge_status (*probe)(const edge_host_api *api, edge_host *host, edge_probe_result *out);
  edge_status (*device_info)(const edge_host_api *api, edge_host *host, uint32_t index, edge_device_info *out);
  edge_status (*open)(const edge_host_api *api, edge_host *host, uint32_t index, edge_device **out);
  void (*close)(edge_device *device);
  /** Can this node run here? The partition is the whole subgraph. Pure. */
  edge_status (*query)(edge_device *device, const edge_partition *graph, const edge_node *node, edge_query *out);
  /** Compile for the shapes known (unknown ones are planned later). May refuse with BACKEND_REFUSED. */
  edge_status (*compile)(edge_device *device, const edge_partition *partition, edge_program **out);
  void (*release)(edge_program *program);
  /** Plan for concrete shapes (all values' dims are known now). `prepare` 0: only sizes are wanted,
   *  weights must not be packed. */
  edge_status (*plan)(edge_program *program, const edge_partition *partition, uint32_t prepare, edge_context **out);
  void (*unplan)(edge_context *context);
  /** Memory that the context needs; the array lives as long as the context. */
  edge_status (*buffers)(edge_context *context, const edge_buffer **out, uint32_t *count);
  /** Addresses of all buffers, in the order of buffers(). Called before the first run and whenever an
   *  address changed. Cheap; must not allocate. */
  edge_status (*bind)(edge_context *context, void *const *addresses, uint32_t count);
  /** Steps for the host's threads; valid until the next bind. NULL entry: the backend uses submit. */
  edge_status (*steps)(edge_context *context, const edge_step **out, uint32_t *count);
  /** Own execution: start, then wait (timeout_ns UINT64_MAX: for ever). DEVICE_* on failure. */
  edge_status (*submit)(edge_context *context);
  edge_status (*wait)(edge_context *context, uint64_t timeout_ns);
  void (*cancel)(edge_context *context);
  edge_status (*describe)(edge_context *context, const edge_partition *partition, uint32_t node, edge_description *out);
  /** Try to make a failed device usable again. */
  edge_status (*reset)(edge_device *device);
} edge_backend_api;

#define EDGE_BACKEND_HAS(api, fn) \
  ((api)->struct_size >= offsetof(edge_backend_api, fn) + sizeof((api)->fn) && (api)->fn != NULL)

/** The one symbol of a plug-in. Returns NULL when it cannot work with the host's ABI. */
typedef const edge_backend_api *(*edge_backend_entry_fn)(const edge_host_api *api);
#define EDGE_BACKEND_ENTRY_NAME "edge_backend_entry"

#ifdef __cplusplus
}
#endif
#endif
