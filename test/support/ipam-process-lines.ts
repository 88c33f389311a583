import type { Init } from '../../src/ipam/bootstrap.ts'
import { parsePeerName } from '../../src/lib/peer-name.ts'
import type { PersistPoint } from '../../src/state/lmdb-store.ts'

/** What `ipam-process.ts` and the test on its other side agree on. */
export const SUBNET = '10.32.0.0/28'
export const VICTIM = parsePeerName('02:00:00:00:00:01')
export const TESTER = parsePeerName('02:00:00:00:00:02')
export const CONSENSUS: Init = { kind: 'consensus', peers: 2 }

export interface ProcessOptions {
  readonly directory: string
  readonly dieAt?: { readonly write: number; readonly point: PersistPoint }
}

export type ToProcess =
  | { readonly kind: 'allocate' | 'delete'; readonly ident: string }
  | { readonly kind: 'unicast' | 'broadcast'; readonly payload: string }
  | { readonly kind: 'tell' | 'list' }

export type FromProcess =
  | { readonly kind: 'ready' }
  | { readonly kind: 'given'; readonly ident: string; readonly cidr: string }
  | { readonly kind: 'deleted'; readonly ident: string }
  | { readonly kind: 'unicast' | 'broadcast' | 'complete'; readonly payload: string }
  | { readonly kind: 'owned'; readonly owned: readonly (readonly [string, readonly string[]])[] }
  | { readonly kind: 'failed'; readonly reason: string }
