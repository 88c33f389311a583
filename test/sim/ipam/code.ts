import type * as AllocatorModule from '../../../src/ipam/allocator.ts'
import type * as BarrierModule from '../../../src/ipam/barrier.ts'

/** The code under test: ours, or a copy with a fault planted in it. */
export interface IpamCode {
  readonly Allocator: typeof AllocatorModule.Allocator
  readonly PersistBarrier: typeof BarrierModule.PersistBarrier
}
