import { z } from 'zod'
import { attachRequest, detachRequest, nameRequest } from '../requests.ts'
import {
  connectionSchema,
  dnsEntrySchema,
  peerSchema,
  reportSchema,
  ringEntrySchema,
} from './report-schema.ts'
import { adoptionSchema, ringsSchema } from './rings-schema.ts'

/** What the document says of one method of one path. */
export interface Operation {
  readonly summary: string
  /** Parameters of the query; POST and PUT take them as a form as well. */
  readonly query?: Readonly<Record<string, string>>
  readonly body?: z.ZodType
  /** By status; a schema is that of an answer in JSON, without one it is text or empty. */
  readonly replies: Readonly<Record<number, Reply>>
}

export interface Reply {
  readonly about: string
  readonly json?: z.ZodType
}

const ok = (about: string): Record<number, Reply> => ({ 200: { about } })
const json = (about: string, schema: z.ZodType): Record<number, Reply> => ({ 200: { about, json: schema } })
const done: Record<number, Reply> = { 204: { about: 'done' } }
const refused: Record<number, Reply> = { 400: { about: 'refused; the body says why' } }
const busy: Record<number, Reply> = { 503: { about: 'the state cannot be written, or the daemon stops' } }

const addresses = z.strictObject({ addresses: z.array(z.string()) })
const ALIVE = { 'check-alive': 'true: only if Docker says that the container runs' }
const FQDN = { fqdn: 'the name; a final dot is added' }
const SEE_REPORT = 'text for people; with `Accept: application/json` the part of the report'

/** A page answers 503 while not all that was asked for at launch is there: the body is the same. */
const page = (about: string, schema: z.ZodType): Operation => ({
  summary: about,
  replies: {
    200: { about: SEE_REPORT, json: schema },
    503: { about: `not ready yet; ${SEE_REPORT}`, json: schema },
  },
})

