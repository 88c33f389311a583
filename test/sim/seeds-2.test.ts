import { testSeeds } from './seeds.ts'

testSeeds(21, 80)
