import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { decode } from 'dns-packet'
import { frame, TcpFrames } from '../../src/dns/tcp-frames.ts'

export interface DecodedMessage {
  readonly id: number
  /** Second word of the header, in hex. */
  readonly flags: string
  readonly questions: readonly unknown[]
  /** Sorted: their order is random. */
  readonly answers: readonly unknown[]
  readonly authorities: readonly unknown[]
  readonly additionals: readonly unknown[]
}

/** A message in a form in which order and compression do not count; decoded by a library, not by our code. */
export function decodeMessage(bytes: Uint8Array): DecodedMessage {
  const message = decode(Buffer.from(bytes))
  return {
    id: Buffer.from(bytes).readUInt16BE(0),
    flags: Buffer.from(bytes).readUInt16BE(2).toString(16),
    questions: plain(message.questions),
    answers: plain(message.answers).toSorted(byText),
    authorities: plain(message.authorities),
    additionals: plain(message.additionals),
  }
}

/** Of a cut answer only how much is left counts: which records, is chance. */
export function withoutChoice(message: DecodedMessage): unknown {
  const cut = (Number.parseInt(message.flags, 16) & 0x0200) !== 0
  if (!cut) return message
  const distinct = new Set(message.answers.map((answer) => JSON.stringify(answer))).size
  return { ...message, answers: `${distinct} different ones` }
}

const plain = (values: readonly unknown[] | undefined): unknown[] => JSON.parse(JSON.stringify(values ?? []))

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

/** The reply to `query`; undefined when none comes within `patience` ms. */
export function ask(
  transport: 'udp' | 'tcp',
  host: string,
  port: number,
  query: Uint8Array,
  patience: number,
): Promise<Uint8Array | undefined> {
  return transport === 'udp' ? askByUdp(host, port, query, patience) : askByTcp(host, port, query, patience)
}

async function askByUdp(
  host: string,
  port: number,
  query: Uint8Array,
  patience: number,
): Promise<Uint8Array | undefined> {
  const socket = createSocket('udp4')
  try {
    socket.connect(port, host)
    await once(socket, 'connect')
    socket.send(query)
    const [reply] = await once(socket, 'message', { signal: AbortSignal.timeout(patience) })
    return reply as Uint8Array
  } catch (thrown) {
    return undefinedIfAborted(thrown)
  } finally {
    socket.close()
  }
}

async function askByTcp(
  host: string,
  port: number,
  query: Uint8Array,
  patience: number,
): Promise<Uint8Array | undefined> {
  const socket = connect(port, host)
  const frames = new TcpFrames()
  const signal = AbortSignal.timeout(patience)
  try {
    socket.write(frame(query))
    for (;;) {
      const [bytes] = await once(socket, 'data', { signal })
      const [message] = frames.feed(bytes as Buffer)
      if (message !== undefined) return message
    }
  } catch (thrown) {
    return undefinedIfAborted(thrown)
  } finally {
    socket.destroy()
  }
}

function undefinedIfAborted(thrown: unknown): undefined {
  if (thrown instanceof Error && thrown.name === 'AbortError') return undefined
  throw thrown
}
