import type { z } from 'zod'
import { networkOptions } from './network-options.ts'
import type { Option } from './option.ts'
import { serviceOptions } from './service-options.ts'

/**
 * Every setting of the daemon. Flags, environment, configuration file, defaults, help, man page, completion
 * and docs/options.md all come from this table.
 */
export const options = { ...networkOptions, ...serviceOptions } as const satisfies Readonly<
  Record<string, Option>
>

export type OptionKey = keyof typeof options

/** The configuration: one typed value for each row of the table. */
export type Config = { readonly [Key in OptionKey]: z.output<(typeof options)[Key]['schema']> }

/** The table in its order. */
export const optionRows = Object.entries(options) as readonly (readonly [OptionKey, Option])[]
