import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Lab } from '../lab/lab.ts'
import { owned, pings } from '../lab/plugin-hosts.ts'
import { projectRoot } from '../support/project.ts'

/** A download that nobody notices; a library that is bundled twice, or debug symbols, would pass it. */
const LARGEST_MB = 6

const npm = (...args: readonly string[]): string =>
  execFileSync('npm', [...args, '--ignore-scripts', '--loglevel=error'], {
    cwd: projectRoot,
    encoding: 'utf8',
  })

describe('the npm package', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'weave-package-'))
  const weave = join(scratch, 'prefix/bin/weave')
  let lab: Lab

  before(async () => {
    npm('pack', '--pack-destination', scratch)
    // No registry is asked, no script is run, no compiler is needed.
    const [file = ''] = readdirSync(scratch)
    npm('install', '--global', '--offline', '--prefix', join(scratch, 'prefix'), join(scratch, file))
    lab = await Lab.up({ hosts: 2 })
  })
  after(async () => {
    await lab?.down()
    rmSync(scratch, { recursive: true, force: true })
  })

  test('is small, and has the licences of what it contains', (context) => {
    const [file = ''] = readdirSync(scratch).filter((name) => name.endsWith('.tgz'))
    const megabytes = statSync(join(scratch, file)).size / 1e6
    context.diagnostic(`${file}: ${megabytes.toFixed(1)} MB`)
    assert.ok(megabytes < LARGEST_MB, `${megabytes} MB`)
    const home = join(scratch, 'prefix/lib/node_modules/weave-net')
    assert.ok(statSync(join(home, 'dist/LICENSES.txt')).size > 50_000)
    assert.deepEqual(
      readdirSync(home).filter((name) => name === 'node_modules'),
      [],
      'nothing is installed beside it',
    )
  })

  test('installed on two hosts it makes a network, in the kernel', async () => {
    await lab.exec(1, [weave, 'launch'])
    await lab.exec(2, [weave, 'launch', 'host1'])
    await lab.docker(
      1,
      'run',
      '-d',
      '--name=there',
      '--net=weave',
      '--ip=10.32.5.1',
      'busybox',
      'sleep',
      '1000',
    )
    await lab.docker(2, 'run', '-d', '--name=here', '--net=weave', 'busybox', 'sleep', '1000')
    assert.ok(await pings(lab, 2, 'here', '10.32.5.1'))
    assert.match(await lab.exec(1, [weave, 'status', 'connections']), /established fastdp/)
  })

  test('launched again it knows what it had', async () => {
    await lab.exec(1, [weave, 'stop'])
    await lab.exec(1, [weave, 'launch', '--resume'])
    assert.ok([...(await owned(lab, 1)).values()].some(([cidr]) => cidr === '10.32.5.1/12'))
    await lab.exec(1, [weave, 'stop'])
  })
})
