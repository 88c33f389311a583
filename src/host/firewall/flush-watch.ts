import { netlinkAddon } from '../../native/netlink.ts'
import { NetlinkEvents } from '../netlink/events.ts'
import type { Reply } from '../netlink/message.ts'
import { NETLINK } from '../netlink/socket.ts'

const NFNLGRP_NFTABLES = 7
const NFNL_SUBSYS_NFTABLES = 10
/** Messages about a table, chain or rule that went away. */
const DELETIONS = new Set([2, 5, 8].map((message) => (NFNL_SUBSYS_NFTABLES << 8) | message))

const LEGACY_EVERY_MS = 2000
/** Whoever flushes writes more at once: look when that is done. */
const QUIET_MS = 150
/** Docker deletes rules all day long: one look in a second is enough. */
const LOOK_EVERY_MS = 1000
/** Somebody who keeps on removing our rules is not fought with, only answered now and then. */
const LOOK_SELDOM_MS = 30_000
const PEACE_MS = 60_000

/**
 * Calls `look`, which answers whether something was missing, of the host's firewall went away. nf_tables tells of it; legacy tables are compared by
 * size, which costs one system call for each and no process.
 */
export class FlushWatch {
  readonly #look: () => Promise<boolean>
  readonly #events: NetlinkEvents
  readonly #poll: NodeJS.Timeout | undefined
  #sizes: string
  #timer: NodeJS.Timeout | undefined
  #lastLook = Number.NEGATIVE_INFINITY
  #lastMissing = Number.NEGATIVE_INFINITY
  #pause = LOOK_EVERY_MS

  constructor(look: () => Promise<boolean>, options: { readonly legacy: boolean }) {
    this.#look = look
    this.#events = new NetlinkEvents(NETLINK.NETFILTER, [NFNLGRP_NFTABLES], (messages) => {
      if (messages === undefined || messages.some(isDeletion)) this.#schedule()
    })
    this.#sizes = options.legacy ? legacySizes() : ''
    this.#poll = options.legacy ? setInterval(() => this.#compare(), LEGACY_EVERY_MS) : undefined
  }

  /** Idempotent. */
  close(): void {
    this.#events.close()
    clearInterval(this.#poll)
    clearTimeout(this.#timer)
  }

  #compare(): void {
    const sizes = legacySizes()
    if (sizes === this.#sizes) return
    this.#sizes = sizes
    this.#schedule()
  }

  #schedule(): void {
    if (this.#timer !== undefined) return
    const now = performance.now()
    const delay = Math.max(QUIET_MS, this.#lastLook + this.#pause - now)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#lookNow()
    }, delay)
  }

  async #lookNow(): Promise<void> {
    this.#lastLook = performance.now()
    const missing = await this.#look()
    // Restoring deletes as well: that nothing is missing right afterwards does not mean that peace has come.
    if (missing) {
      this.#lastMissing = this.#lastLook
      this.#pause = Math.min(this.#pause * 2, LOOK_SELDOM_MS)
    } else if (this.#lastLook - this.#lastMissing > PEACE_MS) this.#pause = LOOK_EVERY_MS
  }
}

const isDeletion = ({ type }: Reply): boolean => DELETIONS.has(type)

const legacySizes = (): string =>
  ['filter', 'nat', 'mangle'].map((table) => String(netlinkAddon().legacyTableSize(table))).join(' ')
