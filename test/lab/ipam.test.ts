import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { projectFile } from '../support/project.ts'
import { eventually, Lab } from './lab.ts'
import { addressOf, launched, owned, pings, run } from './plugin-hosts.ts'

const HOSTS = [1, 2, 3] as const

/** The ring as a host knows it, without what changes all the time. */
async function ring(lab: Lab, host: number): Promise<string> {
  const report = JSON.parse(
    await lab.sh(host, 'curl -sf -H "Accept: application/json" http://127.0.0.1:6784/report'),
  ) as {
    IPAM: { Entries: { Token: string; Peer: string; Version: number }[] | null }
  }
  return (report.IPAM.Entries ?? [])
    .map(({ Token, Peer, Version }) => `${Token} ${Peer} ${Version}`)
    .join('\n')
}

describe('addresses on three hosts', () => {
  let lab: Lab

  before(async () => {
    lab = await launched({ hosts: 3 }, '--ipalloc-init', 'consensus=3')
    for (const host of HOSTS) await run(lab, host, `first${host}`, '--net=weave')
  })
  after(() => lab.down())

  test('both sides of a partition go on giving out addresses, all of them different', async () => {
    for (const host of [1, 2]) await lab.link(host, 3, 'down')
    const started = HOSTS.flatMap((host) =>
      [1, 2, 3].map(async (number) => {
        const name = `cut${host}-${number}`
        await run(lab, host, name, '--net=weave')
        return await addressOf(lab, host, name)
      }),
    )
    const during = await Promise.all(started)
    for (const host of [1, 2]) await lab.link(host, 3, 'up')

    const before = await Promise.all(HOSTS.map((host) => addressOf(lab, host, `first${host}`)))
    const all = [...before, ...during]
    assert.equal(new Set(all).size, 12, `${all.join(' ')}`)
  })

  test('after the partition all agree on one ring, and containers of both sides reach each other', async () => {
    await eventually(
      'one ring',
      async () => {
        const rings = await Promise.all(HOSTS.map((host) => ring(lab, host)))
        return rings[0] !== '' && new Set(rings).size === 1
      },
      120_000,
    )
    const far = await addressOf(lab, 3, 'cut3-1')
    await eventually('the other side', () => pings(lab, 1, 'cut1-1', far), 60_000)
  })
})

describe('a range that is used up', () => {
  let lab: Lab

  before(async () => {
    lab = await launched({ hosts: 1 }, '--ipalloc-range', '10.44.0.0/29')
  })
  after(() => lab.down())

  test('docker run says that there is no free address, and where; a freed one is given out again', async () => {
    let number = 0
    let refused = await lab.tryDocker(
      1,
      'run',
      '-d',
      '--net=weave',
      '--name',
      'c0',
      'busybox',
      'sleep',
      '100000',
    )
    while (refused.status === 0 && number < 8) {
      number++
      const command = ['run', '-d', '--net=weave', '--name', `c${number}`, 'busybox', 'sleep', '100000']
      refused = await lab.tryDocker(1, ...command)
    }
    assert.ok(number >= 5 && number <= 6, `${number} containers fit into 6 addresses`)
    assert.match(refused.stderr, /no free address in 10\.44\.0\.0\/29/)

    const freed = await addressOf(lab, 1, 'c1')
    await lab.docker(1, 'rm', '-f', 'c1')
    await run(lab, 1, 'next', '--net=weave')
    assert.equal(await addressOf(lab, 1, 'next'), freed)
  })
})

const { file_hex, decoded } = JSON.parse(
  readFileSync(projectFile('test/vectors/ipam/boltdb.json'), 'utf8'),
) as {
  readonly file_hex: string
  readonly decoded: {
    readonly peername: string
    readonly ownedAddresses: Readonly<Record<string, { Cidrs: string[]; IsContainer: boolean }>>
  }
}

/** An address of the old file that is filed under its own text: its container is not known by id. */
const KEPT = '10.32.0.6'

describe('a host that ran Weave Net 2.x', () => {
  let lab: Lab

  before(async () => {
    lab = await Lab.up({ hosts: 1 })
    const sample = join(tmpdir(), `${lab.name}-weavedata.db`)
    writeFileSync(sample, Buffer.from(file_hex, 'hex'))
    try {
      await lab.sh(1, `mkdir -p /var/lib/weave && cp ${sample} /var/lib/weave/weave-netdata.db`)
    } finally {
      rmSync(sample)
    }
    // Bridge and container as the old daemon left them when it was stopped for the upgrade.
    await run(lab, 1, 'old', '--net=none')
    const pid = await lab.docker(1, 'inspect', '-f', '{{.State.Pid}}', 'old')
    await lab.sh(
      1,
      `ip link add weave type bridge && ip link set weave up
       ip link add vethwepl1 type veth peer name ethwe && ip link set vethwepl1 master weave up
       ip link set ethwe netns ${pid}
       nsenter -t ${pid} -n sh -c 'ip addr add ${KEPT}/12 dev ethwe && ip link set ethwe up'`,
    )
    // The sample comes from another machine: by itself a host has the name of its hardware, as in 2.x.
    await lab.weave(1, 'launch', '--name', decoded.peername)
  })
  after(() => lab.down())

  test('keeps its name and what was given out, but for containers that are gone', async () => {
    assert.match(await lab.weave(1, 'status'), new RegExp(`Name: ${decoded.peername}`))
    const kept = Object.entries(decoded.ownedAddresses).filter(([, { IsContainer }]) => !IsContainer)
    const expected = kept.map(([ident, { Cidrs }]) => `${ident} ${Cidrs}`).sort()
    await eventually('the old addresses', async () => {
      const held = [...(await owned(lab, 1))].map(([ident, cidrs]) => `${ident} ${cidrs}`).sort()
      return expected.every((one) => held.includes(one)) && held.length <= expected.length + 1
    })
  })

  test('its running container keeps its address and is reached from new ones, which get others', async () => {
    await run(lab, 1, 'new', '--net=weave')
    const address = await addressOf(lab, 1, 'new')
    const taken = Object.values(decoded.ownedAddresses).filter(({ IsContainer }) => !IsContainer)
    assert.equal(
      taken.some(({ Cidrs }) => Cidrs[0]?.startsWith(`${address}/`)),
      false,
      address,
    )
    assert.match(await lab.docker(1, 'exec', 'old', 'ip', 'addr', 'show', 'ethwe'), /inet 10\.32\.0\.6\/12/)
    await eventually('the old container', () => pings(lab, 1, 'new', KEPT))
  })
})