/** All operations there are, by method and path of the route tables. */
export const operations: Readonly<Record<string, Operation>> = {
  'GET /status': {
    ...page('how things are', reportSchema),
    query: { health: 'true: what needs attention first' },
  },
  'GET /status/targets': page('peers that are to be connected to', z.array(z.string())),
  'GET /status/connections': page('connections of this peer', z.array(connectionSchema)),
  'GET /status/peers': page('all peers and their connections', z.array(peerSchema)),
  'GET /status/dns': page('names', z.array(dnsEntrySchema)),
  'GET /status/ipam': page('who owns which share of the range', z.array(ringEntrySchema)),
  'GET /report': {
    summary: 'everything that the daemon knows',
    query: { format: 'a Go template, needed unless JSON is accepted' },
    replies: { ...json('the report', reportSchema), ...refused, 500: { about: 'the template failed' } },
  },
  'GET /events': {
    summary: 'changes of the state, as server-sent events',
    replies: ok('text/event-stream: first everything that is there, as added, then each change'),
  },
  'GET /metrics': { summary: 'metrics of Prometheus', replies: ok('text format 0.0.4') },
  'GET /openapi.json': { summary: 'this document', replies: json('OpenAPI 3.1', z.looseObject({})) },
  'GET /ready': { summary: 'waits until the daemon is ready', replies: ok('it is') },

  'POST /connect': {
    summary: 'adds peers to connect to',
    query: { peer: 'HOST or HOST:PORT; may be repeated', replace: 'true: forget all others' },
    replies: { ...ok('added'), 400: { about: 'a line for each peer that was not added; the others are' } },
  },
  'POST /forget': {
    summary: 'no longer connects to peers',
    query: { peer: 'as given to connect; may be repeated' },
    replies: ok('forgotten'),
  },
  'DELETE /peer': { summary: 'gives all addresses of this peer away', replies: { ...done, ...busy } },
  'DELETE /peer/:peer': {
    summary: 'takes over the addresses of a peer that will not come back',
    query: {
      force: 'true: even when it is reachable',
      gone: 'another peer that is gone as well; may be repeated',
    },
    replies: { ...ok('how many addresses'), ...refused, 409: { about: 'a peer of that name lives' } },
  },

  'GET /ipam/rings': {
    summary: 'the rings of the mesh, ours first; more than one where networks were started apart',
    replies: json('rings', ringsSchema),
  },
  'POST /ipam/adopt': {
    summary: 'gives our ring up for that of a peer that was started apart',
    query: {
      peer: 'name or nickname of a peer that has the other ring',
      'dry-run': 'true: only say what it would do',
    },
    replies: {
      ...json('what became of each address in use here', adoptionSchema),
      ...refused,
      ...busy,
      409: { about: 'the peer has no other ring, or it cannot be adopted' },
    },
  },

  'POST /ip/:id': {
    summary: 'allocates an address of the default subnet; waits until there is one',
    query: ALIVE,
    replies: { ...ok('the address with prefix length, or `cancelled`'), ...refused, ...busy },
  },
  'POST /ip/:id/:ip/:len': {
    summary: 'allocates an address of a subnet; waits until there is one',
    query: ALIVE,
    replies: { ...ok('the address with prefix length, or `cancelled`'), ...refused, ...busy },
  },
  'PUT /ip/:id/:ip/:len': {
    summary: 'claims an address',
    query: { ...ALIVE, noErrorOnUnknown: 'true: answer at once when its owner is not known yet' },
    replies: { ...done, ...ok('`cancelled`'), ...refused, ...busy },
  },
  'GET /ip/:id': {
    summary: 'addresses of an owner in the default subnet',
    replies: { ...ok('parted by blanks'), ...refused },
  },
  'GET /ip/:id/:ip/:len': {
    summary: 'addresses of an owner in a subnet',
    replies: { ...ok('parted by blanks'), ...refused },
  },
  'GET /ip': {
    summary: 'all owners and their addresses on this peer',
    replies: json(
      'owners',
      z.strictObject({
        owned: z.array(z.strictObject({ containerid: z.string(), addrs: z.array(z.string()) })).nullable(),
      }),
    ),
  },
  'DELETE /ip/:id/:ip': { summary: 'frees an address', replies: { ...done, ...refused, ...busy } },
  'DELETE /ip/:id': { summary: 'frees all addresses of an owner', replies: { ...done, ...refused, ...busy } },
  'GET /ring': { summary: 'waits until addresses can be given out', replies: ok('they can') },
  'GET /ipinfo/defaultsubnet': { summary: 'the default subnet', replies: ok('CIDR') },
  'GET /ipinfo/tracker': {
    summary: 'who keeps routes of a cloud up; nobody does',
    replies: ok('an empty line'),
  },

  'GET /domain': { summary: 'the domain of names, with its final dot', replies: ok('the domain') },
  'GET /dns-address': { summary: 'where containers find the name server', replies: ok('an address') },
  'GET /dns-address-port': { summary: 'the same with the port', replies: ok('ADDRESS:PORT') },
  'GET /name': {
    summary: 'all entries, tombstones included; only with `Accept: application/json`',
    replies: { ...ok('an array in JSON, as text'), 405: { about: 'without that header' } },
  },
  'PUT /name/:container/:ip': {
    summary: 'adds a name',
    query: { ...FQDN, ...ALIVE },
    replies: { ...done, ...refused },
  },
  'DELETE /name/:container/:ip': { summary: 'removes names', query: FQDN, replies: { ...done, ...refused } },
  'DELETE /name/:container': { summary: 'removes names of a container', query: FQDN, replies: done },
  'DELETE /name': { summary: 'removes names', query: FQDN, replies: done },
  'POST /names': {
    summary: 'adds a name for a container or for addresses, found as `weave dns-add` does',
    body: nameRequest,
    replies: { ...done, ...refused },
  },
  'POST /names/remove': {
    summary: 'removes what the same request added',
    body: nameRequest,
    replies: { ...done, ...refused },
  },
  'GET /record': {
    summary: 'records that were added by hand',
    replies: json(
      'records',
      z.array(z.strictObject({ name: z.string(), type: z.string(), value: z.string(), origin: z.string() })),
    ),
  },
  'PUT /record/:name/:type': {
    summary: 'adds a record',
    query: { value: 'what it says; SRV: PRIORITY WEIGHT PORT TARGET' },
    replies: { ...done, ...refused },
  },
  'DELETE /record/:name/:type': {
    summary: 'removes records of a type',
    query: { value: 'only the one that says this' },
    replies: { ...done, ...refused, 404: { about: 'this peer has none' } },
  },
  'DELETE /record/:name': {
    summary: 'removes all records of a name',
    replies: { ...done, ...refused, 404: { about: 'this peer has none' } },
  },

  'POST /expose/:ip/:len': {
    summary: 'gives the host an address of the network',
    query: { skipNAT: 'true: no masquerading' },
    replies: { ...done, ...refused, 500: { about: 'the kernel refused' } },
  },
  'DELETE /expose/:ip/:len': {
    summary: 'takes it back',
    replies: { ...done, ...refused, 500: { about: 'the kernel refused' } },
  },
  'POST /attach': {
    summary: 'connects a container; addresses as the command line has them',
    body: attachRequest,
    replies: { ...json('its addresses', addresses), ...refused },
  },
  'POST /detach': {
    summary: 'disconnects a container',
    body: detachRequest,
    replies: { ...json('the addresses that it had', addresses), ...refused },
  },
  'GET /attached': {
    summary: 'interfaces on the bridge, that of the bridge first',
    query: { container: 'only these; may be repeated' },
    replies: {
      ...json(
        'interfaces',
        z.array(z.strictObject({ id: z.string(), mac: z.string(), cidrs: z.array(z.string()) })),
      ),
      ...refused,
    },
  },
  'DELETE /docker-network': {
    summary: "removes Docker's default network unless containers use it",
    replies: {
      ...json(
        'containers that use it',
        z.strictObject({ network: z.string(), attached: z.array(z.string()) }),
      ),
      ...refused,
      404: { about: 'there is no Docker' },
    },
  },
}
