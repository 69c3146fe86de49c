// SPDX-License-Identifier: Apache-2.0
// The model: its program and parameters, from the files of these names, and its arena.
  .syntax unified

  .section .program, "a"
  .balign 4
  .global model_program
model_program:
  .incbin "program.bin"

  .section .parameters, "a"
  .balign 4
  .global model_parameters
model_parameters:
  .incbin "parameters.bin"

  .section .bss.arena, "aw", %nobits
  .balign 16
  .global model_arena, model_arena_end
model_arena:
  .space ARENA_BYTES
model_arena_end:
