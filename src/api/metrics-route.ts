import type { MetricSources, Metrics } from './metrics.ts'
import type { Route } from './route.ts'

/** `/metrics`; the library behind it is loaded by the first scrape, as most hosts are never scraped. */
export function metricsRoute(collect: () => MetricSources): Route {
  let metrics: Metrics | undefined
  return {
    method: 'GET',
    path: '/metrics',
    handle: async () => {
      const library = await import('./metrics.ts')
      metrics ??= new library.Metrics()
      return { status: 200, body: await metrics.text(collect()), type: metrics.type }
    },
  }
}
