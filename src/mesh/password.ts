import { WeaveError } from '../lib/errors.ts'

/** Where a password may come from, the first one that is given counts. */
export interface PasswordSources {
  readonly option: string | undefined
  /** Content of the file given with `--password-file`; one trailing newline does not count. */
  readonly file: string | undefined
  /** `WEAVE_PASSWORD`. */
  readonly environment: string | undefined
}

/**
 * The password as bytes, undefined when the mesh is to run in clear. Throws `WeaveError('empty-password')`: who gives an
 * empty one wants encryption and has lost the password on the way, say in a script.
 */
export function choosePassword(sources: PasswordSources): Uint8Array | undefined {
  const given: readonly (readonly [string, string | undefined])[] = [
    ['--password', sources.option],
    ['--password-file', sources.file?.replace(/\r?\n$/, '')],
    ['WEAVE_PASSWORD', sources.environment],
  ]
  for (const [where, password] of given) {
    if (password === undefined) continue
    if (password === '') {
      throw new WeaveError(
        'empty-password',
        `${where} is given but empty: set a password, or leave it out to run without encryption`,
      )
    }
    return new TextEncoder().encode(password)
  }
  return undefined
}

/** Below this a dictionary on one graphics card is enough. */
const ENOUGH_BITS = 50

/** Parts that guessing programs try first, whatever surrounds them. */
const COMMON = (
  'password passwort passw0rd p@ssw0rd secret s3cret weave docker kubernetes network letmein welcome changeme default ' +
  'admin root test qwerty qwertz asdf monkey dragon iloveyou master cluster server login hello summer winter'
).split(' ')

const CLASSES: readonly (readonly [RegExp, number])[] = [
  [/[a-z]/, 26],
  [/[A-Z]/, 26],
  [/[0-9]/, 10],
  [/[ -/:-@[-`{-~]/, 33],
  [/[^ -~]/, 100],
]

/** Upper estimate of the bits that a guesser has to try; common words, repetitions and sequences count for little. */
export function passwordBits(password: string): number {
  let rest = password
  let bits = 0
  for (const word of COMMON) {
    const at = rest.toLowerCase().indexOf(word)
    if (at < 0) continue
    // One of some ten thousand words, with or without capitals.
    bits += 14
    rest = rest.slice(0, at) + rest.slice(at + word.length)
  }
  const alphabet = CLASSES.reduce((size, [pattern, members]) => size + (pattern.test(rest) ? members : 0), 0)
  return bits + effectiveLength(rest) * Math.log2(Math.max(alphabet, 1))
}

/** A character that repeats its predecessor or continues a sequence adds a quarter of a character. */
function effectiveLength(text: string): number {
  const points = [...text].map((character) => character.codePointAt(0) ?? 0)
  return points.reduce((length, point, i) => {
    const step = point - (points[i - 1] ?? Number.NaN)
    return length + (Math.abs(step) <= 1 ? 0.25 : 1)
  }, 0)
}

/** What to tell the user about a weak password; undefined when it is strong enough. */
export function passwordWarning(password: Uint8Array): string | undefined {
  const bits = Math.floor(passwordBits(new TextDecoder().decode(password)))
  if (bits >= ENOUGH_BITS) return undefined
  return (
    `the password is weak (at most ${bits} bits): whoever can reach the control port gets one encrypted message and can ` +
    `test guesses against it offline, billions per second. Use ${ENOUGH_BITS} bits or more, ` +
    'for example the output of: head -c 12 /dev/urandom | base64'
  )
}
