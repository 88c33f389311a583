import type { Plant } from './planted.ts'

/** Faults of the leases that the simulated lives have to show. */
export const LEASE_PLANTS: readonly Plant[] = [
  {
    bug: 'addresses are given out whatever the lease holds',
    file: 'lease/holder',
    text: 'isLeased ? permitted(own) : NOTHING',
    becomes: 'isLeased ? undefined : NOTHING',
  },
  {
    bug: 'a lease counts before it is granted',
    file: 'lease/lease',
    text: 'return others.reduce((common, { held }) => intersection(common, held), [...(first?.held ?? [])])',
    becomes: 'return [...((others.at(-1) ?? first)?.held ?? [])]',
  },
  {
    bug: 'what a departed host held is taken with the rest at once',
    file: 'lease/next-epoch',
    text: 'const all = plan.rest.has(peer)',
    becomes: 'const all = true',
  },
  {
    bug: 'an epoch is agreed on by less than a majority',
    file: 'lease/epoch',
    text: 'Math.floor(voters.length / 2) + 1',
    becomes: 'Math.max(1, Math.floor(voters.length / 2))',
  },
]
