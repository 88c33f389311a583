import { hkdfSync } from 'node:crypto'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import type { OverlayParams } from '../mesh/overlay.ts'
import type { Engine, LinkId, Suite } from '../native/engine.ts'
import { DEFAULT_MTU, SLEEVE } from './constants.ts'
import { Rekey, type RekeyLimits } from './rekey.ts'
import { Sleeve, type SleeveOutput, type SpecialFrame } from './sleeve.ts'
import { CIPHERS_FEATURE, type Cipher, chooseSuite, keyMaterial } from './sleeve-ciphers.ts'
import type { SubConnection, SubOverlayEvents } from './sub-overlay.ts'

const CLEAR_OVERHEAD = 6
const SEALED_OVERHEAD = 30
/** How often a repeated trouble of one kind is told again. */
const TROUBLE_QUIET = 10_000

interface Parts {
  readonly clock: Clock
  readonly log: Log
  readonly engine: Engine
  readonly ciphers: readonly Cipher[]
  readonly rekey: RekeyLimits
}

/** For the owner of the tables. */
interface Lifetime {
  confirmed(): void
  stopped(): void
}

/** Carries what the sleeve core wants to the engine, and what the engine tells to the core. */
export class SleeveConnection implements SubConnection {
  readonly link: LinkId
  readonly remote: PeerName
  readonly #parts: Parts
  readonly #events: SubOverlayEvents
  readonly #lifetime: Lifetime
  readonly #core: Sleeve
  readonly #log: Log
  readonly #suite: Suite
  readonly #rekey: Rekey | undefined
  /** Of the connection, and of the session key with it. */
  readonly #since: number
  readonly #quiet = new Map<string, number>()
  /** A peer of our own kind, which cuts or refuses what its containers do not take. */
  readonly #ours: boolean
  #stopped = false

  constructor(parts: Parts, params: OverlayParams, events: SubOverlayEvents, lifetime: Lifetime) {
    const { remote, peer, outbound, sessionKey, connUid } = params
    this.#parts = parts
    this.#events = events
    this.#lifetime = lifetime
    this.remote = remote
    this.#ours = params.features.has(CIPHERS_FEATURE)
    this.#log = parts.log.child({ peer: formatPeerName(remote), nickname: params.remoteNickname })
    this.#since = parts.clock.now()
    this.#suite = chooseSuite(sessionKey, parts.ciphers, params.features)
    this.#rekey =
      this.#suite === 'clear' || this.#suite === 'secretbox'
        ? undefined
        : new Rekey(parts.rekey, parts.clock.now())
    const key = keyMaterial(hkdf, this.#suite, sessionKey, outbound)
    this.link = parts.engine.addLink(remote, this.#suite, outbound, key)
    this.#core = new Sleeve({
      connUid,
      address: outbound ? { host: plainHost(peer.host), port: peer.port } : undefined,
      packetOverhead: sessionKey === undefined ? CLEAR_OVERHEAD : SEALED_OVERHEAD,
      udpOverhead: plainHost(peer.host).includes(':') ? 48 : 28,
    })
  }

