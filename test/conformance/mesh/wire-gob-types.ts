import {
  array,
  bool,
  bytes,
  type GobType,
  int,
  int64,
  map,
  optional,
  slice,
  string,
  struct,
  uint,
  uint64,
} from '../../../src/gob/gob.ts'

/** Peers send no floats; only the vectors need them. IEEE bits with the bytes reversed, as uint (mesh §7.1). */
export const float64: GobType<number> = {
  ...uint64,
  go: 'float64',
  wire: 4,
  zero: 0,
  write: (writer, value) => writer.uint64(reversed(bitsOf(value))),
  omitted: (value) => value === 0,
  match: () => (reader) => fromBits(reversed(reader.uint64())),
}

function bitsOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0)
}

function fromBits(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, bits)
  return view.getFloat64(0)
}

function reversed(bits: bigint): bigint {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, bits)
  return view.getBigUint64(0, true)
}

/** The Go types of the vectors (see `what` in the file). */
export const S1 = struct('S1', { A: int64, B: uint64, C: bool, D: string, E: bytes })
export const S2 = struct('S2', {
  X: S1,
  P: optional(S1),
  L: slice(S1),
  LP: slice(S1),
  M: map(string, S1),
  F: float64,
  R: array(uint(16), 3),
  I8: int(8),
  U8: uint(8),
  AB: array(uint(8), 4),
  Em: optional(map(string, int64)),
  Nl: slice(string),
})
export const Key = struct('Key', { Name: uint64, UID: uint64 })
export const S4 = struct('S4', { Emb: struct('Emb', { Z: int64 }), Y: int64 })
export const S5 = struct('S5', { T: uint64, R: optional(S1) })
