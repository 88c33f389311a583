import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, test } from 'node:test'
import { WeaveError } from '../lib/errors.ts'
import {
  type Cidr,
  cidrRange,
  formatCidr,
  formatIp4,
  type Ip4,
  parseCidr,
  rangeContains,
} from '../lib/ip4.ts'
import { parseAddressRequest } from './address-request.ts'
import { type AttachParts, attachContainer, type ContainerAddresses, detachContainer } from './attach.ts'
import { containerWith, FakeEngine } from './testing.ts'

class Addresses implements ContainerAddresses {
  readonly defaultSubnet = parseCidr('10.32.0.0/12')
  /** CIDRs by container. */
  readonly owned = new Map<string, Cidr[]>()

  async allocate(id: string, subnet: Cidr): Promise<Cidr> {
    const [before] = await this.lookup(id, subnet)
    const addr = (subnet.addr + 1 + [...this.owned.values()].flat().length) as Ip4
    const cidr = before ?? { addr, prefixLen: subnet.prefixLen }
    await this.claim(id, cidr)
    return cidr
  }

  async claim(id: string, cidr: Cidr): Promise<void> {
    for (const [holder, cidrs] of this.owned) {
      if (holder !== id && cidrs.some(({ addr }) => addr === cidr.addr)) {
        throw new WeaveError('not-available', `address ${formatCidr(cidr)} is already owned by ${holder}`)
      }
    }
    const mine = this.owned.get(id) ?? []
    if (!mine.some(({ addr }) => addr === cidr.addr)) this.owned.set(id, [...mine, cidr])
  }

  async lookup(id: string, subnet: Cidr): Promise<readonly Cidr[]> {
    return (this.owned.get(id) ?? []).filter(({ addr }) => rangeContains(cidrRange(subnet), addr))
  }

  async free(id: string, address: Ip4): Promise<boolean> {
    const before = this.owned.get(id) ?? []
    const after = before.filter(({ addr }) => addr !== address)
    this.owned.set(id, after)
    return after.length < before.length
  }

  text(id: string): string[] {
    return (this.owned.get(id) ?? []).map(formatCidr)
  }
}

const never = new AbortController().signal
let engine: FakeEngine
let addresses: Addresses
let log: string[]
let failure: Error | undefined
let parts: AttachParts

beforeEach(() => {
  engine = new FakeEngine()
  engine.containers.set(
    'c1',
    containerWith({ id: 'c1', name: 'web', hostname: 'web', domainname: 'weave.local' }),
  )
  addresses = new Addresses()
  log = []
  failure = undefined
  parts = {
    engine,
    addresses,
    ports: {
      attach: async (path, { id, cidrs, multicastRoute }) => {
        if (failure !== undefined) throw failure
        log.push(`attach ${path} ${id} ${cidrs.map(formatCidr).join(' ')} ${multicastRoute}`)
        return { added: cidrs }
      },
      detach: async (path, { cidrs }) => {
        log.push(`detach ${path} ${cidrs.map(formatCidr).join(' ')}`)
        return { removed: cidrs }
      },
    },
    names: {
      register: (id, address, name) => log.push(`name ${id} ${formatIp4(address)} ${name}`),
      forget: (id, address) => log.push(`forget ${id} ${address === undefined ? '' : formatIp4(address)}`),
    },
  }
})

const attach = (container: string, ...words: string[]): Promise<readonly Cidr[]> =>
  attachContainer(parts, { container, addresses: words.map(parseAddressRequest) }, never)

test('attach without addresses gives one of the default subnet, and the same when repeated', async () => {
  assert.deepEqual((await attach('web')).map(formatCidr), ['10.32.0.1/12'])
  assert.deepEqual((await attach('c1')).map(formatCidr), ['10.32.0.1/12'])
  assert.deepEqual(log.slice(0, 2), [
    'attach /proc/4711/ns/net 4711 10.32.0.1/12 true',
    'name c1 10.32.0.1 web.weave.local',
  ])
})

test('attach takes subnets and addresses', async () => {
  const given = await attach('web', 'net:10.40.0.0/24', '10.33.0.5/16', 'ip:10.33.0.6/16')
  assert.deepEqual(given.map(formatCidr), ['10.40.0.1/24', '10.33.0.5/16', '10.33.0.6/16'])
})

