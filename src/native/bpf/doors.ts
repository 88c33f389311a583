import { loadAddon } from '../addon.ts'

/** What `native/bpf/*.c` exports. Descriptors are the caller's to close; failures throw an Error with an errno `code`. */
export interface BpfDoors {
  bpfMapCreate(
    type: number,
    keySize: number,
    valueSize: number,
    maxEntries: number,
    flags: number,
    name: string,
  ): number
  /** Type, size of a key, size of a value, most entries. */
  bpfMapShape(map: number): readonly [number, number, number, number]
  /** Any number of entries, keys and values back to back. */
  bpfMapUpdate(map: number, keys: Uint8Array, values: Uint8Array): void
  bpfMapLookup(map: number, key: Uint8Array): Uint8Array | undefined
  bpfMapDelete(map: number, key: Uint8Array): boolean
  /** Up to `limit` entries as key ‖ value, back to back. */
  bpfMapEntries(map: number, limit: number): Uint8Array
  bpfProgramLoad(instructions: Uint8Array, license: string, name: string): number
  bpfProgramRun(
    program: number,
    frame: Uint8Array,
    context?: Uint8Array,
  ): { readonly verdict: number; readonly frame: Uint8Array }
  bpfPin(descriptor: number, path: string): void
  bpfGet(path: string): number | undefined
  bpfMountFs(path: string): boolean
  bpfUnmountFs(path: string): boolean
  bpfClose(descriptor: number): void
  bpfAttachTcx(ifindex: number, program: number): number
  bpfLinkUpdate(link: number, program: number): void
  bpfAttachClsact(ifindex: number, program: number, name: string): void
  bpfDetachClsact(ifindex: number): boolean
  bpfRing(map: number, size: number, onRecord: (record: Uint8Array) => void): object
  bpfRingStop(ring: object): void
  /** `mark`: of its packets. */
  udpProbeSocket(family: 4 | 6, localAddress: string, mark: number): number
  /** 0, or the errno: that a datagram cannot leave is a fact about the path. */
  udpProbeSend(socket: number, address: string, port: number, bytes: Uint8Array): number
}

export const bpfDoors = (): BpfDoors => loadAddon<BpfDoors>()
