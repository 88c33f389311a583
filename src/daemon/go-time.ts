/** A moment as Go's `Time.String` gives it, monotonic reading included; scripts cut it at the blanks (http §3.3). */
export function goTime(wallMs: number, monotonicMs: number): string {
  const [date, clock] = new Date(wallMs).toISOString().split('T')
  const fraction = clock?.slice(0, -1).replace(/\.?0+$/, '') ?? ''
  const seconds = (monotonicMs / 1000).toFixed(9)
  return `${date} ${fraction} +0000 UTC m=+${seconds}`
}
