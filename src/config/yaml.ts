/** The YAML parser, loaded for the first file that is read: it takes 20 ms, and most processes read none. */
import { createRequire } from 'node:module'
import type * as Yaml from 'yaml'

const require = createRequire(import.meta.url)

/** All that the package exports. */
export function yaml(): typeof Yaml {
  return require('yaml') as typeof Yaml
}
