import { spawn } from 'node:child_process'
import { VERSION } from '../lib/version.ts'
import { CommandFailure, ExitStatus, type Io } from './io.ts'
import { imageName } from './keeper/image-name.ts'

/** What concerns the machine that the command is typed on, wherever Docker is. */
const HERE = new Set(['help', '--help', 'completion', 'man', 'install-service', 'setup'])

/** Settings that count for the other machine too (cli §0.1). */
const PASSED = /^(?:WEAVE_(?!IMAGE$|IN_DOCKER$)\w+|DOCKER_BRIDGE|DOCKERHUB_USER|CHECKPOINT_DISABLE)$/

/** What commands there do to bridge, firewall, namespaces and programs in the kernel; the daemon has no more. */
const CAPABILITIES = ['DAC_OVERRIDE', 'NET_BIND_SERVICE', 'NET_ADMIN', 'NET_RAW', 'SYS_PTRACE', 'SYS_ADMIN']

/** `docker`'s own status for a container that it could not start. */
const NOT_STARTED = 125

/** True when `DOCKER_HOST` names another machine, whose Weave Net the command is then for (cli §0). */
export function isElsewhere({ environment }: Pick<Io, 'environment'>, words: readonly string[]): boolean {
  const host = environment['DOCKER_HOST'] ?? ''
  const [command = ''] = words
  const restores = command === 'env' && words.includes('--restore')
  return /^(?:tcp|ssh|https?):\/\//.test(host) && !HERE.has(command) && !restores
}

/** Arguments of the docker client that run the command over there, in a container of our image. */
export function remoteArguments(
  { environment, isTerminal }: Pick<Io, 'environment' | 'isTerminal'>,
  words: readonly string[],
): readonly string[] {
  const image = imageName(environment)
  const passed = Object.keys(environment).filter((name) => PASSED.test(name) && environment[name] !== '')
  return [
    ...blankSeparated(environment['DOCKER_CLIENT_ARGS']),
    ...['run', '--rm', '--pull=never', '--net=host', '--pid=host', '--cap-drop=ALL'],
    ...CAPABILITIES.map((name) => `--cap-add=${name}`),
    ...['--security-opt=apparmor=unconfined', '--security-opt=systempaths=unconfined'],
    ...(isTerminal ? ['-ti'] : []),
    ...['-v', '/run:/run', '-v', '/var/lib:/var/lib', '-v', '/var/log:/var/log'],
    ...['-v', '/sys/fs/bpf:/sys/fs/bpf', '-v', '/etc:/host/etc:ro', '-v', '/dev/net:/host/dev/net:ro'],
    // Names only: the docker client reads the values, and `ps` shows no password.
    ...passed.flatMap((name) => ['-e', name]),
    ...['-e', 'WEAVE_IN_DOCKER=true', '-e', `WEAVE_IMAGE=${image}`, '-e', 'HOST_ROOT=/host'],
    ...blankSeparated(environment['WEAVEEXEC_DOCKER_ARGS']),
    ...[image, '--local', ...words],
  ]
}

const blankSeparated = (text = ''): readonly string[] => text.split(/\s+/).filter((word) => word !== '')

/** Runs the command on the machine that `DOCKER_HOST` names; streams and status are those of the command there. */
export async function runElsewhere(io: Io, words: readonly string[]): Promise<number> {
  // As with the original, the command itself is here and the rest is there.
  if (words[0] === 'version') io.out(`weave script ${VERSION}\n`)
  const status = await docker(remoteArguments(io, words))
  if (status !== NOT_STARTED) return status
  throw new CommandFailure(
    NOT_STARTED,
    `weave could not run on ${io.environment['DOCKER_HOST']}. It needs the image ${imageName(io.environment)} there: 'docker load -i release/weave-net-image.tar.gz'. For this machine use 'weave --local'.`,
  )
}

function docker(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('docker', args, { stdio: 'inherit' })
    child.once('error', () =>
      reject(
        new CommandFailure(
          ExitStatus.failure,
          'the docker client is needed to reach the machine that DOCKER_HOST names',
        ),
      ),
    )
    child.once('close', (status) => resolve(status ?? ExitStatus.failure))
  })
}
