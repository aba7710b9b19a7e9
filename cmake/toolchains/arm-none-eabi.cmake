# SPDX-License-Identifier: Apache-2.0
# A Cortex-M4 without an operating system. EDGE_CPU chooses another core.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(EDGE_CPU cortex-m4 CACHE STRING "-mcpu of the target")
set(CMAKE_C_FLAGS_INIT "-mcpu=${EDGE_CPU} -mthumb -Wno-format")   # uint32_t is a long there
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
