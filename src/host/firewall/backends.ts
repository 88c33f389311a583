import { readFileSync } from 'node:fs'
import { type Finished, runProgram } from './program.ts'
import { parseSaved, type Saved } from './saved.ts'

/** One of the two sets of tables that the kernel keeps for iptables, with the programs that work on it. */
export interface Backend {
  readonly kind: 'nft' | 'legacy'
  readonly save: string
  readonly restore: string
}

interface Candidate extends Backend {
  /** What plain `iptables` is on this host, which is what Docker calls. */
  readonly isDefault: boolean
}

async function kindOf(program: string): Promise<Backend['kind'] | undefined> {
  const version = await runProgram([program, '--version'])
  if (version === undefined || version.status !== 0) return undefined
  // Before 1.8 there was only one kind, and no need to say so.
  return version.stdout.includes('(nf_tables)') ? 'nft' : 'legacy'
}

async function candidates(): Promise<Candidate[]> {
  const plain = await kindOf('iptables')
  const found: Candidate[] = []
  for (const kind of ['nft', 'legacy'] as const) {
    const program = `iptables-${kind}`
    if ((await kindOf(program)) === kind) {
      found.push({ kind, save: `${program}-save`, restore: `${program}-restore`, isDefault: plain === kind })
    } else if (plain === kind) {
      found.push({ kind, save: 'iptables-save', restore: 'iptables-restore', isDefault: true })
    }
  }
  return found
}

/** Undefined where the kernel does not have these tables. */
export async function savedOf(backend: Backend): Promise<Saved | undefined> {
  const saved = await runProgram([backend.save])
  return saved === undefined || saved.status !== 0 ? undefined : parseSaved(saved.stdout)
}

/** Legacy tables come to life when looked at: so look only where they live. */
function legacyIsAlive(): boolean {
  try {
    return readFileSync('/proc/net/ip_tables_names', 'utf8').trim() !== ''
  } catch {
    return false
  }
}

/** Somebody forwards or drops by these tables: a rule or a policy in FORWARD, or Docker's chains. */
function isInUse(saved: Saved): boolean {
  const filter = saved.get('filter')
  if (filter === undefined) return false
  const { rules, policies, chains } = filter
  return (rules.get('FORWARD')?.length ?? 0) > 0 || policies.get('FORWARD') === 'DROP' || chains.has('DOCKER')
}

/** All backends whose programs are there and whose tables the kernel has. */
export async function installedBackends(): Promise<Backend[]> {
  const usable: Backend[] = []
  for (const { isDefault, ...backend } of await candidates()) {
    if (backend.kind === 'legacy' && !isDefault && !legacyIsAlive()) continue
    if ((await savedOf(backend)) !== undefined) usable.push(backend)
  }
  return usable
}

/**
 * The backends that decide over forwarded packets: the one that `iptables` is here, and the other where it has rules.
 * A packet must be accepted by both.
 */
export async function activeBackends(): Promise<Backend[]> {
  const active: { backend: Backend; used: boolean; isDefault: boolean }[] = []
  for (const { isDefault, ...backend } of await candidates()) {
    if (backend.kind === 'legacy' && !isDefault && !legacyIsAlive()) continue
    const saved = await savedOf(backend)
    if (saved !== undefined) active.push({ backend, isDefault, used: isInUse(saved) })
  }
  // Where plain iptables does not work, another one must carry the rules.
  const chosen = active.filter(({ used, isDefault }) => used || isDefault)
  return (chosen.length > 0 ? chosen : active.slice(0, 1)).map(({ backend }) => backend)
}

const RESOURCE_PROBLEM = 4
const ATTEMPTS = 5

/** Feeds a script to the backend's restore program; each table is changed in one step. */
export async function restore(backend: Backend, script: string): Promise<Finished> {
  for (let attempt = 1; ; attempt++) {
    const done = await runProgram([backend.restore, '--noflush', '-w', '5'], script)
    if (done === undefined) return { status: 127, stdout: '', stderr: `${backend.restore} is not installed` }
    if (done.status !== RESOURCE_PROBLEM || attempt === ATTEMPTS) return done
  }
}
