import { writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { gzipSync } from 'node:zlib'
import { messageOf } from '../../lib/errors.ts'
import { answer, call, good } from '../daemon-client.ts'
import { CommandFailure, ExitStatus, type Io } from '../io.ts'

export interface ReportOptions {
  readonly format?: string
  /** A file's name, or true for one of our choice. */
  readonly bundle?: string | true
}

/** `weave report [-f TEMPLATE]`: the whole report as JSON, or through a Go template. Nothing is added to either. */
export async function report(io: Io, options: ReportOptions): Promise<number> {
  const { format, bundle } = options
  if (bundle !== undefined) return writeBundle(io, bundle)
  if (format !== undefined) return writeTemplate(io, format)
  io.out(await call(io, { method: 'GET', path: '/report', accept: 'application/json' }))
  return ExitStatus.ok
}

/** A template that fails on the way has written something by then: the failure follows it, with its place. */
async function writeTemplate(io: Io, format: string): Promise<number> {
  const reply = await answer(io, { method: 'GET', path: '/report', form: new URLSearchParams({ format }) })
  if (reply.detail === undefined) {
    io.out(good(reply))
    return ExitStatus.ok
  }
  if (reply.status === 200) io.out(reply.body)
  else io.err(reply.body)
  throw new CommandFailure(ExitStatus.failure, reply.detail)
}

/** `weave report --bundle [FILE]`: everything for an issue in one archive, passwords taken out; prints its name. */
async function writeBundle(io: Io, chosen: string | true): Promise<number> {
  const [{ collect }, { knownSecrets, redact }, { tar }] = await Promise.all([
    import('../bundle/collect.ts'),
    import('../bundle/secrets.ts'),
    import('../bundle/tar.ts'),
  ])
  const now = new Date()
  const stem = `weave-report-${hostname()}-${now.toISOString().slice(0, 19).replace(/[-:]/g, '')}`
  const secrets = knownSecrets(io.environment)
  const files = (await collect(io)).map(({ name, text }) => ({
    name: `${stem.slice(0, 80)}/${name}`,
    text: redact(text, secrets),
  }))

  const path = chosen === true ? `${stem}.tar.gz` : chosen
  try {
    writeFileSync(path, gzipSync(tar(files, Math.floor(now.getTime() / 1000))), { mode: 0o600 })
  } catch (thrown) {
    throw new CommandFailure(ExitStatus.failure, `cannot write the bundle: ${messageOf(thrown)}`)
  }
  io.out(`${path}\n`)
  return ExitStatus.ok
}
