import pino from 'pino'
import { messageOf } from '../lib/errors.ts'
import type { Log, LogFields } from '../lib/log.ts'

export type LogLevel = 'debug' | 'info' | 'warning' | 'error'

/** The first four letters of the old level names, which scripts look for (cli §3). */
const LABELS: Readonly<Record<string, string>> = {
  debug: 'DEBU',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERRO',
  fatal: 'FATA',
}

/**
 * `LEVL: 2026/11/21 00:04:34.603478 [part] message key=value …` for people (the old form with fields behind it), or
 * one JSON object per line. Everything goes to standard error, written before the call returns: the last words of a
 * dying process must not be lost.
 */
export function createLog(level: LogLevel, format: 'text' | 'json'): Log & { fatal(message: string): void } {
  const options = {
    level: level === 'warning' ? 'warn' : level,
    base: null,
    timestamp: format === 'json' ? pino.stdTimeFunctions.isoTime : pino.stdTimeFunctions.epochTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
  }
  const destination = pino.destination({ fd: 2, sync: true })
  const logger =
    format === 'json'
      ? pino(options, destination)
      : pino(options, { write: (line: string) => void destination.write(textLine(line)) })
  return Object.assign(wrap(logger), { fatal: (message: string) => logger.fatal(message) })
}

const wrap = (logger: pino.Logger): Log => ({
  debug: (message, fields) => logger.debug(printable(fields), message),
  info: (message, fields) => logger.info(printable(fields), message),
  warn: (message, fields) => logger.warn(printable(fields), message),
  error: (message, fields) => logger.error(printable(fields), message),
  child: (fields) => wrap(logger.child(printable(fields))),
})

/** JSON knows no big integers; errors keep their stack only where they are a bug. */
function printable(fields: LogFields = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === 'bigint' ? value.toString() : value instanceof Map ? Object.fromEntries(value) : value,
    ]),
  )
}

const HANDLED = new Set(['level', 'time', 'msg', 'part'])

/** Makes the old line of pino's JSON. */
function textLine(json: string): string {
  const record = JSON.parse(json) as Readonly<Record<string, unknown>>
  const { level, time, msg, part } = record
  const fields = Object.entries(record)
    .filter(([key, value]) => !HANDLED.has(key) && value !== undefined)
    .map(([key, value]) => ` ${key}=${fieldText(value)}`)
  const origin = typeof part === 'string' ? `[${part}] ` : ''
  return `${LABELS[String(level)] ?? 'INFO'}: ${timeText(Number(time))} ${origin}${oneLine(String(msg))}${fields.join('')}\n`
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
  if (typeof value === 'object' && value !== null && 'stack' in value) {
    return JSON.stringify(value.stack ?? messageOf(value))
  }
  return JSON.stringify(value)
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ')

/** UTC with six digits of a second, of which Node.js knows three. */
function timeText(epochMs: number): string {
  const [date, time] = new Date(epochMs).toISOString().split('T')
  return `${date?.replaceAll('-', '/')} ${time?.replace('Z', '')}000`
}
