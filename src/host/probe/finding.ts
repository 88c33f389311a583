/**
 * What was found out about one thing: it works, it is missing (and what would bring it), it works but something is
 * wrong (and what to do), or it could not be tried (and why).
 */
export type Outcome =
  | { readonly state: 'works'; readonly detail?: string }
  | { readonly state: 'missing'; readonly needs: string }
  | { readonly state: 'wrong'; readonly problem: string; readonly advice: string }
  | { readonly state: 'unknown'; readonly reason: string }

export interface Finding {
  /** Stable, for scripts: `veth`, `udp-gso`, `input-6783`. */
  readonly id: string
  readonly group: 'kernel' | 'firewall' | 'network' | 'containers'
  /** What it is, for people. */
  readonly title: string
  /** What happens without it. */
  readonly without: string
  readonly outcome: Outcome
}

/** True for what a user should look at. */
export const needsAttention = ({ outcome }: Finding): boolean => outcome.state === 'wrong'