const refused: [string, Parameters<typeof containerWith>[0] | undefined, string][] = [
  ['unknown', undefined, 'unable to inspect container web: No such container: web'],
  ['stopped', { id: 'c1', running: false, pid: 0 }, 'container c1 not running'],
  [
    'on the host network',
    { id: 'c1', networkMode: 'host' },
    'Container is running in the host network namespace, and therefore cannot be\nconnected to weave - perhaps the container was started with --net=host',
  ],
]
for (const [what, container, message] of refused) {
  test(`a container that is ${what} is refused, and costs no address`, async () => {
    engine.containers.clear()
    if (container !== undefined) engine.containers.set('c1', containerWith(container))
    await assert.rejects(attach('web'), { message })
    assert.equal(addresses.owned.size, 0)
  })
}

test('a container that dies meanwhile gives back what it got, and keeps what it had', async () => {
  await attach('web', '10.33.0.5/16')
  failure = new WeaveError('no-namespace', 'no network namespace')
  await assert.rejects(attach('web', 'net:default', '10.33.0.5/16'), { message: 'Container c1 died' })
  assert.deepEqual(addresses.text('c1'), ['10.33.0.5/16'])
})

test('an address that another one has is refused, and the others are given back', async () => {
  await addresses.claim('c2', parseCidr('10.33.0.5/16'))
  await assert.rejects(attach('web', 'net:10.40.0.0/24', '10.33.0.5/16'), /already owned by c2/)
  assert.deepEqual(addresses.text('c1'), [])
})

test('names are registered only where there is a domain, and not against the wish of the user', async () => {
  engine.containers.set('c1', containerWith({ id: 'c1', hostname: 'web.' }))
  await attach('c1')
  await attachContainer(parts, { container: 'c1', addresses: [], withoutDns: true }, never)
  assert.equal(
    log.some((line) => line.startsWith('name')),
    false,
  )
})

test('detach finds what the container has, takes its names, and frees what was allocated', async () => {
  await attach('web', 'net:default', '10.33.0.5/24')
  log = []
  const gone = await detachContainer(parts, { container: 'web', addresses: [] })
  assert.deepEqual(gone.map(formatCidr), ['10.32.0.1/12', '10.33.0.5/24'])
  assert.deepEqual(log, [
    'detach /proc/4711/ns/net 10.32.0.1/12 10.33.0.5/24',
    'forget c1 10.32.0.1',
    'forget c1 10.33.0.5',
  ])
  assert.deepEqual(addresses.text('c1'), [])
  assert.deepEqual(await detachContainer(parts, { container: 'web', addresses: [] }), [])
})

test('detach of a named address leaves the allocator alone', async () => {
  await attach('web', '10.33.0.5/24')
  const options = { container: 'web', addresses: [parseAddressRequest('10.33.0.5/24')] }
  await detachContainer(parts, options)
  assert.deepEqual(addresses.text('c1'), ['10.33.0.5/24'])
})

test("the container's hosts file tells its address and extra hosts; a bad one stops everything", async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'weave-hosts-'))
  context.after(() => rmSync(directory, { recursive: true }))
  const hostsPath = join(directory, 'hosts')
  writeFileSync(hostsPath, 'old')
  const container = containerWith({ id: 'c1', hostname: 'web', domainname: 'weave.local.', hostsPath })
  engine.containers.set('c1', container)
  const options = { container: 'c1', addresses: [] }
  const bad = { ...options, rewriteHosts: { extra: ["x';rm:1.2.3.4"] } }
  await assert.rejects(attachContainer(parts, bad, never), { code: 'invalid-host' })
  assert.deepEqual(addresses.text('c1'), [])

  await attachContainer(parts, { ...options, rewriteHosts: { extra: ['static.name:10.9.9.9'] } }, never)
  const lines = readFileSync(hostsPath, 'utf8').split('\n')
  assert.equal(lines[2], '10.32.0.1       web.weave.local web')
  assert.equal(lines[5], '10.9.9.9        static.name')
  assert.equal(lines.at(-2), '# created by Weave - END')
})
