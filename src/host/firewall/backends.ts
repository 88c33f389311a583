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

const KINDS = ['nft', 'legacy'] as const

async function candidates(): Promise<Candidate[]> {
  const programs = ['iptables', ...KINDS.map((kind) => `iptables-${kind}`)]
  const [plain, ...specific] = await Promise.all(programs.map(kindOf))
  const found: Candidate[] = []
  for (const [i, kind] of KINDS.entries()) {
    const program = `iptables-${kind}`
    if (specific[i] === kind) {
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

/** A backend with its tables as they are. */
export interface LiveBackend {
  readonly backend: Backend
  readonly saved: Saved
}

interface Installed extends LiveBackend {
  readonly isDefault: boolean
}

/** All backends whose programs are there and whose tables the kernel has. */
export async function installedBackends(): Promise<readonly LiveBackend[]> {
  return installed()
}

async function installed(): Promise<Installed[]> {
  const usable = (await candidates()).filter(
    ({ kind, isDefault }) => kind === 'nft' || isDefault || legacyIsAlive(),
  )
  const found = await Promise.all(
    usable.map(async ({ isDefault, ...backend }) => ({ backend, isDefault, saved: await savedOf(backend) })),
  )
  return found.flatMap(({ saved, ...rest }) => (saved === undefined ? [] : [{ ...rest, saved }]))
}

/**
 * The backends that decide over forwarded packets: the one that `iptables` is here, and the other where it has rules.
 * A packet must be accepted by both.
 */
export async function activeBackends(): Promise<readonly LiveBackend[]> {
  const all = await installed()
  const chosen = all.filter(({ saved, isDefault }) => isDefault || isInUse(saved))
  // Where plain iptables does not work, another one must carry the rules.
  return chosen.length > 0 ? chosen : all.slice(0, 1)
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
