/* SPDX-License-Identifier: Apache-2.0
 * Short forms for the attribute tables of table.c and table_domains.c, which include nothing else after it. */
#ifndef EI_ONNX_ATTR_ROWS_H
#define EI_ONNX_ATTR_ROWS_H

#define END \
  { NULL, NULL, 0, 0, NULL }
#define INT(from, to, def) \
  { from, to, EI_ATTR_INT, def, NULL }
#define FLOAT(from, to, def) \
  { from, to, EI_ATTR_FLOAT, def, NULL }
#define INTS(from, to) \
  { from, to, EI_ATTR_INTS, 0, NULL }
#define WORD(from, to, def, words) \
  { from, to, EI_ATTR_STRING, def, words }

#endif
