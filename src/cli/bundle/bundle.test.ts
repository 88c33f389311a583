import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { report } from '../commands/report.ts'
import { CommandFailure, type Io } from '../io.ts'
import { knownSecrets, redact } from './secrets.ts'
import { tar } from './tar.ts'

const directory = mkdtempSync(join(tmpdir(), 'weave-bundle-'))
after(() => rmSync(directory, { recursive: true, force: true }))

const unpack = (archive: string, ...flags: readonly string[]): string =>
  execFileSync('tar', [...flags, '-f', archive], { encoding: 'utf8' })

test('the archive is one that tar reads, with empty, odd and whole blocks', () => {
  const files = [
    { name: 'a/empty', text: '' },
    { name: 'a/odd', text: 'ä\n' },
    { name: 'a/whole', text: 'x'.repeat(1024) },
  ]
  const archive = join(directory, 'a.tar')
  writeFileSync(archive, tar(files, 1_700_000_000))
  assert.equal(unpack(archive, '-t'), 'a/empty\na/odd\na/whole\n')
  for (const { name, text } of files) {
    assert.equal(execFileSync('tar', ['-xOf', archive, name], { encoding: 'utf8' }), text)
  }
})

test('secrets are taken out wherever they stand, also as JSON writes them, the longest first', () => {
  assert.equal(
    redact('a=se"cret b="se\\"cret" c=se"cret2', ['se"cret', 'se"cret2']),
    'a=<redacted> b="<redacted>" c=<redacted>',
  )
})

function console(environment: Io['environment']): { readonly io: Io; out: string } {
  const seen = {
    out: '',
    io: {
      environment,
      isTerminal: false,
      out: (text: string) => {
        seen.out += text
      },
      err: () => undefined,
    },
  }
  return seen
}

test('without a daemon the bundle has what there is, says what is missing, and holds no password', async () => {
  const password = 'correct horse battery'
  const config = join(directory, 'config.json')
  writeFileSync(config, JSON.stringify({ password }))
  const address = join(directory, `${password}.sock`)
  const seen = console({ WEAVE_HTTP_ADDR: address, WEAVE_CONFIG: config })
  assert.deepEqual(
    knownSecrets({ ...seen.io.environment, WEAVE_PASSWORD: 'other' }).filter((secret) => secret !== password),
    ['other'],
  )
  assert(knownSecrets(seen.io.environment).includes(password))
  const archive = join(directory, 'bundle.tar.gz')
  assert.equal(await report(seen.io, { bundle: archive }), 0)
  assert.equal(seen.out, `${archive}\n`)

  const names = unpack(archive, '-tz').split('\n')
  for (const name of ['versions.txt', 'doctor.json', 'missing.txt', 'routes.txt']) {
    assert(
      names.some((path) => path.endsWith(`/${name}`)),
      name,
    )
  }
  const everything = unpack(archive, '-xzO')
  assert(everything.includes('report.json: weave container is not'))
  assert(!everything.includes(password))
  assert.equal((readFileSync(archive)[0] ?? 0) * 256 + (readFileSync(archive)[1] ?? 0), 0x1f8b)
})

test('a bundle that cannot be written is one line', async () => {
  const { io } = console({ WEAVE_HTTP_ADDR: '/nonexistent/weave.sock' })
  await assert.rejects(report(io, { bundle: '/nonexistent/x.tar.gz' }), (thrown) => {
    assert(thrown instanceof CommandFailure)
    assert.match(thrown.message, /^cannot write the bundle: ENOENT/)
    return true
  })
})
