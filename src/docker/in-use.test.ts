import assert from 'node:assert/strict'
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { WeaveError } from '../lib/errors.ts'
import { parseCidr } from '../lib/ip4.ts'
import { addressesInUse, joinedPorts } from './in-use.ts'

const id = 'ab'.repeat(32)
let procPath: string

beforeEach(() => {
  procPath = mkdtempSync(join(tmpdir(), 'weave-proc-'))
})
afterEach(() => rmSync(procPath, { recursive: true }))

/** A process; with `sharing` in the namespace of another one. */
function process_(pid: number, cgroup: string, sharing?: number): string {
  const directory = join(procPath, String(pid))
  mkdirSync(join(directory, 'ns'), { recursive: true })
  const namespace = join(directory, 'ns/net')
  if (sharing === undefined) writeFileSync(namespace, '')
  else linkSync(join(procPath, String(sharing), 'ns/net'), namespace)
  writeFileSync(join(directory, 'cgroup'), cgroup)
  return namespace
}

test('attached containers are found by their cgroup, plugin endpoints file under their address', async () => {
  const byPath = new Map([
    [
      process_(20, `12:pids:/docker/${id}\n0::/system.slice\n`),
      [{ port: 'vethwepl20', cidrs: [parseCidr('10.32.0.1/12')] }],
    ],
    [
      process_(30, `0::/system.slice/docker-${id}.scope\n`),
      [{ port: 'vethwl9b8eb12cb', cidrs: [parseCidr('10.32.0.2/12')] }],
    ],
    [process_(40, '0::/\n'), [{ port: 'vethwepl40', cidrs: [parseCidr('10.32.0.3/12')] }]],
  ])
  const found = await addressesInUse({
    procPath,
    host: { addresses: async (path) => byPath.get(path) ?? [] },
  })
  const host = { addresses: async (path: string) => byPath.get(path) ?? [] }
  assert.deepEqual([...(await joinedPorts({ procPath, host }))], ['vethwl9b8eb12cb'])
  assert.deepEqual(found, [
    { ident: id, cidr: parseCidr('10.32.0.1/12'), isContainer: true },
    { ident: '10.32.0.2', cidr: parseCidr('10.32.0.2/12'), isContainer: false },
    { ident: '10.32.0.3', cidr: parseCidr('10.32.0.3/12'), isContainer: false },
  ])
})

test('a namespace is looked into once, and one that vanishes is no trouble', async () => {
  process_(7, '')
  process_(100, '', 7)
  const gone = process_(8, '')
  const looked: string[] = []
  const addresses = async (path: string): Promise<[]> => {
    looked.push(path)
    if (path === gone) throw new WeaveError('no-namespace', 'gone')
    return []
  }
  assert.deepEqual(await addressesInUse({ procPath, host: { addresses } }), [])
  assert.deepEqual(looked, [join(procPath, '7/ns/net'), gone])
})
