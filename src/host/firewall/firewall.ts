import { messageOf, WeaveError } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { Exposed, FirewallSpec, HostEvent } from '../types.ts'
import {
  activeBackends,
  type Backend,
  installedBackends,
  type LiveBackend,
  restore,
  savedOf,
} from './backends.ts'
import { FlushWatch } from './flush-watch.ts'
import { tidyNft } from './nft-tidy.ts'
import { oldRules } from './old-rules.ts'
import { runProgram } from './program.ts'
import { type FirewallInput, iptablesRules, nftScript } from './rules.ts'
import { removal, repair } from './saved.ts'

export interface FirewallModules {
  readonly log: Log
  readonly onEvent: (event: HostEvent) => void
}

/** Our own table in nf_tables. */
export const NFT_TABLE = 'weave'

/**
 * Keeps the host's firewall letting the overlay through, and keeps out what must not come in. Never throws for what a
 * host lacks: it says so and does what can be done.
 */
export class Firewall {
  readonly #log: Log
  readonly #onEvent: (event: HostEvent) => void
  readonly #bridge: string
  #input: FirewallInput | undefined
  #backends: readonly Backend[] = []
  /** Whether our own table holds what it can; otherwise iptables has to do everything. */
  #hasTable = false
  /** What nft prints for our table when it is as it should be. */
  #listing: string | undefined
  #complaint: string | undefined
  #watch: FlushWatch | undefined
  #turn: Promise<void> = Promise.resolve()

  constructor({ log, onEvent }: FirewallModules, bridge: string) {
    this.#log = log
    this.#onEvent = onEvent
    this.#bridge = bridge
  }

  /** Brings the rules to what is asked; what others wrote stays. */
  ensure(spec: FirewallSpec, exposed: readonly Exposed[]): Promise<void> {
    return this.#inTurn(async () => {
      const first = this.#input === undefined
      const input = { ...spec, bridge: this.#bridge, exposed }
      this.#input = input
      const [live] = await Promise.all([first ? activeBackends() : this.#look(), this.#loadNft(input)])
      this.#backends = live.map(({ backend }) => backend)
      const missing = await this.#repairIptables(live, input)
      if (first) this.#sayWhatIsMissing()
      this.#log.debug('firewall rules are in place', { changed: missing.length, nft: this.#hasTable })
    }).then(() => {
      // Nobody waits for this: it is only needed once somebody changes something.
      void this.#inTurn(async () => {
        this.#listing = this.#hasTable ? await listNft() : undefined
      })
    })
  }

  /** The exposed addresses changed; nothing happens before the first `ensure`. */
  async exposedChanged(exposed: readonly Exposed[]): Promise<void> {
    if (this.#input !== undefined) await this.ensure(this.#input, exposed)
  }

  /** Restores rules that somebody flushes, from now on. */
  start(): void {
    const legacy = this.#backends.some(({ kind }) => kind === 'legacy')
    this.#watch ??= new FlushWatch(() => this.#restoreMissing(), { legacy })
  }

  /** The rules stay; idempotent. */
  async stop(): Promise<void> {
    this.#watch?.close()
    this.#watch = undefined
    await this.#turn
  }

  /** Takes away everything of ours from every backend, also what an older version left. */
  remove(spec: FirewallSpec): Promise<void> {
    return this.#inTurn(async () => {
      const input = { ...spec, bridge: this.#bridge, exposed: [] }
      this.#input = undefined
      this.#hasTable = false
      await runProgram(['nft', '-f', '-'], `add table ip ${NFT_TABLE}\ndelete table ip ${NFT_TABLE}\n`)
      for (const { backend, saved } of await installedBackends()) {
        const plan = removal(saved, [iptablesRules(input, true)], oldRules(input))
        if (plan === undefined) continue
        const done = await restore(backend, plan.script)
        if (done.status !== 0) {
          throw new WeaveError(
            'firewall',
            `cannot remove the rules of weave: ${backend.restore}: ${done.stderr}`,
          )
        }
        if (backend.kind === 'nft') await tidyNft(plan.touched)
      }
    })
  }

  async #loadNft(input: FirewallInput): Promise<void> {
    const loaded = await runProgram(['nft', '-f', '-'], nftScript(input, NFT_TABLE))
    this.#hasTable = loaded?.status === 0
    if (this.#hasTable) return
    const reason = loaded === undefined ? 'the program nft is not installed' : loaded.stderr
    this.#log.info('no nftables on this host, iptables does all of the firewall', { reason })
  }

  /** The tables of our backends as they are now. */
  async #look(): Promise<LiveBackend[]> {
    const all = await Promise.all(
      this.#backends.map(async (backend) => ({ backend, saved: await savedOf(backend) })),
    )
    return all.flatMap(({ backend, saved }) => (saved === undefined ? [] : [{ backend, saved }]))
  }

  /** Answers what was missing. */
  async #repairIptables(live: readonly LiveBackend[], input: FirewallInput): Promise<string[]> {
    const wanted = iptablesRules(input, !this.#hasTable)
    const missing: string[] = []
    for (const { backend, saved } of live) {
      const plan = repair(saved, wanted)
      if (plan === undefined) continue
      missing.push(...plan.missing)
      const done = await restore(backend, plan.script)
      if (done.status !== 0) this.#complain(`cannot write firewall rules: ${backend.restore}: ${done.stderr}`)
    }
    return missing
  }

  #sayWhatIsMissing(): void {
    if (this.#backends.length > 0) return
    this.#complain(
      !this.#hasTable
        ? 'neither nft nor iptables works on this host: nothing keeps containers from the control ports, and a firewall that drops forwarded packets will cut containers off; install nftables or iptables'
        : 'iptables does not work on this host: if something drops forwarded packets, allow those of the weave bridge by hand, or install iptables',
    )
  }

  /** Answers whether something was missing. */
  async #restoreMissing(): Promise<boolean> {
    const missing: string[] = []
    try {
      await this.#inTurn(async () => {
        const input = this.#input
        if (input === undefined) return
        if (this.#hasTable && (await listNft()) !== this.#listing) {
          missing.push(`table ip ${NFT_TABLE}`)
          await this.#loadNft(input)
          this.#listing = await listNft()
        }
        missing.push(...(await this.#repairIptables(await this.#look(), input)))
        if (missing.length === 0) return
        this.#log.warn('firewall rules were gone and are restored', {
          count: missing.length,
          first: missing[0],
        })
        this.#onEvent({ kind: 'firewall-restored', missing })
      })
    } catch (error) {
      this.#complain(messageOf(error))
    }
    return missing.length > 0
  }

  /** The same complaint is made once. */
  #complain(message: string): void {
    if (message === this.#complaint) return
    this.#complaint = message
    this.#log.error(message)
    this.#onEvent({ kind: 'firewall-failed', message })
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(act)
    this.#turn = done.catch(() => undefined)
    return done
  }
}

/** Without counters, so that equal texts mean equal rules. */
async function listNft(): Promise<string | undefined> {
  const listed = await runProgram(['nft', '--stateless', 'list', 'table', 'ip', NFT_TABLE])
  return listed?.status === 0 ? listed.stdout : undefined
}
