import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { GossipNet } from '../../../src/ipam/testing/gossip-net.ts'
import { ManualClock } from '../../../src/ipam/testing/manual-clock.ts'
import { type PeerName, parsePeerName } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import { MemoryStore } from '../../../src/state/memory-store.ts'
import { Host, type HttpAnswer, type Surroundings } from './host.ts'
import { PEERS, type Stage } from './stage.ts'

/** Containers that run while the scripted Docker says nothing else. */
const RUNNING = ['c1', 'c2', 'c5']

/** Hosts in this process, with mesh, Docker and disks in memory, on a virtual clock. */
export class MemoryStage implements Stage {
  readonly #clock = new ManualClock()
  readonly #allocation = new GossipNet()
  readonly #takeovers = new GossipNet()
  readonly #directory = mkdtempSync(join(tmpdir(), 'weave-ipam-http-'))
  readonly #hosts = new Map<string, Host>()
  readonly #stores = new Map<string, MemoryStore>()
  readonly #running = new Set(RUNNING)
  readonly #joined = new Map<PeerName, Set<PeerName>>()
  #now = 0

  get now(): number {
    return this.#now
  }

  async goTo(seconds: number): Promise<void> {
    while (this.#now < seconds) await this.#tick(Math.min(seconds - this.#now, 1) * 1000)
  }

  async #tick(ms: number): Promise<void> {
    this.#clock.advance(ms)
    this.#now += ms / 1000
    // Any call makes the allocators look at the clock.
    for (const { ipam } of this.#hosts.values()) ipam?.containers.started('')
    this.#allocation.gossipAll()
    await this.settle()
  }

  /** Requests, writes and messages follow each other; after a few rounds nothing is on its way any more. */
  async settle(): Promise<void> {
    for (let round = 0; round < 6; round++) {
      await delay(1)
      await this.#allocation.settle()
      await this.#takeovers.settle()
    }
  }

  async start(key: string, other: string | undefined, args: readonly string[]): Promise<void> {
    const known = PEERS[key]
    if (known === undefined) return
    // Where the original had crashed, ours still runs.
    await this.#hosts.get(key)?.stop()
    const store = this.#stores.get(key) ?? new MemoryStore()
    this.#stores.set(key, store)
    const name = parsePeerName(other ?? known.name)
    const host = new Host(this.#surroundings(), { name, nickname: known.nickname, store, args })
    this.#hosts.set(key, host)
    // Nobody is connected before somebody connects.
    for (const other of this.#hosts.values()) {
      this.#allocation.cut(host.name, other.name)
      this.#takeovers.cut(host.name, other.name)
    }
    await host.start()
    await this.settle()
  }

  async stop(key: string): Promise<undefined> {
    const host = this.#hosts.get(key)
    this.#hosts.delete(key)
    if (host !== undefined) this.#joined.delete(host.name)
    await host?.stop()
  }

  isUp(key: string): boolean {
    return this.#hosts.has(key)
  }

  async isAlive(key: string): Promise<boolean> {
    return this.#hosts.has(key)
  }

  hasIpam(key: string): boolean {
    return this.#hosts.get(key)?.ipam !== undefined
  }

  async ask(
    key: string,
    method: string,
    path: string,
    form: string | undefined,
    signal: AbortSignal,
  ): Promise<HttpAnswer | undefined> {
    return await this.#hosts.get(key)?.ask(method, path, form, signal)
  }

  docker(event: string, container: string): void {
    if (event === 'start') this.#running.add(container)
    else this.#running.delete(container)
    for (const { ipam } of this.#hosts.values()) {
      if (event === 'start') ipam?.containers.started(container)
      else if (event === 'die') ipam?.containers.died(container)
      else ipam?.containers.destroyed(container)
    }
  }

  said(key: string): readonly string[] {
    return this.#hosts.get(key)?.lines ?? []
  }

  async clear(forget: boolean): Promise<void> {
    for (const host of this.#hosts.values()) await host.stop()
    this.#hosts.clear()
    this.#joined.clear()
    if (forget) this.#stores.clear()
  }

  async dispose(): Promise<void> {
    for (const host of this.#hosts.values()) await host.stop()
    rmSync(this.#directory, { recursive: true })
  }

  #surroundings(): Surroundings {
    return {
      clock: this.#clock,
      rng: seededRng(7),
      allocation: this.#allocation,
      takeovers: this.#takeovers,
      directory: this.#directory,
      running: this.#running,
      connect: (from, targets) => this.#connect(from, targets),
    }
  }

  /** A mesh relays: who is connected to one is connected to all. */
  #connect(from: PeerName, targets: readonly string[]): void {
    const group = this.#joined.get(from) ?? new Set([from])
    this.#joined.set(from, group)
    for (const target of targets) {
      const peer = Object.values(PEERS).find(({ address }) => address === target)
      if (peer === undefined) continue
      const name = parsePeerName(peer.name)
      for (const member of this.#joined.get(name) ?? [name]) group.add(member)
    }
    for (const member of group) this.#joined.set(member, group)
    for (const one of group) {
      for (const other of group) {
        this.#allocation.uncut(one, other)
        this.#takeovers.uncut(one, other)
      }
    }
    this.#allocation.gossipAll()
  }
}