  confirm(now: number): void {
    if (this.#stopped) return
    this.#lifetime.confirmed()
    this.#apply(this.#core.confirm(now), now)
  }

  control(subtag: number, body: Uint8Array, now: number): void {
    if (!this.#stopped) this.#apply(this.#core.control(subtag, body, now), now)
  }

  special(frame: SpecialFrame): void {
    const now = this.#parts.clock.now()
    if (!this.#stopped) this.#apply(this.#core.special(frame, now), now)
  }

  /** Trouble that the engine met on this link; it is told once, until `listen` asks again. */
  trouble(kind: 'too-big' | 'send-failed' | 'undecryptable', errno: number): void {
    if (this.#stopped) return
    const now = this.#parts.clock.now()
    if (kind === 'too-big') {
      this.#askPathMtu(now, true)
      this.#parts.engine.listen(this.link, kind)
      return
    }
    // The engine tells the first one; the next is asked for after a pause, in `advance`.
    this.#quiet.set(kind, now + TROUBLE_QUIET)
    const message =
      kind === 'undecryptable' ? 'UDP packet decryption failed' : 'sending to the peer fails for now'
    this.#log.warn(message, kind === 'undecryptable' ? {} : { errno })
    this.#events.rescheduled()
  }

  nextDeadline(): number | undefined {
    if (this.#stopped) return undefined
    const deadlines = [
      this.#core.nextDeadline(),
      this.#rekey?.nextDeadline(),
      ...this.#quiet.values(),
    ].filter((at) => at !== undefined)
    return deadlines.length === 0 ? undefined : Math.min(...deadlines)
  }

  advance(now: number): void {
    if (this.#stopped) return
    for (const [kind, until] of this.#quiet) {
      if (now < until) continue
      this.#quiet.delete(kind)
      this.#parts.engine.listen(this.link, kind as 'send-failed' | 'undecryptable')
    }
    this.#renewKey(now)
    this.#apply(this.#core.advance(now), now)
  }

  /** Old peers hand what arrives to containers as it is: theirs take what 2.x gives them by default. */
  pathMtu(): number | undefined {
    const { established, mtu } = this.#core
    if (!established || mtu === SLEEVE.initialMtu) return undefined
    return this.#ours ? mtu : Math.min(mtu, DEFAULT_MTU)
  }

  attributes(): Readonly<Record<string, string | number | boolean>> {
    const path = { name: 'sleeve', mtu: this.#core.mtu }
    if (this.#suite === 'clear') return path
    const keyAgeSec = Math.floor((this.#parts.clock.now() - (this.#rekey?.since ?? this.#since)) / 1000)
    return { ...path, cipher: this.#suite, keyAgeSec }
  }

  fail(reason: string): void {
    if (this.#stopped) return
    this.stop()
    this.#events.failed(reason)
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#lifetime.stopped()
    this.#parts.engine.dropLink(this.link)
  }

  #renewKey(now: number): void {
    if (this.#rekey === undefined || now < this.#rekey.nextDeadline()) return
    if (!this.#rekey.advance(now, this.#parts.engine.linkCounters(this.link).bytesSent)) return
    this.#log.debug('sleeve uses its next key', { key: this.#parts.engine.rekey(this.link) })
  }

  #apply(outputs: readonly SleeveOutput[], now: number): void {
    for (const output of outputs) {
      if (this.#stopped) return
      this.#perform(output, now)
    }
    this.#events.rescheduled()
  }

  #perform(output: SleeveOutput, now: number): void {
    switch (output.kind) {
      case 'special':
        this.#send(output, now)
        return
      case 'control':
        this.#events.control(output.subtag, output.body)
        return
      case 'path':
        this.#parts.engine.setPath(this.link, output.path)
        return
      case 'ask-path-mtu':
        this.#askPathMtu(now, false)
        return
      case 'established':
        this.#events.established()
        return
      case 'failed':
        this.fail(output.reason)
        return
      case 'note':
        this.#log.info(output.message, output.fields)
    }
  }

  #send(frame: SleeveOutput & { readonly kind: 'special' }, now: number): void {
    const errno = this.#parts.engine.sendSpecial(this.link, frame)
    if (errno === EMSGSIZE) this.#askPathMtu(now, true)
    else if (errno !== 0) this.trouble('send-failed', errno)
  }

  #askPathMtu(now: number, tooBig: boolean): void {
    const mtu = this.#parts.engine.pathMtu(this.link)
    if (mtu === undefined) return
    this.#apply(tooBig ? this.#core.tooBig(mtu, now) : this.#core.pathMtu(mtu, now), now)
  }
}

const hkdf = (key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, salt, info, length))

const EMSGSIZE = 90

/** IPv4 in IPv6 notation, as dual-stack TCP sockets show it, is IPv4 for UDP. */
const plainHost = (host: string): string => host.replace(/^::ffff:(?=\d+\.)/i, '')
