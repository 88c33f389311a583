import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../lib/log.ts'
import { FakeEngine } from '../testing.ts'
import { Observer, type ObserverEvent } from './observer.ts'

/** Collects events and resolves when one of a kind has come. */
class Listener {
  readonly events: ObserverEvent[] = []
  #waiting: { readonly kind: string; readonly count: number; readonly resolve: () => void }[] = []

  readonly hear = (event: ObserverEvent): void => {
    this.events.push(event)
    this.#waiting = this.#waiting.filter((one) => {
      if (this.count(one.kind) < one.count) return true
      one.resolve()
      return false
    })
  }

  count(kind: string): number {
    return this.events.filter((event) => event.kind === kind).length
  }

  until(kind: string, count = 1): Promise<void> {
    if (this.count(kind) >= count) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ kind, count, resolve }))
  }
}

function follow(engine: FakeEngine): { observer: Observer; listener: Listener } {
  const observer = new Observer({ engine, log: silentLog })
  const listener = new Listener()
  observer.subscribe(listener.hear)
  observer.start()
  return { observer, listener }
}

test('a dockerd that comes later is found, and one that comes back is told as a new connection', async () => {
  const engine = new FakeEngine()
  engine.down = true
  const { observer, listener } = follow(engine)
  assert.equal(observer.state.kind, 'unknown')
  engine.down = false
  await listener.until('engine-connected')
  assert.equal(observer.state.kind, 'connected')

  engine.shutDown()
  await listener.until('engine-lost')
  assert.deepEqual(observer.state, { kind: 'absent', reason: 'dockerd closed the event stream' })
  engine.down = false
  await listener.until('engine-connected', 2)
  await observer.stop()
})

test('events reach every subscriber in order, also when one of them fails', async () => {
  const engine = new FakeEngine()
  const observer = new Observer({ engine, log: silentLog })
  const listener = new Listener()
  observer.subscribe(() => {
    throw new Error('this one always fails')
  })
  observer.subscribe(listener.hear)
  observer.start()
  await listener.until('engine-connected')
  engine.emit({ kind: 'container-started', containerId: 'a' })
  engine.emit({ kind: 'container-died', containerId: 'a' })
  await listener.until('container-died')
  assert.deepEqual(
    listener.events.map((event) => event.kind),
    ['engine-connected', 'container-started', 'container-died'],
  )
  await observer.stop()
})

test('a stopped observer stays stopped', async () => {
  const engine = new FakeEngine()
  const { observer, listener } = follow(engine)
  await listener.until('engine-connected')
  await observer.stop()
  await observer.stop()
  assert.equal(listener.count('engine-lost'), 0)
})
