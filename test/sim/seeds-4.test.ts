import { testSeeds } from './seeds.ts'

testSeeds(141, 200)
