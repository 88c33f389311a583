import type { SimPart } from './part.ts'
import { dnsPart } from './part-dns.ts'
import { ipamPart } from './part-ipam.ts'

/** What takes part in every simulation besides the mesh itself. */
export const simParts = (): SimPart[] => [dnsPart(), ipamPart()]
