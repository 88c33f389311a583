import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../lib/log.ts'
import type { Container } from './engine/container.ts'
import { StrandedContainers } from './stranded.ts'
import { containerWith, FakeEngine, networkWith } from './testing.ts'

const table: [string, Partial<Container>, boolean][] = [
  ['that Docker could not start without us', {}, true],
  ['unless the user stopped it', { restartPolicy: 'unless-stopped' }, true],
  ['without a restart policy', { restartPolicy: 'no' }, false],
  ['that the user stopped', { startError: '' }, false],
  ['that fails for another reason', { startError: 'exec: "nonsense": not found' }, false],
]
for (const [what, parts, expected] of table) {
  test(`a container ${what} is ${expected ? '' : 'not '}started`, async () => {
    const engine = new FakeEngine()
    engine.known.push(networkWith({ id: 'n1' }))
    const network = { name: 'weave', networkId: 'n1', endpointId: undefined, address: undefined }
    engine.containers.set(
      'c1',
      containerWith({
        id: 'c1',
        running: false,
        restartPolicy: 'always',
        startError: 'plugin "weavemesh" not found',
        networks: [{ ...network, prefixLen: 0, mac: undefined, aliases: [] }],
        ...parts,
      }),
    )
    const stranded = new StrandedContainers({
      engine,
      isOurs: (driver) => driver === 'weavemesh',
      log: silentLog,
    })
    await stranded.handle({ kind: 'engine-connected', version: { version: '20.10', api: '1.41' } })
    await stranded.settled()
    assert.equal(engine.containers.get('c1')?.running, expected)
  })
}
