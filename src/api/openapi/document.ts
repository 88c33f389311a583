import { z } from 'zod'
import type { Route } from '../route.ts'
import { type Operation, operations, type Reply } from './operations.ts'

type Json = Readonly<Record<string, unknown>>

/** The OpenAPI document of what a listener serves. Throws for a route that nobody described. */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const { method, path } of routes) {
    const operation = operations[`${method} ${path}`]
    if (operation === undefined) throw new Error(`no description of ${method} ${path}`)
    const template = path.replace(/:([A-Za-z]+)/g, '{$1}')
    paths[template] = { ...paths[template], [method.toLowerCase()]: describe(path, operation) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Weave Net', version, summary: 'Control and state of one peer.' },
    servers: [{ url: '/' }],
    paths,
  }
}

function describe(path: string, { summary, query, body, replies }: Operation): Json {
  const inPath = [...path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const inQuery = Object.entries(query ?? {}).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }))
  return {
    summary,
    parameters: [...inPath, ...inQuery],
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    }),
    responses: Object.fromEntries(
      Object.entries(replies).map(([status, reply]) => [status, describeReply(reply)]),
    ),
  }
}

const describeReply = ({ about, json }: Reply): Json => ({
  description: about,
  ...(json !== undefined && { content: { 'application/json': { schema: schemaOf(json, 'output') } } }),
})

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): unknown {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io })
  return rest
}
