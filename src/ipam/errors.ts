import { WeaveError } from '../lib/errors.ts'

/**
 * `cancelled`: the container or whoever asked is gone. `out-of-bounds`, `not-available`, `not-found`: the request
 * cannot be served. `not-written`: the state directory does not take writes. `stopped`: we are shutting down.
 * `peer-reachable`, `peer-disputed`: why a peer is not removed.
 */
export type IpamErrorCode =
  | 'cancelled'
  | 'out-of-bounds'
  | 'not-available'
  | 'not-found'
  | 'not-written'
  | 'invalid-option'
  | 'peer-reachable'
  | 'peer-disputed'
  | 'stopped'

/** Why the allocator does not do what it was asked. */
export class IpamError extends WeaveError<IpamErrorCode> {}
