import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogLines } from '../../test/support/log-lines.ts'
import { type Ip4, parseIp4 } from '../lib/ip4.ts'
import { silentLog } from '../lib/log.ts'
import { DockerBridge } from './docker-bridge.ts'

const FIRST = parseIp4('172.17.0.1')
const SECOND = parseIp4('192.168.5.1')

test('a bridge that comes after us, and one that gets another address, is followed; one that goes is not', async () => {
  let now: Ip4 | undefined
  const told: Ip4[] = []
  const bridge = new DockerBridge(
    silentLog,
    async () => now,
    async (address) => void told.push(address),
  )
  await bridge.look()
  for (now of [undefined, FIRST, FIRST, undefined, FIRST, SECOND]) await bridge.check()
  assert.deepEqual(told, [FIRST, SECOND])
})

test('the address that was there at the start is no news', async () => {
  const told: Ip4[] = []
  const bridge = new DockerBridge(
    silentLog,
    async () => FIRST,
    async (address) => void told.push(address),
  )
  await bridge.look()
  await bridge.check()
  assert.deepEqual([bridge.address, told], [FIRST, []])
})

test('what cannot be done yet is tried again, and said once', async () => {
  const log = new LogLines()
  let tries = 0
  const bridge = new DockerBridge(
    log,
    async () => FIRST,
    async () => {
      if (++tries < 4) throw new Error('port 53 is taken')
    },
  )
  for (let i = 0; i < 5; i++) await bridge.check()
  assert.equal(tries, 4)
  assert.deepEqual(
    log.lines.map(({ level }) => level),
    ['warn', 'info'],
  )
})
