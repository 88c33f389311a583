import { eventually, type Lab } from './lab.ts'

/** The original's daemon, 2.8.x, where there is one to test with. */
const original = process.env['WEAVE_ORIGINAL']

export const withoutOriginal =
  original === undefined ? 'not run: WEAVE_ORIGINAL names no daemon of Weave Net 2.8.x' : false

/** Starts the original on a host, without names and Docker, and waits until it answers. */
export async function startOriginal(lab: Lab, host: number, ...args: readonly string[]): Promise<void> {
  const flags = [
    ...['--no-dns', '--port', '6783', '--nickname', `host${host}`, '--no-fastdp', '--docker-api', ''],
    ...['--http-addr', '127.0.0.1:6784', '--db-prefix', '/var/lib/weave/weave', ...args],
  ]
  const start = 'mkdir -p /var/lib/weave /run/weave; cd /run/weave; exec "$@"'
  const command = ['env', 'CHECKPOINT_DISABLE=1', original ?? '', ...flags]
  await lab.hosts(['run', `${host}`, 'original', 'sh', '-c', start, 'sh', ...command])
  await eventually('the original is ready', async () => {
    const status = await lab.try(host, ['curl', '-sf', 'http://127.0.0.1:6784/status'])
    return status.status === 0
  })
}
