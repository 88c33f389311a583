const ESCAPE = '\u001b['
const paint = (code: number, text: string): string => `${ESCAPE}${code}m${text}${ESCAPE}0m`

const GREEN = 32
const YELLOW = 33
const RED = 31
const DIM = 2

const WORDS: readonly (readonly [RegExp, number])[] = [
  [/\b(?:established|ready|enabled|good)\b/g, GREEN],
  [
    /\b(?:starting|pending|retrying|connecting|waiting for IP\(s\) to become available|awaiting consensus|priming)\b/g,
    YELLOW,
  ],
  [/\b(?:needs attention|failed|unreachable!|all IP ranges owned by unreachable peers)/g, RED],
]

/** Colours the words that tell how things are; for terminals only. */
export function decorate(text: string): string {
  const coloured = WORDS.reduce(
    (painted, [words, code]) => painted.replace(words, (word) => paint(code, word)),
    text,
  )
  return coloured.replace(/^( *\w+:)/gm, (label) => paint(DIM, label))
}
