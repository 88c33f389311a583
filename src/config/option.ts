import type { z } from 'zod'

/** The headings that help, man page and documentation sort options under. */
export type OptionGroup = 'network' | 'addresses' | 'dns' | 'docker' | 'proxy' | 'control' | 'process'

/** One row of the configuration table (`options.ts`). */
export interface Option {
  /** Name of the flag without dashes, also the key in the configuration file. */
  readonly flag: string
  /** Older spellings of the flag. */
  readonly aliases?: readonly string[]
  /** Environment variable; `WEAVE_` and the flag in capitals unless another one is customary. */
  readonly env?: string
  /** The variable means true as soon as it is not empty, whatever it says (`WEAVE_NO_FASTDP`). */
  readonly envByPresence?: boolean
  /** A variable that, when it is not empty, stands for this value; the option's own variable wins. */
  readonly envImplies?: readonly [variable: string, value: string]
  /** A flag that stands alone (`--resume`), or as `--resume=false`; never followed by its value. */
  readonly switch?: boolean
  /** May be given more than once; the values form a list. */
  readonly repeat?: boolean
  readonly schema: z.ZodType<unknown, unknown>
  readonly fallback: unknown
  /** What stands for the value in help texts. */
  readonly placeholder?: string
  readonly help: string
  readonly group: OptionGroup
  /** Not in the short help: for experts, or kept only so that old command lines are accepted. */
  readonly hidden?: boolean
  /** Never shown and never on a command line that `ps` would show. */
  readonly secret?: boolean
}

export const environmentName = (option: Option): string =>
  option.env ?? `WEAVE_${option.flag.toUpperCase().replaceAll('-', '_')}`

/** Keeps the row's own types. */
export const define = <const Row extends Option>(row: Row): Row => row
