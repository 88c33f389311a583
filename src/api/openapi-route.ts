import { VERSION } from '../lib/version.ts'
import { json, type Route } from './route.ts'

/** `routes` with `/openapi.json`, which describes all of them; made when it is asked for. */
export function withDocument(routes: readonly Route[]): readonly Route[] {
  const all: Route[] = [
    ...routes,
    {
      method: 'GET',
      path: '/openapi.json',
      handle: async () => {
        const { openApiDocument } = await import('./openapi/document.ts')
        return json(`${JSON.stringify(openApiDocument(all, VERSION), null, 2)}\n`)
      },
    },
  ]
  return all
}
