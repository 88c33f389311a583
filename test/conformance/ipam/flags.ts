import { parseIpamFlags } from '../../../src/ipam/init.ts'
import { messageOf } from '../../../src/lib/errors.ts'
import type { Observation } from '../case.ts'

interface FlagCase {
  readonly args: readonly string[]
  readonly starts: boolean
  readonly fatal: readonly string[]
}

/** What ends a start, in the original's words. */
export function* flagErrors(vector: { readonly cases: readonly FlagCase[] }): Generator<Observation> {
  for (const { args, fatal } of vector.cases) {
    const name = args.join(' ')
    if (args.some((arg) => arg.startsWith('--dns'))) {
      yield { case: name, notRun: 'the flag is of the DNS server' }
      continue
    }
    yield { case: name, expected: fatal, actual: fatals(args) }
  }
}

function fatals(args: readonly string[]): string[] {
  const value = (flag: string): string =>
    args.find((arg) => arg.startsWith(`--ipalloc-${flag}=`))?.slice(`--ipalloc-${flag}=`.length) ?? ''
  try {
    parseIpamFlags({ range: value('range'), defaultSubnet: value('default-subnet'), init: value('init') })
    return []
  } catch (thrown) {
    return [messageOf(thrown)]
  }
}
