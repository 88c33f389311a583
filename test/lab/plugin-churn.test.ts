import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Lab } from './lab.ts'
import { addressOf, cables, launched, owned, run } from './plugin-hosts.ts'

/** Containers that come and go, over both hosts together. */
const containers = 200
/** Of them at a time made on each host, and how many of each maker stay until later ones have come. */
const makers = 4
const staying = 3

let lab: Lab

before(async () => {
  lab = await launched({ hosts: 2 })
})
after(() => lab?.down())

test(`${containers} containers come and go over two hosts: no address twice at a time, nothing left`, async () => {
  const holders = new Map<string, string>()
  const duplicates: string[] = []

  const make = async (host: number, name: string): Promise<{ name: string; address: string }> => {
    await run(lab, host, name, '--net=weave')
    const address = await addressOf(lab, host, name)
    const other = holders.get(address)
    if (other !== undefined) duplicates.push(`${address}: ${other} and ${name}`)
    holders.set(address, name)
    return { name, address }
  }
  const remove = async (
    host: number,
    { name, address }: { name: string; address: string },
  ): Promise<void> => {
    holders.delete(address)
    await lab.docker(host, 'rm', '-f', name)
  }
  const maker = async (host: number, number: number): Promise<void> => {
    const alive: { name: string; address: string }[] = []
    for (let i = 0; i < containers / 2 / makers; i++) {
      alive.push(await make(host, `m${number}n${i}`))
      const oldest = alive.length > staying ? alive.shift() : undefined
      if (oldest !== undefined) await remove(host, oldest)
    }
    for (const last of alive) await remove(host, last)
  }
  await Promise.all([1, 2].flatMap((host) => Array.from({ length: makers }, (_, i) => maker(host, i))))

  assert.deepEqual(duplicates, [])
  for (const host of [1, 2]) {
    assert.deepEqual([...(await owned(lab, host)).keys()], [])
    assert.deepEqual(await cables(lab, host), [])
  }
})
