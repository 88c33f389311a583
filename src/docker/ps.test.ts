import assert from 'node:assert/strict'
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { WeaveError } from '../lib/errors.ts'
import { parseCidr } from '../lib/ip4.ts'
import { parseMac } from '../lib/mac.ts'
import { type Attachment, attachments, type NamespaceAddresses } from './ps.ts'
import { containerWith, FakeEngine } from './testing.ts'

const first = 'a1'.repeat(32)
const second = 'b2'.repeat(32)
const ethwe = {
  ifname: 'ethwe',
  mac: parseMac('02:00:00:00:00:01'),
  cidrs: [parseCidr('10.32.0.1/12')],
  port: 'vethwl1',
}
let procPath: string
let byPath: Map<string, (typeof ethwe)[]>
let engine: FakeEngine

beforeEach(() => {
  procPath = mkdtempSync(join(tmpdir(), 'weave-proc-'))
  byPath = new Map()
  engine = new FakeEngine()
})
afterEach(() => rmSync(procPath, { recursive: true }))

/** A container's process; with `sharing` in the namespace of another one. */
function container(pid: number, id: string, sharing?: number): string {
  mkdirSync(join(procPath, `${pid}/ns`), { recursive: true })
  const namespace = join(procPath, `${pid}/ns/net`)
  if (sharing === undefined) writeFileSync(namespace, '')
  else linkSync(join(procPath, `${sharing}/ns/net`), namespace)
  writeFileSync(join(procPath, `${pid}/cgroup`), `0::/docker/${id}\n`)
  return namespace
}

const ports: NamespaceAddresses = {
  addresses: async (path) => {
    const interfaces = byPath.get(path)
    if (interfaces === undefined) throw new WeaveError('no-namespace', 'gone')
    return interfaces
  },
}
const ps = (containers?: string[]): Promise<readonly Attachment[]> =>
  attachments({ engine, ports, procPath }, containers)

test('all containers on the bridge are found without Docker, those that share a namespace too', async () => {
  engine.down = true
  byPath.set(container(20, first), [ethwe])
  container(21, second, 20)
  byPath.set(container(30, 'c3'.repeat(32)), [])
  container(40, 'd4'.repeat(32))
  assert.deepEqual(await ps(), [
    { ...ethwe, container: first, containerId: first },
    { ...ethwe, container: second, containerId: second },
  ])
})

test('named containers are shown under the name that was asked for, unattached ones are left out', async () => {
  byPath.set(container(20, first), [ethwe])
  engine.containers.set(first, containerWith({ id: first, name: 'web', pid: 20 }))
  engine.containers.set('s', containerWith({ id: 's', name: 'stopped', running: false, pid: 0 }))
  engine.containers.set('h', containerWith({ id: 'h', name: 'onhost', networkMode: 'host', pid: 1 }))
  engine.containers.set('g', containerWith({ id: 'g', name: 'gone', pid: 99 }))
  assert.deepEqual(await ps(['stopped', 'web', 'unknown', 'onhost', 'gone']), [
    { ...ethwe, container: 'web', containerId: first },
  ])
})
