import {
  array,
  bool,
  bytes,
  entries,
  int,
  int64,
  map,
  optional,
  slice,
  string,
  struct,
  uint,
  uint64,
} from './gob.ts'

export const inner = struct('Inner', { A: uint(32), B: string })

/** For tests: a struct with everything that gob has, more than any payload of peers. */
export const outer = struct('Outer', {
  Flag: bool,
  Count: int(32),
  Big: uint64,
  Signed: int64,
  Raw: bytes,
  Nested: inner,
  Pointer: optional(inner),
  List: slice(inner),
  Fixed: array(uint(16), 2),
  ByName: map(uint(48), string),
  Claims: entries(inner, slice(uint64)),
})
