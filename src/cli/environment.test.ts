import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../config/load.ts'
import { environmentName } from '../config/option.ts'
import { optionRows } from '../config/options.ts'
import { parseEngineAddress } from '../docker/engine/address.ts'
import { dockerBridgeIp } from './commands/host.ts'
import { env } from './commands/proxy.ts'
import type { Io } from './io.ts'
import { containerRequest } from './keeper/container.ts'
import { imageName } from './keeper/image-name.ts'
import { isElsewhere, remoteArguments } from './remote.ts'

type Environment = Readonly<Record<string, string>>

const config = (environment: Environment) => loadConfig([], environment).config
const remote = (environment: Environment): string =>
  remoteArguments({ environment, isTerminal: false }, ['status']).join(' ')

async function said(act: (io: Io) => Promise<unknown>, environment: Environment): Promise<string> {
  let text = ''
  const write = (more: string): void => {
    text += more
  }
  const io: Io = { environment, isTerminal: false, out: write, err: write }
  await act(io).catch((thrown: unknown) => write(String(thrown)))
  return text
}

const refusal = (environment: Environment): string => {
  try {
    loadConfig([], environment)
    return ''
  } catch (thrown) {
    return String(thrown)
  }
}

const container = (dockerArgs: string): unknown =>
  containerRequest(loadConfig([], {}), { id: 'x', image: 'i', dockerSocket: '/run/docker.sock', dockerArgs })

/** Each variable of cli §0.1: what it changes, seen with it and without it. */
const effects: Readonly<
  Record<string, readonly [value: string, look: (environment: Environment) => unknown, expected: unknown]>
> = {
  WEAVE_DEBUG: ['1', (e) => config(e).logLevel, 'debug'],
  WEAVE_VERSION: ['9.9', imageName, 'weave-net:9.9'],
  DOCKERHUB_USER: ['me', (e) => imageName(e).split('/')[0], 'me'],
  DOCKER_HOST: ['tcp://other:2375', (e) => isElsewhere({ environment: e }, ['status']), true],
  DOCKER_CLIENT_ARGS: ['--tls', (e) => remote(e).startsWith('--tls run '), true],
  DOCKER_BRIDGE: ['nosuch0', (e) => config(e).dockerBridge, 'nosuch0'],
  WEAVE_PASSWORD: ['a secret', (e) => config(e).password, 'a secret'],
  WEAVE_PORT: ['7000', (e) => config(e).port, 7000],
  WEAVE_HTTP_ADDR: ['127.0.0.1:7784', (e) => config(e).httpAddr, '127.0.0.1:7784'],
  WEAVE_STATUS_ADDR: ['127.0.0.1:7782', (e) => config(e).statusAddr, '127.0.0.1:7782'],
  WEAVE_CONTAINER_NAME: ['net', (e) => remote(e).includes('-e WEAVE_CONTAINER_NAME'), true],
  WEAVE_MTU: ['1200', (e) => config(e).mtu, 1200],
  WEAVE_NO_FASTDP: ['yes', (e) => config(e).noFastdp, true],
  WEAVE_NO_BRIDGED_FASTDP: ['1', (e) => loadConfig([], e).notes.length, 1],
  WEAVE_DOCKER_ARGS: [
    '-e A=b --label=c=d -v /x:/y',
    (e) => {
      const text = JSON.stringify(container(e['WEAVE_DOCKER_ARGS'] ?? ''))
      return text.includes('"A=b"') && text.includes('"c":"d"') && text.includes('"/x:/y"')
    },
    true,
  ],
  WEAVEEXEC_DOCKER_ARGS: ['-v /x:/y', (e) => remote(e).includes('-v /x:/y weave-net'), true],
  CHECKPOINT_DISABLE: ['1', (e) => remote(e).includes('-e CHECKPOINT_DISABLE'), true],
  AWSVPC: ['1', (e) => refusal(e).includes('Amazon VPC'), true],
  WEAVE_CNI_PLUGIN_DIR: ['/opt', (e) => loadConfig([], e).notes.length, 1],
  HAIRPIN_MODE: ['false', (e) => loadConfig([], e).notes.length, 1],
  ORIG_DOCKER_HOST: [
    'unix:///x',
    async (e) => (await said((io) => env(io, { restore: true }), e)) === 'DOCKER_HOST=unix:///x\n',
    true,
  ],
  DOCKER_CERT_PATH: [
    '/nonexistent/certificates',
    (e) => {
      try {
        parseEngineAddress('tcp://other:2376', { ...e, DOCKER_TLS_VERIFY: '1' })
        return false
      } catch (thrown) {
        return String(thrown).includes('/nonexistent/certificates')
      }
    },
    true,
  ],
}

/** Of the original's script and helper containers; here they have nothing to act on. */
const WITHOUT_OBJECT: Readonly<Record<string, string>> = {
  DOCKER_CLIENT_HOST: 'where the API proxy listens: there is no proxy in this release',
  PROXY_HOST: 'how the API proxy is reached: there is no proxy in this release',
  COVERAGE: 'builds of the original for its tests',
  EXEC_IMAGE: 'the image with the original script',
}

for (const [name, [value, look, expected]] of Object.entries(effects)) {
  test(`${name} has its effect`, async () => {
    assert.deepEqual(await look({ [name]: value }), expected)
    assert.notDeepEqual(await look({}), expected, 'without it the outcome is another one')
  })
}

for (const [name, why] of Object.entries(WITHOUT_OBJECT)) {
  test(`${name} changes nothing: ${why}`, () => {
    assert.deepEqual(config({ [name]: 'x' }), config({}))
  })
}

test('DOCKER_BRIDGE is also the bridge that docker-bridge-ip asks for', async () => {
  assert.match(await said(dockerBridgeIp, { DOCKER_BRIDGE: 'nosuch0' }), /nosuch0 has no IPv4 address/)
})

test('each setting of the table has a variable that is read and that names itself when it is wrong', () => {
  for (const [key, option] of optionRows) {
    const name = environmentName(option)
    if (option.schema.safeParse('\u0000 no such value').success || option.envByPresence === true) continue
    assert.match(
      refusal({ [name]: '\u0000 no such value' }),
      new RegExp(`environment variable ${name}:`),
      key,
    )
  }
})

test('what would take from the container what the daemon needs is refused', () => {
  for (const args of ['--net=none', '--privileged', '-e', '--restart no']) {
    assert.throws(() => container(args), /WEAVE_DOCKER_ARGS: -/)
  }
})
