import { z } from 'zod'
import { WeaveError } from '../lib/errors.ts'

/** JSON bodies of the requests that are ours; the document of the API shows the same schemas. */

export const attachRequest = z.object({
  container: z.string().min(1),
  addresses: z.array(z.string()).default([]),
  dns: z.boolean().default(true),
  multicastRoute: z.boolean().default(true),
  rewriteHosts: z.boolean().default(false),
  extraHosts: z.array(z.string()).default([]),
})

export const detachRequest = z.object({
  container: z.string().min(1),
  addresses: z.array(z.string()).default([]),
})

/** Without a container the addresses are named for nobody, by `fqdn`. */
export const nameRequest = z.object({
  container: z.string().optional(),
  addresses: z.array(z.string()),
  fqdn: z.string().optional(),
})

/** Throws `WeaveError('request')` that names the member at fault. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new WeaveError('request', `request body: ${issue?.path.join('.')}: ${issue?.message}`)
}
