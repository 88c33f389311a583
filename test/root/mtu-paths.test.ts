import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTAINER_ADDRESS, Topology } from '../../bench/datapath/topology.ts'
import { type WeaveVariant, weave } from '../../bench/datapath/weave.ts'

/** Containers could send far more than the path between the hosts takes. */
const CONTAINER_MTU = 4000
const UNDERLAY_MTU = 1500
const ICMP_HEADERS = 28

/** Every way that frames take between hosts, and what it adds to a packet of a container (overlay §1, §4.2, §5.1). */
const WAYS: readonly {
  readonly name: string
  readonly version: 4 | 6
  readonly variant: WeaveVariant
  readonly overhead: number
  /** That of the way that larger packets take, whose end answers. */
  readonly answered: number
}[] = ([4, 6] as const).flatMap((version) => {
  const ip = version === 4 ? 20 : 40
  const [fastdp, clear, sealed] = [ip + 30, ip + 42, ip + 66]
  const bridge = { overlay: 'fastdp', bridge: true } as const
  const password = { overlay: 'sleeve', password: true } as const
  const old = { ...password, secretbox: true } as const
  return [
    { name: 'fastdp', version, variant: { overlay: 'fastdp' }, overhead: fastdp, answered: clear },
    { name: 'fastdp by the bridge', version, variant: bridge, overhead: fastdp, answered: clear },
    { name: 'sleeve in clear', version, variant: { overlay: 'sleeve' }, overhead: clear, answered: clear },
    { name: 'sleeve sealed', version, variant: password, overhead: sealed, answered: sealed },
    { name: 'sleeve sealed as for 2.x', version, variant: old, overhead: sealed, answered: sealed },
  ]
})

const skip = process.getuid?.() === 0 ? false : 'needs root'

for (const [index, { name, version, variant, overhead, answered }] of WAYS.entries()) {
  describe(`${name} over IPv${version}`, { skip }, () => {
    let topology: Topology
    const fits = UNDERLAY_MTU - overhead

    before(async () => {
      topology = new Topology(`wp${process.pid % 10_000}${index}`, {
        underlay: 'tso',
        mtu: CONTAINER_MTU,
        underlayMtu: UNDERLAY_MTU,
        version,
      })
      topology.buildUnderlay()
      await weave(variant)(topology)
      await topology.ready()
      const ask = `curl -sf --unix-socket ${topology.directory}/A.sock http://weave/status/connections`
      await topology.waitFor(`mtu=${fits} in ${topology.run('A', ask)}`, () =>
        new RegExp(`mtu=${fits}\\b`).test(topology.run('A', ask)),
      )
    })
    after(() => topology.down())

    /** What ping says of five packets, of `size` bytes with the IP header. */
    const ping = (size: number, fragment: 'do' | 'dont'): string =>
      topology.run(
        'Ac',
        `ip route flush cache
         ping -M ${fragment} -c5 -i0.2 -W2 -s ${size - ICMP_HEADERS} ${CONTAINER_ADDRESS.B} 2>&1 || true`,
      )

    test(`the largest packet, ${fits} bytes, passes`, () => {
      assert.match(ping(fits, 'do'), / 0% packet loss/)
    })

    test('one byte more is refused, and none vanishes', () => {
      const said = ping(fits + 1, 'do')
      // The answer comes from sleeve, and names what fits there: it holds when the connection changes its overlay.
      const told = UNDERLAY_MTU - answered
      const refused = said.match(
        new RegExp(`(Frag needed and DF set \\(mtu = |message too long, mtu[=:] ?)${told}\\b`, 'g'),
      )
      assert.equal(refused?.length, 5, said)
    })

    test('one byte more, and the largest of all, pass in fragments without DF', () => {
      for (const size of [fits + 1, CONTAINER_MTU, CONTAINER_MTU + 1]) {
        assert.match(ping(size, 'dont'), / 0% packet loss/, `${size} bytes`)
      }
    })
  })
}
