import assert from 'node:assert/strict'
import test from 'node:test'
import type { PeerName } from '../lib/peer-name.ts'
import type { GossipData } from './gossiper.ts'
import { SenderQueue } from './sender-queue.ts'

class Text implements GossipData {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  merge(other: GossipData): GossipData {
    return new Text(`${this.text}+${String(other)}`)
  }

  encode(): Uint8Array[] {
    return [new TextEncoder().encode(this.text)]
  }

  toString(): string {
    return this.text
  }
}

const drain = (queue: SenderQueue): string[] => {
  const taken: string[] = []
  for (let item = queue.next(); item !== undefined; item = queue.next()) {
    taken.push(`${item.channel} ${item.originator ?? '-'} ${String(item.data)}`)
  }
  return taken
}

test('a slow neighbour costs one item per channel and originator, however much is added', () => {
  const queue = new SenderQueue()
  for (let i = 0; i < 3; i++) {
    queue.add('a', undefined, new Text(`g${i}`))
    queue.add('a', 1 as PeerName, new Text(`b${i}`))
    queue.add('a', 2 as PeerName, new Text(`c${i}`))
    queue.add('b', undefined, new Text(`h${i}`))
  }
  assert.equal(queue.queued('a'), 3)
  assert.equal(queue.queued('b'), 1)
  assert.deepEqual(drain(queue), ['a - g0+g1+g2', 'a 1 b0+b1+b2', 'a 2 c0+c1+c2', 'b - h0+h1+h2'])
  assert.ok(queue.isEmpty)
})

test('gossip to the neighbour goes before broadcasts', () => {
  const queue = new SenderQueue()
  queue.add('a', 1 as PeerName, new Text('broadcast'))
  queue.add('a', undefined, new Text('gossip'))
  assert.deepEqual(drain(queue), ['a - gossip', 'a 1 broadcast'])
})
