/* SPDX-License-Identifier: Apache-2.0
 * Reading and writing JSON: small trees in, one line out. */
#ifndef TOOL_JSON_H
#define TOOL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } json_kind;

typedef struct json_value {
  json_kind kind;
  bool boolean;
  double number;
  char *string;              /* of strings; unescaped, terminated */
  const char *begin, *end;   /* the text of the value */
  struct json_value **items; /* of arrays and objects */
  char **keys;               /* of objects */
  uint32_t count;
} json_value;

/** Parse one value and nothing after it; NULL when the text is no JSON or nested deeper than 64. */
json_value *json_parse(const char *text, size_t length);
void json_free(json_value *v);
const json_value *json_get(const json_value *object, const char *key); /* NULL: absent or no object */

/** Write a string with quotes; bytes that are no UTF-8 become U+FFFD. NULL is written as null. */
void json_write_string(FILE *out, const char *text);
/** NaN and infinity are null. */
void json_write_number(FILE *out, double v);

#endif
