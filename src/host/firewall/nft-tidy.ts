import { runProgram } from './program.ts'

/**
 * iptables-nft makes its tables and chains when it first needs them. Those that had a rule of ours and are empty now,
 * or hold nothing at all, were most likely made for us; without them nothing changes for anybody.
 */
export async function tidyNft(touched: readonly (readonly [table: string, chain: string])[]): Promise<void> {
  for (const [table, chain] of touched) {
    const listing = await list('chain', 'ip', table, chain)
    if (listing !== undefined && isEmpty(listing))
      await runProgram(['nft', 'delete', 'chain', 'ip', table, chain])
  }
  for (const table of ['mangle', 'nat', 'filter']) {
    const listing = await list('table', 'ip', table)
    if (listing !== undefined && isEmpty(listing)) await runProgram(['nft', 'delete', 'table', 'ip', table])
  }
}

async function list(...what: string[]): Promise<string | undefined> {
  const listed = await runProgram(['nft', '--stateless', 'list', ...what])
  return listed?.status === 0 ? listed.stdout : undefined
}

/** Nothing but built-in chains that accept everything. */
const isEmpty = (listing: string): boolean =>
  listing
    .split('\n')
    .map((line) => line.trim())
    .every((line) => /^(?:table ip \w+ \{|chain [A-Z]+ \{|type .*policy accept;|\}|#.*|)$/.test(line))
