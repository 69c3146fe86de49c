// SPDX-License-Identifier: Apache-2.0
// Sources that include this are compiled for speed even where -Os asks for small code, as the cores
// of Arduino boards do for everything: a quarter fewer instructions for some 3 KB of flash.
#ifndef TMC_SPEED_H_
#define TMC_SPEED_H_

#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE_SIZE__)
#pragma GCC optimize("O2")
#endif

// What takes no registers and no stack from its caller; and what runs rarely, and is to be small.
#ifdef __GNUC__
#define TMC_NOINLINE __attribute__((noinline))
#define TMC_COLD __attribute__((noinline, cold))
#else
#define TMC_NOINLINE
#define TMC_COLD
#endif

#endif  // TMC_SPEED_H_
