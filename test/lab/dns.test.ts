import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { projectFile } from '../support/project.ts'
import { eventually, type Lab } from './lab.ts'
import { addressOf, killDaemon, launched, names } from './plugin-hosts.ts'

const HOSTS = [1, 2, 3] as const

/** The machine's programs inside containers: other resolvers than busybox has. */
const TOOLS = ['/usr', '/lib', '/lib64'].flatMap((path) => ['-v', `${path}:${path}:ro`])

/** Node's `resolve4` asks with c-ares. */
const ARES = `require('dns').promises.resolve4(process.argv[1]).then((a) => console.log(a.sort().join('\\n')), (e) => { console.log(e.code); process.exitCode = 1 })`

/** How each resolver is asked for the addresses of a name, and how to read what it says. */
const RESOLVERS: Readonly<Record<string, (name: string) => readonly string[]>> = {
  'glibc (getent)': (name) => ['/usr/bin/getent', 'ahostsv4', name],
  'glibc, both families': (name) => ['/usr/bin/getent', 'ahosts', name],
  musl: (name) => ['/programs/getaddrinfo', name],
  busybox: (name) => ['/bin/busybox', 'nslookup', name],
  dig: (name) => ['/usr/bin/dig', '+short', '+search', '+ndots=0', name],
  'dig by TCP': (name) => ['/usr/bin/dig', '+tcp', '+short', '+search', '+ndots=0', name],
  'c-ares (Node.js)': (name) => ['/node', '-e', ARES, name],
}

/** Programs for the containers that are built here. */
const programs = mkdtempSync(join(tmpdir(), 'weave-lab-dns-'))

let lab: Lab
const address: Record<string, string> = {}

/** A container that stays, with the flags that `weave dns-args` gives unless told otherwise. */
async function container(host: number, name: string, flags: readonly string[], dns = true): Promise<void> {
  const args = dns ? (await lab.weave(host, 'dns-args')).split(' ') : []
  const node = ['-v', `${process.execPath}:/node:ro`, '-v', `${programs}:/programs:ro`]
  await lab.docker(
    host,
    'run',
    '-d',
    '--name',
    name,
    '--net=weave',
    ...flags,
    ...args,
    ...TOOLS,
    ...node,
    'busybox',
    'sleep',
    '100000',
  )
  address[name] = await addressOf(lab, host, name)
}

