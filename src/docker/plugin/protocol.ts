import { z } from 'zod'

/*
 * What dockerd sends to a network plugin and what it gets back (plugin §2). Go writes `null` for empty lists and
 * leaves out what is empty, so every field has a default; unknown fields are dropped.
 */

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '')
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false)
const options = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((value) => value ?? {})

const poolOfNetwork = z.object({
  AddressSpace: text,
  Pool: text,
  Gateway: text,
  AuxAddresses: z
    .record(z.string(), z.string())
    .nullish()
    .transform((value) => value ?? {}),
})
const pools = z
  .array(poolOfNetwork)
  .nullish()
  .transform((value) => value ?? [])

const endpointInterface = z.object({ Address: text, AddressIPv6: text, MacAddress: text })

const requests = {
  none: z.unknown().transform(() => ({})),
  createNetwork: z.object({ NetworkID: text, Options: options, IPv4Data: pools, IPv6Data: pools }),
  network: z.object({ NetworkID: text, Options: options }),
  createEndpoint: z.object({
    NetworkID: text,
    EndpointID: text,
    Interface: endpointInterface.nullish().transform((value) => value ?? undefined),
    Options: options,
  }),
  endpoint: z.object({ NetworkID: text, EndpointID: text }),
  join: z.object({ NetworkID: text, EndpointID: text, SandboxKey: text }),
  requestPool: z.object({ AddressSpace: text, Pool: text, SubPool: text, Options: options, V6: flag }),
  releasePool: z.object({ PoolID: text }),
  requestAddress: z.object({ PoolID: text, Address: text, Options: options }),
  releaseAddress: z.object({ PoolID: text, Address: text }),
} as const

type Requests = typeof requests
/** A decoded request, by its name in `requests`. */
export type Request<Name extends keyof Requests> = z.output<Requests[Name]>

/** What a driver answers; `undo` takes it back when dockerd is gone before it could read the answer. */
export interface Reply {
  readonly answer: object
  readonly undo?: () => Promise<void>
}

/** Serves one method. `signal` aborts at the deadline of the call, or when dockerd hangs up. */
export type Method = (body: unknown, signal: AbortSignal) => Promise<Reply>

/** Methods by path without the leading slash, e.g. `NetworkDriver.Join`. */
export type Methods = Readonly<Record<string, Method>>

/** Binds a schema to what serves it. */
export function method<Name extends keyof Requests>(
  name: Name,
  serve: (request: Request<Name>, signal: AbortSignal) => Promise<object | Reply> | object,
): Method {
  return async (body, signal) => {
    const served = await serve(requests[name].parse(body) as Request<Name>, signal)
    return isReply(served) ? served : { answer: served }
  }
}

const isReply = (served: object): served is Reply => 'answer' in served
