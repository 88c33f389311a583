import { VERSION } from '../../lib/version.ts'
import type { Io } from '../io.ts'

/** The image of this version, unless the environment says otherwise (cli §0.1). */
export function imageName(environment: Io['environment']): string {
  const { WEAVE_IMAGE: image, DOCKERHUB_USER: user, WEAVE_VERSION: version } = environment
  if (image !== undefined && image !== '') return image
  return `${user ? `${user}/` : ''}weave-net:${version || VERSION}`
}
