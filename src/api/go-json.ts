/**
 * JSON as Go writes it (http §4.1): 64-bit numbers exactly, keys of maps sorted, `< > &` and the two line separators
 * escaped, undefined members left out. `indent` is the text of one level; without it the result is compact.
 */
export function goJson(value: unknown, indent = ''): string {
  return write(value, indent, indent === '' ? '' : '\n')
}

function write(value: unknown, indent: string, newline: string): string {
  if (value === null || value === undefined) return 'null'
  switch (typeof value) {
    case 'bigint':
      return value.toString()
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null'
    case 'boolean':
      return String(value)
    case 'string':
      return quote(value)
    case 'object':
      break
    default:
      throw new TypeError(`a ${typeof value} has no JSON form`)
  }

  const inner = newline + (newline === '' ? '' : indent)
  if (Array.isArray(value)) {
    const items = value.map((item) => write(item, indent, inner))
    return enclose('[', items, ']', inner, newline)
  }
  const colon = newline === '' ? ':' : ': '
  const members = entriesOf(value).map(([key, item]) => quote(key) + colon + write(item, indent, inner))
  return enclose('{', members, '}', inner, newline)
}

function entriesOf(value: object): (readonly [string, unknown])[] {
  const sorted = value instanceof Map
  const entries: [string, unknown][] = sorted ? [...value] : Object.entries(value)
  const present = entries.filter(([, item]) => item !== undefined)
  return sorted ? present.sort(([a], [b]) => (a < b ? -1 : 1)) : present
}

const enclose = (
  open: string,
  items: readonly string[],
  close: string,
  inner: string,
  outer: string,
): string => (items.length === 0 ? open + close : open + inner + items.join(`,${inner}`) + outer + close)

const quote = (text: string): string =>
  JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