/** Addresses of the container network that a resolver in a container finds, each once, sorted. */
async function resolved(host: number, inside: string, argv: readonly string[]): Promise<string> {
  const { stdout } = await lab.tryDocker(host, 'exec', inside, ...argv)
  const found = stdout.split('\n').filter((line) => !/Server|#|:53\b/.test(line))
  return [...new Set(found.flatMap((line) => line.match(/\b10\.(3[2-9]|4[0-7])\.\d+\.\d+\b/g) ?? []))]
    .sort()
    .join(' ')
}

const dig = (host: number, name: string): Promise<string> =>
  resolved(host, `c${host}`, ['/usr/bin/dig', '+short', '+time=2', '+tries=1', `${name}.weave.local`])

before(async () => {
  const source = projectFile('test/lab/getaddrinfo.c')
  execFileSync('musl-gcc', ['-static', '-O1', '-o', join(programs, 'getaddrinfo'), source])
  lab = await launched({ hosts: 3 })
  for (const host of HOSTS) await container(host, `c${host}`, ['--network-alias', 'all'])
  for (const host of HOSTS) {
    await eventually(`all names are on host${host}`, async () => (await names(lab, host)).length === 6)
  }
})
after(async () => {
  await lab?.down()
  rmSync(programs, { recursive: true })
})

for (const [resolver, argv] of Object.entries(RESOLVERS)) {
  test(`${resolver} finds containers of other hosts, by short and by full names`, async () => {
    for (const [host, other] of [
      [1, 2],
      [2, 3],
      [3, 1],
    ] as const) {
      for (const name of [`c${other}`, `c${other}.weave.local`, `C${other}.Weave.Local`]) {
        assert.equal(
          await resolved(host, `c${host}`, argv(name)),
          address[`c${other}`],
          `${name} on host${host}`,
        )
      }
    }
  })

  test(`${resolver} gets all addresses of a name that several hosts have`, async () => {
    const all = HOSTS.map((host) => address[`c${host}`]).sort()
    assert.equal(await resolved(1, 'c1', argv('all.weave.local')), all.join(' '))
  })

  test(`${resolver} is told that there is no such name`, async () => {
    assert.equal(await resolved(1, 'c1', argv('nothing.weave.local')), '')
  })
}

test('addresses of containers on other hosts are looked up backwards', async () => {
  for (const host of [1, 3]) {
    const argv = ['/usr/bin/dig', '+short', '-x', address['c2'] ?? '']
    // Of several names the first one; on the container's own host Docker answers with its own name.
    assert.equal(await lab.docker(host, 'exec', `c${host}`, ...argv), 'all.weave.local.')
  }
})

test('without dns-args names resolve where dockerd forwards to us', async () => {
  await lab.hosts(['dockerd', '3', 'restart', '--dns', '172.17.0.1', '--dns-search', 'weave.local'])
  await lab.docker(3, 'start', 'c3')
  await eventually(
    'the plugin serves again',
    async () => (await lab.tryDocker(3, 'network', 'inspect', 'weave')).status === 0,
  )
  address['c3'] = await addressOf(lab, 3, 'c3')
  await container(3, 'plain', [], false)
  for (const [resolver, argv] of Object.entries(RESOLVERS)) {
    assert.equal(await resolved(3, 'plain', argv('c1')), address['c1'], resolver)
  }
  await lab.docker(3, 'rm', '-f', 'plain')
})

test('the name of a container that dies is gone everywhere within two seconds', async () => {
  await container(2, 'brief', [])
  await eventually('brief is known on host1', async () => (await dig(1, 'brief')) === address['brief'])
  await lab.docker(2, 'kill', 'brief')
  const began = performance.now()
  for (const host of HOSTS)
    await eventually('brief is gone', async () => (await dig(host, 'brief')) === '', 2000)
  assert.ok(performance.now() - began < 6000)
  await lab.docker(2, 'rm', '-f', 'brief')
})

test('names and records by hand resolve on all hosts, and survive the daemon', async () => {
  await lab.weave(1, 'dns-add', '10.40.0.9', '-h', 'ext.weave.local')
  await lab.weave(1, 'dns-add', '-h', 'www.weave.local', '--type', 'CNAME', '--value', 'ext.weave.local')
  for (const host of HOSTS) {
    await eventually('ext and www are known', async () => (await dig(host, 'www')) === '10.40.0.9')
  }
  await killDaemon(lab, 1)
  for (const host of HOSTS) {
    await eventually(
      'all names are back',
      async () => {
        return (await dig(host, 'www')) === '10.40.0.9' && (await dig(host, 'c1')) === address['c1']
      },
      20_000,
    )
  }
  await lab.weave(1, 'dns-remove', '10.40.0.9', '-h', 'ext.weave.local')
  await eventually('ext is gone', async () => (await dig(3, 'ext')) === '')
})

test('wildcards and services by hand resolve on all hosts, and status shows them', async () => {
  await lab.weave(2, 'dns-add', '10.40.0.7', '-h', '*.apps.weave.local')
  const service = ['-h', '_http._tcp.weave.local', '--type', 'SRV', '--value', '1 2 8080 c1.weave.local']
  await lab.weave(2, 'dns-add', ...service)
  for (const host of HOSTS) {
    await eventually('any.apps', async () => (await dig(host, 'any.apps')) === '10.40.0.7')
    const argv = ['/usr/bin/dig', '+short', '_http._tcp.weave.local', 'SRV']
    await eventually('the service', async () => {
      return (await lab.docker(host, 'exec', `c${host}`, ...argv)) === '1 2 8080 c1.weave.local.'
    })
  }
  const status = await lab.weave(3, 'status', 'dns')
  assert.match(status, /^\*\.apps +10\.40\.0\.7 +weave:extern /m)
  assert.match(status, /^_http\._tcp +SRV +weave:extern [0-9a-f:]{17} 1 2 8080 c1\.weave\.local$/m)
  const listed = JSON.parse(await lab.weave(3, 'status', 'dns', '--json')) as Record<string, unknown>[]
  assert.deepEqual(listed.flatMap(({ Type }) => Type ?? []).sort(), ['CNAME', 'SRV'])
  await lab.weave(2, 'dns-remove', ...service)
  await lab.weave(2, 'dns-remove', '10.40.0.7', '-h', '*.apps.weave.local')
  await eventually('any.apps is gone', async () => (await dig(1, 'any.apps')) === '')
})

test('a link has its name in its container, and a name of several addresses is swapped without a gap', async () => {
  await container(1, 'reader', ['--link', 'c1:source'])
  assert.equal(await resolved(1, 'reader', ['/usr/bin/getent', 'ahostsv4', 'source']), address['c1'])
  await lab.docker(1, 'rm', '-f', 'reader')

  await lab.weave(1, 'dns-add', '10.40.0.21', '-h', 'swap.weave.local')
  await eventually('the old one', async () => (await dig(3, 'swap')) === '10.40.0.21')
  await lab.weave(2, 'dns-add', '10.40.0.22', '-h', 'swap.weave.local')
  await eventually('both', async () => (await dig(3, 'swap')) === '10.40.0.21 10.40.0.22')
  await lab.weave(1, 'dns-remove', '10.40.0.21', '-h', 'swap.weave.local')
  await eventually('the new one', async () => (await dig(3, 'swap')) === '10.40.0.22')
})

test('a partition hides the names of the other side, and healing brings them back', async () => {
  for (const host of [1, 2]) await lab.link(host, 3, 'down')
  await eventually(
    'host3 is alone',
    async () => (await dig(3, 'c1')) === '' && (await dig(1, 'c3')) === '',
    150_000,
  )
  assert.equal(await dig(1, 'c2'), address['c2'])
  assert.equal(await dig(3, 'c3'), address['c3'])

  await container(1, 'meanwhile', [])
  for (const host of [1, 2]) await lab.link(host, 3, 'up')
  await eventually(
    'host3 knows all again',
    async () => {
      return (await dig(3, 'meanwhile')) === address['meanwhile'] && (await dig(1, 'c3')) === address['c3']
    },
    150_000,
  )
})

test('names of a host that is switched off are gone, and come back with it', async () => {
  await lab.hosts(['kill', '2'])
  await eventually('names of host2 are gone', async () => (await dig(1, 'c2')) === '', 150_000)
  assert.equal(await dig(1, 'c3'), address['c3'])
  await lab.hosts(['start', '2'])
  await lab.hosts(['dockerd', '2', 'start'])
  await lab.weave(2, 'launch', 'host1')
  await lab.docker(2, 'start', 'c2')
  address['c2'] = await addressOf(lab, 2, 'c2')
  await eventually('names of host2 are back', async () => (await dig(1, 'c2')) === address['c2'], 60_000)
})
