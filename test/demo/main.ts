import { messageOf } from '../../src/lib/errors.ts'
import { eventually, Lab } from '../lab/lab.ts'
import { check, heading, say, shown } from './show.ts'

/**
 * `npm run demo`: three hosts with real dockerds in namespaces on this machine, one weave network over them.
 * Prints each command as a user would type it and what it gave; ends with non-zero status at the first thing
 * that does not work; leaves nothing behind.
 */
async function demo(lab: Lab): Promise<void> {
  heading('Weave Net on three hosts: no central store, nothing configured')
  await shown(lab, 1, 'weave launch')
  await shown(lab, 2, 'weave launch host1')
  await shown(lab, 3, 'weave launch')
  await shown(lab, 3, 'weave connect host2')
  await eventually('three connected peers', async () =>
    /Peers: 3 \(with 6 established/.test(await lab.weave(1, 'status')),
  )
  await shown(lab, 1, 'weave status connections')

  heading('Containers get addresses of one network, whatever host they are on')
  await shown(
    lab,
    1,
    'docker run -d --name web --net=weave busybox sh -c "mkdir /www; echo hello from host1 >/www/index.html; httpd -f -p 80 -h /www"',
  )
  await shown(lab, 2, 'docker run -d --name box2 --net=weave busybox sleep 3600')
  await shown(lab, 3, 'docker run -d --name box3 --net=weave busybox sleep 3600')
  await shown(lab, 2, 'weave ps')
  const web = (
    await lab.docker(1, 'inspect', '-f', '{{.NetworkSettings.Networks.weave.IPAddress}}', 'web')
  ).trim()

  heading('They reach each other by address, and by name')
  check(await shown(lab, 2, `docker exec box2 ping -c 3 ${web}`), /3 packets received/, 'a ping across hosts')
  check(
    await shown(lab, 3, `docker exec box3 wget -qO- http://${web}/`),
    /hello from host1/,
    'HTTP across hosts',
  )
  const resolver = await lab.weave(3, 'dns-args')
  check(
    await shown(lab, 3, `docker run --rm --net=weave ${resolver} busybox wget -qO- http://web.weave.local/`),
    /hello from host1/,
    'a name across hosts',
  )

  heading('host1 and host3 lose sight of each other: frames go through host2')
  say('(the cable between host1 and host3 is cut)')
  await lab.link(1, 3, 'down')
  const after = await eventually(
    'the detour',
    async () => {
      const ping = await lab.tryDocker(3, 'exec', 'box3', 'ping', '-c', '2', '-W', '1', web)
      return ping.status === 0 ? ping.stdout : undefined
    },
    90_000,
  )
  say(after)
  await lab.link(1, 3, 'up')

  heading('The daemon dies without warning: it is back, and nothing was lost')
  await shown(lab, 1, 'pkill -KILL -P $(cat /run/weave/supervisor.pid)')
  await eventually('host1 is back', async () => (await lab.tryWeave(1, 'status')).status === 0)
  const again = await eventually('traffic', async () => {
    const ping = await lab.tryDocker(2, 'exec', 'box2', 'ping', '-c', '2', '-W', '1', web)
    return ping.status === 0 ? ping.stdout : undefined
  })
  say(again)
  await shown(lab, 1, 'weave status')

  heading('Gone without a trace')
  for (const host of [1, 2, 3]) await lab.docker(host, 'rm', '-f', ...(await containers(lab, host)))
  for (const host of [3, 2, 1]) await shown(lab, host, 'weave reset')
}

async function containers(lab: Lab, host: number): Promise<string[]> {
  return (await lab.docker(host, 'ps', '-aq')).split('\n').filter((id) => id !== '')
}

let isInterrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    isInterrupted = true
    say('\ninterrupted: the hosts are taken down…')
    try {
      await Lab.downAll()
    } catch (thrown) {
      console.error(`demo: ${messageOf(thrown)}`)
    }
    process.exit(1)
  })
}

try {
  say('booting three hosts with dockerd…')
  const lab = await Lab.up({ hosts: 3 })
  try {
    await demo(lab)
  } finally {
    await lab.down()
  }
  say('\nThe demo is over; all hosts are gone. Next: README.md, docs/')
} catch (thrown) {
  // What was under way fails when its host goes.
  if (!isInterrupted) console.error(`demo: ${messageOf(thrown)}`)
  process.exitCode = 1
}
