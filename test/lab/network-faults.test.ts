import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { projectFile } from '../support/project.ts'
import { eventually, Lab } from './lab.ts'
import { killDaemon } from './plugin-hosts.ts'
import { gaps, inside, meshed, overlays, tools } from './traffic.ts'

const HOSTS = [1, 2, 3] as const

/** What iperf3 says of one connection. */
interface Stream {
  readonly intervals: readonly { readonly sum: { readonly bytes: number } }[]
  readonly end: { readonly sum_received: { readonly bytes: number } }
}

/** The build that is upgraded from: the one in `WEAVE_OTHER_BUILD`, else a copy of this one in another place. */
function copyBuild(): string {
  const given = process.env['WEAVE_OTHER_BUILD']
  if (given !== undefined) return given
  const copy = mkdtempSync(join(tmpdir(), 'weave-build-'))
  for (const part of ['bin', 'dist', 'package.json'])
    cpSync(projectFile(part), join(copy, part), { recursive: true })
  return copy
}

describe('a network of three hosts under faults', () => {
  let lab: Lab
  const address: Record<number, string> = {}
  const otherBuild = copyBuild()

  before(async () => {
    lab = await Lab.up({ hosts: 3, tools: true })
    await lab.weave(1, 'launch')
    await lab.weave(2, 'launch', '10.99.0.1:6783')
    await lab.weave(3, 'launch')
    await lab.weave(3, 'connect', 'host2')
    await meshed(lab, HOSTS, 2)
    for (const host of HOSTS) address[host] = await tools(lab, host, `box${host}`)
  })
  after(async () => {
    await lab.down()
    if (process.env['WEAVE_OTHER_BUILD'] === undefined) rmSync(otherBuild, { recursive: true })
  })

  test('two hosts that cannot see each other talk through the third, and directly again afterwards', async () => {
    await lab.link(1, 3, 'down')
    await eventually(
      'the detour',
      async () => {
        const ping = await lab.tryDocker(3, 'exec', 'box3', 'ping', '-c1', '-W1', address[1] ?? '')
        return ping.status === 0 && !(await overlays(lab, 1)).has('host3')
      },
      100_000,
    )
    await inside(lab, 3, 'box3', `ping -c3 -i0.2 -W2 ${address[1]}`)

    await lab.link(1, 3, 'up')
    await eventually('the direct connection', async () => (await overlays(lab, 1)).has('host3'), 60_000)
    await inside(lab, 3, 'box3', `ping -c3 -i0.2 -W2 ${address[1]}`)
  })

  test('during a partition each side goes on and gives out its own addresses; it heals by itself', async () => {
    await lab.link(1, 3, 'down')
    await lab.link(2, 3, 'down')
    await eventually('host3 is alone', async () => (await overlays(lab, 3)).size === 0, 100_000)
    const apart = await tools(lab, 3, 'apart')
    const together = await tools(lab, 1, 'together')
    assert.notEqual(apart, together)
    await inside(lab, 3, 'apart', `ping -c1 -W2 ${address[3]}`)

    await lab.link(1, 3, 'up')
    await lab.link(2, 3, 'up')
    await meshed(lab, HOSTS, 2)
    await inside(lab, 3, 'apart', `ping -c3 -i0.2 -W2 ${together}`)
  })

  const restart = async (): Promise<void> => {
    await lab.weave(1, 'stop')
    await lab.weave(1, 'launch', '--resume')
  }
  const interruptions: readonly [string, () => Promise<void>][] = [
    ['kill -9', () => killDaemon(lab, 1)],
    ['weave stop and launch --resume', restart],
    ['the upgrade from another build', restart],
  ]
  for (const [how, interrupt] of interruptions) {
    test(`${how} under ping and iperf3: no probe too many and no connection is lost`, async (context) => {
      if (how.includes('another build')) {
        await lab.weave(1, 'stop')
        await lab.exec(1, [join(otherBuild, 'bin/weave'), 'launch', '--resume'])
        await meshed(lab, HOSTS, 2)
      }
      // What counts is the client's connection: a server of an earlier test that misses its end goes.
      await inside(lab, 1, 'box1', 'pkill iperf3; iperf3 -s -D')
      await eventually(
        'iperf3 listens',
        async () => (await inside(lab, 1, 'box1', 'ss -Hltn sport = :5201')) !== '',
      )
      const ping = inside(lab, 2, 'box2', `ping -i0.1 -c100 -W1 ${address[1]} || true`)
      const stream = inside(lab, 2, 'box2', `iperf3 -c ${address[1]} -t9 -b200M -J`)
      await new Promise((resolve) => setTimeout(resolve, 1500))
      await interrupt()
      const seen = gaps(await ping)
      const { end, intervals } = JSON.parse(await stream) as Stream
      context.diagnostic(
        `longest silence ${seen.longestMs.toFixed(0)} ms, ${seen.lost} of 100 probes lost, ` +
          `${end.sum_received.bytes} bytes over one connection`,
      )
      assert.ok(seen.lost <= 3, `${seen.lost} probes lost, silent for ${seen.longestMs} ms`)
      assert.ok((intervals.at(-1)?.sum.bytes ?? 0) > 10_000_000, 'the stream is as fast at its end as before')
      await meshed(lab, HOSTS, 2)
    })
  }

  test('forget stops the retries to a host that is gone, and the network goes on', async () => {
    await lab.weave(3, 'forget', 'host2')
    assert.doesNotMatch(await lab.weave(3, 'status', 'targets'), /host2/)
    await inside(lab, 3, 'box3', `ping -c1 -W2 ${address[2]}`)
  })

  test('reset gives the addresses back to the others and leaves the network', async () => {
    await lab.docker(3, 'rm', '-f', 'box3', 'apart')
    await lab.weave(3, 'reset')
    await eventually(
      'host3 is gone',
      async () => !(await lab.weave(1, 'status', 'peers')).includes('host3'),
      60_000,
    )
    assert.doesNotMatch(await lab.weave(1, 'status', 'ipam'), /unreachable/)
  })
})

describe('the same over sleeve', () => {
  let lab: Lab
  let target: string

  before(async () => {
    lab = await Lab.up({ hosts: 2, tools: true })
    await lab.weave(1, 'launch', '--no-fastdp')
    await lab.weave(2, 'launch', '--no-fastdp', 'host1')
    await meshed(lab, [1, 2], 1)
    target = await tools(lab, 1, 'box1')
    await tools(lab, 2, 'box2')
  })
  after(() => lab.down())

  test('kill -9 of the daemon stops traffic for less than two seconds', async (context) => {
    const ping = inside(lab, 2, 'box2', `ping -i0.1 -c100 -W1 ${target} || true`)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await killDaemon(lab, 1)
    const seen = gaps(await ping)
    context.diagnostic(`longest silence ${seen.longestMs.toFixed(0)} ms, ${seen.lost} of 100 probes lost`)
    assert.ok(seen.longestMs < 2000, `silent for ${seen.longestMs} ms`)
  })
})
