import type { SimPart } from './part.ts'

/** What takes part in every simulation besides the mesh itself. */
export const simParts = (): SimPart[] => []
