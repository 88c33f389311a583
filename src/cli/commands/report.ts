import { call } from '../daemon-client.ts'
import { ExitStatus, type Io } from '../io.ts'

/** `weave report [-f TEMPLATE]`: the whole report as JSON, or through a Go template. Nothing is added to either. */
export async function report(io: Io, options: { readonly format?: string }): Promise<number> {
  const { format } = options
  io.out(
    format === undefined
      ? await call(io, { method: 'GET', path: '/report', accept: 'application/json' })
      : await call(io, { method: 'GET', path: '/report', form: new URLSearchParams({ format }) }),
  )
  return ExitStatus.ok
}
