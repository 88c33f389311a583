import type { Control } from './control.ts'
import { goJson } from './go-json.ts'
import { healthText } from './health-text.ts'
import { failure, json, type Route, text } from './route.ts'
import { statusPages } from './status-pages.ts'
import { statusText } from './status-text.ts'

const INDENT = '    '

/** `/status`, its pages and `/report`: served on the control and on the status address (http §2.4). */
export function statusRoutes(control: Pick<Control, 'report'>): Route[] {
  const pages = Object.entries({ '': statusText, ...statusPages }).map(
    ([page, render]): Route => ({
      method: 'GET',
      path: page === '' ? '/status' : `/status/${page}`,
      handle: ({ accept, query }) => {
        const report = control.report()
        const status = report.Ready ? 200 : 503
        if (accept === 'application/json') return json(goJson(pageData(page, report), INDENT), status)
        const isHealth = page === '' && query.get('health') === 'true'
        return text(isHealth ? healthText(report) : render(report), status)
      },
    }),
  )

  const report: Route = {
    method: 'GET',
    path: '/report',
    handle: async ({ accept, query }) => {
      if (accept === 'application/json') return json(goJson(control.report(), INDENT))
      const [format, ...more] = query.getAll('format')
      if (format === undefined || more.length > 0) {
        return failure(400, 'error: must supply one format parameter')
      }
      const { replyToTemplate } = await import('./template-reply.ts')
      return replyToTemplate(format, control.report())
    },
  }
  return [...pages, report]
}

/** The part of the report that a page shows, for `weave status PAGE --json`. */
function pageData(page: string, report: ReturnType<Control['report']>): unknown {
  const { Router, IPAM, DNS } = report
  const parts: Readonly<Record<string, unknown>> = {
    targets: Router.Targets ?? [],
    connections: Router.Connections ?? [],
    peers: Router.Peers,
    dns: [...(DNS?.Entries ?? []), ...(DNS?.Records ?? [])],
    ipam: IPAM?.Entries ?? [],
  }
  return page === '' ? report : parts[page]
}
