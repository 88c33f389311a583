import { messageOf, WeaveError } from '../lib/errors.ts'
import { tryParseCidr } from '../lib/ip4.ts'
import { parseTruth } from '../lib/truth.ts'
import type { Control, RemovePeerOptions } from './control.ts'
import { goJson } from './go-json.ts'
import { attachRequest, detachRequest, parseBody } from './requests.ts'
import { type ApiReply, failure, json, noContent, notFound, type Route, text } from './route.ts'

/** What changes the mesh: served on the control address only (http §2.3). */
export function meshRoutes(control: Control): Route[] {
  return [
    {
      method: 'POST',
      path: '/connect',
      handle: async ({ form }) => {
        const problems = await control.connect(form.getAll('peer'), form.get('replace') === 'true')
        return problems.length === 0 ? text('') : failure(400, problems.join('\n'))
      },
    },
    {
      method: 'GET',
      path: '/ready',
      handle: async ({ signal }) => {
        await control.whenReady(signal)
        return text('ready\n')
      },
    },
    {
      method: 'POST',
      path: '/forget',
      handle: ({ form }) => {
        control.forget(form.getAll('peer'))
        return text('')
      },
    },
    {
      method: 'DELETE',
      path: '/peer',
      handle: async () => {
        await control.handOver()
        return noContent
      },
    },
    {
      method: 'DELETE',
      path: '/peer/:peer',
      handle: async ({ params, query, signal }) => {
        const force = query.get('force') === 'true'
        return removePeer(control, params['peer'] ?? '', { force, gone: query.getAll('gone'), signal })
      },
    },
  ]
}

const PEER_LIVES = new Set(['peer-reachable', 'peer-disputed'])

async function removePeer(control: Control, peer: string, options: RemovePeerOptions): Promise<ApiReply> {
  try {
    const taken = await control.removePeer(peer, options)
    return text(taken === undefined ? '' : `${taken} IPs taken over from ${peer}\n`)
  } catch (thrown) {
    if (thrown instanceof WeaveError && PEER_LIVES.has(thrown.code)) return failure(409, thrown.message)
    throw thrown
  }
}

/** What changes interfaces of this host. `/expose` is the original's; the rest is ours, for the commands. */
export function hostRoutes(control: Control): Route[] {
  return [
    {
      method: 'POST',
      path: '/expose/:ip/:len',
      handle: async ({ params, form }) => {
        const cidr = `${params['ip']}/${params['len']}`
        if (tryParseCidr(cidr) === undefined)
          return failure(400, `unable to parse ip addr: invalid CIDR address: ${cidr}`)
        const skipNat = parseSkipNat(form.get('skipNAT'))
        if (skipNat === undefined) {
          const problem = `parsing ${JSON.stringify(form.get('skipNAT'))}: invalid syntax`
          return failure(400, `unable to parse skipNAT option: strconv.ParseBool: ${problem}`)
        }
        return answering('unable to expose', () => control.expose(cidr, { masquerade: !skipNat }))
      },
    },
    {
      method: 'DELETE',
      path: '/expose/:ip/:len',
      handle: async ({ params }) => {
        const cidr = `${params['ip']}/${params['len']}`
        if (tryParseCidr(cidr) === undefined)
          return failure(400, `unable to parse ip addr: invalid CIDR address: ${cidr}`)
        return answering('unable to hide', () => control.hide(cidr))
      },
    },
    {
      method: 'POST',
      path: '/attach',
      handle: async ({ json: body, signal }) => {
        const addresses = await control.attach(parseBody(attachRequest, body), signal)
        return json(goJson({ addresses }))
      },
    },
    {
      method: 'POST',
      path: '/detach',
      handle: async ({ json: body, signal }) => {
        const addresses = await control.detach(parseBody(detachRequest, body), signal)
        return json(goJson({ addresses }))
      },
    },
    {
      method: 'DELETE',
      path: '/docker-network',
      handle: async () => {
        const removal = await control.removeDockerNetwork()
        return removal === undefined ? notFound : json(goJson(removal))
      },
    },
    {
      method: 'GET',
      path: '/attached',
      handle: async ({ query }) => {
        const containers = query.getAll('container')
        return json(goJson(await control.attached(containers.length === 0 ? undefined : containers)))
      },
    },
  ]
}

async function answering(what: string, act: () => Promise<void>): Promise<ApiReply> {
  try {
    await act()
    return noContent
  } catch (thrown) {
    return failure(500, `${what}: ${messageOf(thrown)}`)
  }
}

const parseSkipNat = (value: string | null): boolean | undefined =>
  value === null || value === '' ? false : parseTruth(value)
