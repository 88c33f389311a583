/** What happens in dockerd, as far as it concerns us. Ids are the full 64 hex digits. */
export type EngineEvent =
  | { readonly kind: 'container-started'; readonly containerId: string }
  | { readonly kind: 'container-died'; readonly containerId: string }
  | { readonly kind: 'container-destroyed'; readonly containerId: string }
  | { readonly kind: 'container-renamed'; readonly containerId: string }
  | { readonly kind: 'network-connected'; readonly networkId: string; readonly containerId: string }
  | { readonly kind: 'network-disconnected'; readonly networkId: string; readonly containerId: string }
  | { readonly kind: 'network-created'; readonly networkId: string; readonly name: string }
  | { readonly kind: 'network-destroyed'; readonly networkId: string; readonly name: string }

/** What we ask dockerd to send: everything else stays there. */
export const eventFilters = {
  type: ['container', 'network'],
  event: ['start', 'die', 'destroy', 'rename', 'create', 'connect', 'disconnect'],
}

/** One line of dockerd's event stream; undefined for events that do not concern us and for what is none. */
export function decodeEvent(line: string): EngineEvent | undefined {
  const event = parseObject(line)
  const actor = objectOf(event?.['Actor'])
  const attributes = objectOf(actor?.['Attributes']) ?? {}
  const id = textOf(actor?.['ID'])
  if (event === undefined || id === undefined) return undefined
  if (event['Type'] === 'container') return containerEvent(textOf(event['Action']), id)
  if (event['Type'] === 'network') return networkEvent(textOf(event['Action']), id, attributes)
  return undefined
}

function containerEvent(action: string | undefined, containerId: string): EngineEvent | undefined {
  switch (action) {
    case 'start':
      return { kind: 'container-started', containerId }
    case 'die':
      return { kind: 'container-died', containerId }
    case 'destroy':
      return { kind: 'container-destroyed', containerId }
    case 'rename':
      return { kind: 'container-renamed', containerId }
    default:
      return undefined
  }
}

function networkEvent(
  action: string | undefined,
  networkId: string,
  attributes: Readonly<Record<string, unknown>>,
): EngineEvent | undefined {
  const containerId = textOf(attributes['container'])
  const name = textOf(attributes['name']) ?? ''
  switch (action) {
    case 'create':
      return { kind: 'network-created', networkId, name }
    case 'destroy':
      return { kind: 'network-destroyed', networkId, name }
    case 'connect':
      return containerId === undefined ? undefined : { kind: 'network-connected', networkId, containerId }
    case 'disconnect':
      return containerId === undefined ? undefined : { kind: 'network-disconnected', networkId, containerId }
    default:
      return undefined
  }
}

/** Cuts a stream of text into lines; refuses to gather more than `maxLine` characters without an end. */
export class LineSplitter {
  #rest = ''
  readonly #maxLine: number

  constructor(maxLine: number) {
    this.#maxLine = maxLine
  }

  /** The lines that `chunk` completes. An overlong line is dropped together with what was gathered of it. */
  feed(chunk: string): string[] {
    const lines = (this.#rest + chunk).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > this.#maxLine) this.#rest = ''
    return lines
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return objectOf(JSON.parse(text))
  } catch {
    return undefined
  }
}

const objectOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined
