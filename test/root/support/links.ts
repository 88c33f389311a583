import assert from 'node:assert/strict'
import { run } from './namespaces.ts'

interface ShownLink {
  readonly ifname: string
  readonly address: string
  readonly mtu: number
  readonly flags: string[]
  readonly master?: string
}

/** A link of the namespace that we are in. */
export const show = (ifname: string): ShownLink => {
  const [link] = JSON.parse(run('ip', '-j', 'link', 'show', ifname)) as ShownLink[]
  assert.ok(link)
  return link
}

/** Names of all its links, sorted. */
export const hostLinks = (): string[] =>
  (JSON.parse(run('ip', '-j', 'link')) as ShownLink[]).map(({ ifname }) => ifname).sort()
