import { WeaveError } from '../../lib/errors.ts'

/** A map as the object defines it. */
export interface MapDefinition {
  readonly name: string
  readonly type: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
}

/** A program, and where its instructions want the descriptor of a map. */
export interface ProgramDefinition {
  readonly name: string
  readonly instructions: Uint8Array
  readonly relocations: readonly { readonly offset: number; readonly map: string }[]
}

export interface BpfObject {
  readonly license: string
  readonly maps: readonly MapDefinition[]
  readonly programs: readonly ProgramDefinition[]
}

const PROGRAM_PREFIX = 'tc/'
const MAP_DEFINITION_BYTES = 20
const SECTION = { programBits: 1, symbols: 2, relocations: 9 } as const

interface Section {
  readonly name: string
  readonly type: number
  readonly link: number
  readonly info: number
  readonly bytes: Uint8Array
}

interface Symbol {
  readonly name: string
  readonly section: number
  readonly value: number
}

/**
 * Reads an object that clang made for the BPF target (64-bit little-endian ELF): maps in section `maps`, one
 * program per section `tc/NAME`, relocations that all refer to maps. No BTF is needed.
 */
export function parseBpfObject(file: Uint8Array): BpfObject {
  const sections = readSections(file)
  const symbols = readSymbols(sections)
  const mapsIndex = sections.findIndex((section) => section.name === 'maps')
  const license = sections.find((section) => section.name === 'license')
  if (mapsIndex < 0 || license === undefined) throw broken('sections maps and license are missing')

  return {
    license: text(license.bytes, 0),
    maps: readMaps(sections, symbols, mapsIndex),
    programs: sections.flatMap((section, index) =>
      section.type === SECTION.programBits && section.name.startsWith(PROGRAM_PREFIX)
        ? [readProgram(section, index, sections, symbols)]
        : [],
    ),
  }
}

function readSections(file: Uint8Array): Section[] {
  const view = viewOf(file)
  if (file.length < 64 || view.getUint32(0) !== 0x7f454c46 || view.getUint16(4) !== 0x0201) {
    throw broken('not a 64-bit little-endian ELF file')
  }
  const table = Number(view.getBigUint64(0x28, true))
  const count = view.getUint16(0x3c, true)
  const headers = Array.from({ length: count }, (_, i) =>
    viewOf(file.subarray(table + i * 64, table + (i + 1) * 64)),
  )
  const bytesOf = (header: DataView): Uint8Array => {
    const offset = Number(header.getBigUint64(0x18, true))
    return file.subarray(offset, offset + Number(header.getBigUint64(0x20, true)))
  }
  const namesHeader = headers[view.getUint16(0x3e, true)]
  if (namesHeader === undefined) throw broken('no section names')
  const names = bytesOf(namesHeader)
  return headers.map((header) => ({
    name: text(names, header.getUint32(0, true)),
    type: header.getUint32(4, true),
    link: header.getUint32(0x28, true),
    info: header.getUint32(0x2c, true),
    bytes: bytesOf(header),
  }))
}

function readSymbols(sections: readonly Section[]): Symbol[] {
  const table = sections.find((section) => section.type === SECTION.symbols)
  const names = table === undefined ? undefined : sections[table.link]?.bytes
  if (table === undefined || names === undefined) throw broken('no symbols')
  const view = viewOf(table.bytes)
  return Array.from({ length: table.bytes.length / 24 }, (_, i) => ({
    name: text(names, view.getUint32(i * 24, true)),
    section: view.getUint16(i * 24 + 6, true),
    value: Number(view.getBigUint64(i * 24 + 8, true)),
  }))
}

function readMaps(sections: readonly Section[], symbols: readonly Symbol[], index: number): MapDefinition[] {
  const view = viewOf(sections[index]?.bytes ?? new Uint8Array())
  return symbols
    .filter((symbol) => symbol.section === index && symbol.name !== '')
    .map(({ name, value }) => {
      if (value + MAP_DEFINITION_BYTES > view.byteLength) throw broken(`map ${name} is cut short`)
      const field = (i: number): number => view.getUint32(value + 4 * i, true)
      return {
        name,
        type: field(0),
        keySize: field(1),
        valueSize: field(2),
        maxEntries: field(3),
        flags: field(4),
      }
    })
}

function readProgram(
  section: Section,
  index: number,
  sections: readonly Section[],
  symbols: readonly Symbol[],
): ProgramDefinition {
  const table = sections.find((other) => other.type === SECTION.relocations && other.info === index)
  const view = viewOf(table?.bytes ?? new Uint8Array())
  const relocations = Array.from({ length: view.byteLength / 16 }, (_, i) => {
    const symbol = symbols[view.getUint32(i * 16 + 12, true)]
    if (symbol === undefined) throw broken(`program ${section.name} refers to a symbol that is not there`)
    return { offset: Number(view.getBigUint64(i * 16, true)), map: symbol.name }
  })
  return { name: section.name.slice(PROGRAM_PREFIX.length), instructions: section.bytes, relocations }
}

/** The instructions with the descriptors of the maps put in. */
export function relocate(program: ProgramDefinition, descriptorOf: (map: string) => number): Uint8Array {
  const PSEUDO_MAP_FD = 1
  const instructions = program.instructions.slice()
  const view = viewOf(instructions)
  for (const { offset, map } of program.relocations) {
    // 64-bit immediate load: source register in the high nibble, immediate at +4.
    instructions[offset + 1] = ((instructions[offset + 1] ?? 0) & 0x0f) | (PSEUDO_MAP_FD << 4)
    view.setInt32(offset + 4, descriptorOf(map), true)
  }
  return instructions
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function text(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start)
  return new TextDecoder().decode(bytes.subarray(start, end < 0 ? bytes.length : end))
}

const broken = (what: string): WeaveError =>
  new WeaveError('bpf-object', `the BPF object is damaged: ${what}; run \`npm run build\``)
