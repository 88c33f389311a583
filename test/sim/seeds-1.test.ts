import { simParts } from './parts.ts'
import { testSeeds } from './seeds.ts'

// With everything that uses the mesh.
testSeeds(1, 20, simParts)
