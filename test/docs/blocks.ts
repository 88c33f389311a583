/** One line of a shell block, to be run on these hosts. */
export interface DocLine {
  readonly line: number
  /** `all` hosts, or the number of one. */
  readonly host: 'all' | number
  readonly command: string
  /** What the output has to contain. */
  readonly shows: string | undefined
}

export type DocBlock =
  | { readonly kind: 'run'; readonly page: string; readonly line: number; readonly lines: readonly DocLine[] }
  | { readonly kind: 'not-run'; readonly page: string; readonly line: number; readonly reason: string }

/** Languages that nobody could run. */
const SHOWN = new Set(['text', 'json', 'yaml', 'ini', 'ts', 'c', 'diff'])
const FENCE = /^```(\w*)$/
const NOT_RUN = /^<!-- not run: (.{10,}) -->$/
const PROMPT = /^(host(\d)|any|all|[a-z]+)# +/
const SHOWS = /\s+# → (.+)$/
const COMMENT = /\s+#(?= )[^'"]*$/

/** The blocks of a page. Throws for one that says neither what it is nor, where it is shell, why it is not run. */
export function blocksOf(page: string, text: string): readonly DocBlock[] {
  const lines = text.split('\n')
  const blocks: DocBlock[] = []
  for (let at = 0; at < lines.length; at++) {
    const fence = FENCE.exec(lines[at] ?? '')
    if (fence === null) continue
    const end = lines.indexOf('```', at + 1)
    if (end < 0) throw new Error(`${page}:${at + 1}: a block without end`)
    const language = fence[1] ?? ''
    const reason = NOT_RUN.exec(lines[at - 1] ?? '')?.[1]
    if (language === 'sh') {
      const body = lines.slice(at + 1, end)
      blocks.push(
        reason === undefined
          ? {
              kind: 'run',
              page,
              line: at + 1,
              lines: body.flatMap((line, i) => docLine(page, at + 2 + i, line)),
            }
          : { kind: 'not-run', page, line: at + 1, reason },
      )
    } else if (!SHOWN.has(language)) {
      throw new Error(
        `${page}:${at + 1}: a block must say what it is: sh, or one of ${[...SHOWN].join(', ')}; '${language}' is not known`,
      )
    }
    at = end
  }
  return blocks
}

function docLine(page: string, line: number, text: string): readonly DocLine[] {
  if (text.trim() === '' || text.startsWith('# ')) return []
  const prompt = PROMPT.exec(text)
  const who = prompt?.[1] ?? 'any'
  if (who !== 'any' && who !== 'all' && prompt?.[2] === undefined) {
    throw new Error(`${page}:${line}: nobody knows the machine '${who}'; say why the block is not run`)
  }
  const shows = SHOWS.exec(text)?.[1]
  const command = text
    .slice(prompt?.[0].length ?? 0)
    .replace(SHOWS, '')
    .replace(COMMENT, '')
  return [{ line, host: who === 'all' ? 'all' : Number(prompt?.[2] ?? 1), command, shows }]
}
