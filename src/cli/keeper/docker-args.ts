import { CommandFailure, ExitStatus } from '../io.ts'

/** What `WEAVE_DOCKER_ARGS` adds to the daemon's container. */
export interface DockerArgs {
  /** `NAME=VALUE` each. */
  readonly environment: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** `FROM:TO[:ro]` each. */
  readonly volumes: readonly string[]
}

const KINDS: Readonly<Record<string, keyof DockerArgs>> = {
  '-e': 'environment',
  '--env': 'environment',
  '-l': 'labels',
  '--label': 'labels',
  '-v': 'volumes',
  '--volume': 'volumes',
}

/**
 * The words of `docker run` that make sense for a container that is not the user's own. Those that would take away what
 * the daemon needs (`--net`, `--pid`, `--privileged`, `--restart`) are refused, as is what is not known.
 */
export function parseDockerArgs(text = ''): DockerArgs {
  const found: Record<keyof DockerArgs, string[]> = { environment: [], labels: [], volumes: [] }
  const words = text.split(/\s+/).filter((word) => word !== '')
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    const [, flag = word, joined] = /^(--\w+)=(.*)$/.exec(word) ?? []
    const kind = KINDS[flag]
    const value = joined ?? words[++at]
    if (kind === undefined || value === undefined) {
      const problem = kind === undefined ? 'only -e, -l and -v are taken' : 'its value is missing'
      throw new CommandFailure(ExitStatus.failure, `WEAVE_DOCKER_ARGS: ${flag}: ${problem}`)
    }
    found[kind].push(value)
  }
  const labels = found.labels.map((label): [string, string] => {
    const [name = '', ...value] = label.split('=')
    return [name, value.join('=')]
  })
  return { ...found, labels: Object.fromEntries(labels) }
}
