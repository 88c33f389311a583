/**
 * A name as lookup key: its wire form, ASCII letters lowered, one character per byte. Unlike text it needs no
 * escapes: a dot inside a label is not a separator.
 */
export type NameKey = string

export const ROOT: NameKey = '\0'

const MAX_NAME = 255
const MAX_LABEL = 63

/** Text with a final dot. */
export const withFinalDot = (name: string): string => (name.endsWith('.') ? name : `${name}.`)

/** Wire form of a text name (final dot optional); undefined when a label or the whole is empty or too long. */
export function nameToWire(text: string): Uint8Array | undefined {
  const trimmed = text.endsWith('.') ? text.slice(0, -1) : text
  if (trimmed === '') return text === '.' ? Uint8Array.of(0) : undefined
  const labels = trimmed.split('.').map((label) => Buffer.from(label, 'utf8'))
  if (labels.some((label) => label.length === 0 || label.length > MAX_LABEL)) return undefined
  const wire = Buffer.concat([...labels.flatMap((label) => [Buffer.of(label.length), label]), Buffer.of(0)])
  return wire.length > MAX_NAME ? undefined : wire
}

/** Lookup key of a text name; undefined for text that no DNS query can ask for. */
export function nameToKey(text: string): NameKey | undefined {
  const wire = nameToWire(text)
  return wire === undefined ? undefined : wireToKey(wire)
}

/** Lookup key of an uncompressed wire name. Length octets are below 64 and so never touched by the lowering. */
export function wireToKey(wire: Uint8Array): NameKey {
  let key = ''
  for (const byte of wire) key += String.fromCharCode(byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte)
  return key
}

/** The labels without their length octets. */
export function labelsOf(key: NameKey): string[] {
  const labels: string[] = []
  for (let at = 0; key.charCodeAt(at) > 0; at += 1 + key.charCodeAt(at)) {
    labels.push(key.slice(at + 1, at + 1 + key.charCodeAt(at)))
  }
  return labels
}

/** The name one label up; undefined for the root. */
export function parentOf(key: NameKey): NameKey | undefined {
  return key === ROOT ? undefined : key.slice(1 + key.charCodeAt(0))
}

/** Whether `key` is `zone` or lies below it, label by label. */
export function isWithin(key: NameKey, zone: NameKey): boolean {
  let name: NameKey | undefined = key
  while (name !== undefined && name.length >= zone.length) {
    if (name === zone) return true
    name = parentOf(name)
  }
  return false
}

/** A name of exactly one label, as `web.`. */
export const isSingleLabel = (key: NameKey): boolean => parentOf(key) === ROOT

/** Whether a name stands for those beside it, as `*.web.` */
export const isWildcard = (key: NameKey): boolean => key.startsWith('\x01*')

/** The name directly below `parent` with the given label. */
export const child = (label: string, parent: NameKey): NameKey =>
  String.fromCharCode(label.length) + label + parent
