import type { Features } from './features.ts'

/** What a feature map says of one peer or one connection only; the rest is alike for most neighbours. */
const OWN_KEYS: ReadonlySet<string> = new Set([
  'PeerNameFlavour',
  'Name',
  'NickName',
  'UID',
  'ConnID',
  'ShortID',
  'Trusted',
])
/** Different sets remembered; more are kept by their connections only. */
const MAX_SETS = 16

/** What peers announce beyond who they are, kept once for all neighbours that announce the same. */
export class FeatureSets {
  readonly #sets = new Map<string, Features>()

  /** The features without those that only tell who the peer is. */
  shared(features: Features): Features {
    const announced = [...features].filter(([key]) => !OWN_KEYS.has(key)).sort(([a], [b]) => (a < b ? -1 : 1))
    const key = JSON.stringify(announced)
    const known = this.#sets.get(key)
    if (known !== undefined) return known
    const set = new Map(announced)
    if (this.#sets.size < MAX_SETS) this.#sets.set(key, set)
    return set
  }
}
