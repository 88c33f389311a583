/** One figure of a bench: `metric` names the unit where it is not a bare count. */
export interface Row {
  readonly name: string
  readonly metric: string
  readonly min: number
  readonly median: number
  readonly max: number
  /** To the same metric of the base row of the same run, where there is one. */
  readonly ratio?: number
}

/** What a bench gives: `base` is the name of the row that ratios refer to. */
export interface Report {
  readonly bench: string
  readonly base: string | undefined
  readonly rows: readonly Row[]
}

export function median(samples: readonly number[]): number {
  const sorted = samples.filter((sample) => !Number.isNaN(sample)).sort((a, b) => a - b)
  const upper = sorted[sorted.length >> 1]
  const lower = sorted[(sorted.length - 1) >> 1]
  return upper === undefined || lower === undefined ? Number.NaN : (lower + upper) / 2
}

/** A row of the samples taken in one run. */
export function rowOf(name: string, metric: string, samples: readonly number[]): Row {
  const valid = samples.filter((sample) => !Number.isNaN(sample))
  return { name, metric, min: Math.min(...valid), median: median(valid), max: Math.max(...valid) }
}

/**
 * How a row stands to another that was measured beside it, round by round: the median of the ratios, and between min
 * and max its bounds (95 % each, by resampling). `better`: whether more or less of it is better; above 1 is better.
 */
export function rivalRow(
  name: string,
  metric: string,
  samples: readonly number[],
  rival: readonly number[],
  better: 'more' | 'less',
): Row {
  const ratios = samples
    .map((sample, round) => sample / (rival[round] ?? Number.NaN))
    .map((ratio) => (better === 'more' ? ratio : 1 / ratio))
    .filter((ratio) => Number.isFinite(ratio))
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(ratios.map(() => ratios[Math.floor(Math.random() * ratios.length)] ?? Number.NaN)),
  ).sort((a, b) => a - b)
  const at = (share: number): number => medians[Math.floor(share * (RESAMPLES - 1))] ?? Number.NaN
  return { name, metric, min: at(0.05), median: median(ratios), max: at(0.95) }
}

const RESAMPLES = 4000

/** Adds to each row its ratio of medians to the base row of the same metric (`baseOf` gives that row's name). */
export function withRatios(rows: readonly Row[], baseOf: (row: Row) => string): Row[] {
  return rows.map((row) => {
    const base = rows.find((other) => other.name === baseOf(row) && other.metric === row.metric)
    return base === undefined || base.median === 0 ? row : { ...row, ratio: row.median / base.median }
  })
}

/** Three significant digits, plain notation. */
function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 1000) return value.toFixed(0)
  return Number(value.toPrecision(3)).toString()
}

/** A table for people. */
export function renderReport(report: Report): string {
  const table = report.rows.map((row) => [
    row.name,
    row.metric,
    formatFigure(row.min),
    formatFigure(row.median),
    formatFigure(row.max),
    row.ratio === undefined ? '' : row.ratio.toFixed(3),
  ])
  const head = ['name', 'metric', 'min', 'median', 'max', report.base === undefined ? '' : `× ${report.base}`]
  const widths = head.map((title, column) =>
    Math.max(title.length, ...table.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [line(head), ...table.map(line)].join('\n')
}
