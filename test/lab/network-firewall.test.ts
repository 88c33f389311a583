import { describe, test } from 'node:test'
import { eventually, Lab } from './lab.ts'
import { inside, meshed, tools } from './traffic.ts'

for (const iptables of ['nft', 'legacy'] as const) {
  describe(`hosts with Docker's FORWARD policy DROP, iptables-${iptables}`, () => {
    test('containers reach each other, also after somebody flushed the rules', async () => {
      await using lab = await Lab.up({ hosts: 2, tools: true, forwardDrop: true, iptables })
      await lab.weave(1, 'launch')
      await lab.weave(2, 'launch', 'host1')
      await meshed(lab, [1, 2], 1)
      const target = await tools(lab, 1, 'box1')
      await tools(lab, 1, 'near')
      await tools(lab, 2, 'box2')
      const reach = async (): Promise<void> => {
        await inside(lab, 2, 'box2', `ping -c1 -W2 ${target}`)
        await inside(lab, 1, 'near', `ping -c1 -W2 ${target}`)
      }
      await reach()

      for (const host of [1, 2])
        await lab.sh(host, 'iptables -F FORWARD; iptables -t nat -F; iptables -t mangle -F')
      await eventually('our rules are back', async () => {
        const rules = await Promise.all([1, 2].map((host) => lab.sh(host, 'iptables -S FORWARD')))
        return rules.every((text) => text.includes('-i weave -o weave -j ACCEPT'))
      })
      await reach()
    })
  })
}
