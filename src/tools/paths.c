/* SPDX-License-Identifier: Apache-2.0
 * Paths that are no model: a folder, a name that does not exist, and which file was meant. */
#define _POSIX_C_SOURCE 200809L
#include "tool.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Letters that two names do not share at the same place from either end: enough to find a slip in a file name. */
static size_t unlike(const char *a, const char *b) {
  const size_t na = strlen(a), nb = strlen(b), least = na < nb ? na : nb, most = na < nb ? nb : na;
  size_t head = 0, tail = 0;
  while (head < least && a[head] == b[head]) ++head;
  while (tail < least - head && a[na - 1 - tail] == b[nb - 1 - tail]) ++tail;
  return most - head - tail;
}

static bool is_model_name(const char *name) {
  static const char *const suffixes[] = { ".onnx", ".tflite", ".edge" };
  const size_t n = strlen(name);
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; ++i)
    if (n > strlen(suffixes[i]) && strcmp(name + n - strlen(suffixes[i]), suffixes[i]) == 0) return true;
  return false;
}

/* A folder: the first model in it, or what else it is. */
static void explain_folder(const char *path, char *out, size_t cap) {
  DIR *const dir = opendir(path);
  const struct dirent *entry;
  char found[256] = "";
  bool saved_model = false;
  for (int i = 0; dir && i < 10000 && (entry = readdir(dir)) != NULL; ++i) {
    saved_model |= strcmp(entry->d_name, "saved_model.pb") == 0;
    if (is_model_name(entry->d_name) && (!*found || strcmp(entry->d_name, found) < 0))
      snprintf(found, sizeof found, "%.255s", entry->d_name);
  }
  if (dir) closedir(dir);
  const size_t n = strlen(path);
  if (*found)
    snprintf(out, cap, "it is a folder; did you mean %s%s%s?", path, n && path[n - 1] == '/' ? "" : "/", found);
  else if (saved_model)
    snprintf(out, cap, "it is the folder of a TensorFlow SavedModel: convert it to TFLite, or to ONNX with tf2onnx");
  else
    snprintf(out, cap, "it is a folder, not a model file");
}

/* No such file: one of nearly that name beside it, when there is one. */
static void explain_missing(const char *path, char *out, size_t cap) {
  const char *const slash = strrchr(path, '/'), *const name = slash ? slash + 1 : path;
  char folder[1024], best[256] = "";
  const struct dirent *entry;
  size_t least = strlen(name) / 3 + 1;
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
  DIR *const dir = opendir(folder);
  for (int i = 0; dir && i < 10000 && (entry = readdir(dir)) != NULL; ++i)
    if (entry->d_name[0] != '.' && unlike(name, entry->d_name) < least) {
      least = unlike(name, entry->d_name);
      snprintf(best, sizeof best, "%.255s", entry->d_name);
    }
  if (!dir) {
    snprintf(out, cap, "no such file; the folder %.800s does not exist either", folder);
    return;
  }
  closedir(dir);
  if (*best)
    snprintf(out, cap, "no such file; did you mean %.*s%s?", slash ? (int)(slash - path) + 1 : 0, path, best);
  else
    snprintf(out, cap, "no such file");
}

/* A path that cannot be opened, in words that help; the library's own where there are none. */
static const char *explain_path(const char *path, edge_status status, const char *text, char *out, size_t cap) {
  struct stat st;
  if (status != EDGE_STATUS_IO && status != EDGE_STATUS_NOT_FOUND) return text;
  if (stat(path, &st) != 0 && errno == ENOENT) {
    explain_missing(path, out, cap);
    return out;
  }
  if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) return text;
  explain_folder(path, out, cap);
  return out;
}

int tool_fail_open(tool_error *e, const tool_options *o, const char *path, edge_status status, const char *text) {
  char words[900];
  if (tool_exit_code(status) == EXIT_UNSUPPORTED) tool_unsupported_search(path);
  return tool_fail_status(e, o, path, status, explain_path(path, status, text, words, sizeof words), EXIT_BAD_FILE);
}
