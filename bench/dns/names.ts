import { formatIp4 } from '../../src/lib/ip4.ts'

/** As many names as a large network has services. */
export const NAMES: readonly string[] = Array.from({ length: 1000 }, (_, i) => `web${i}`)

export const addressOf = (index: number): string => formatIp4(0x0a200000 + index)
