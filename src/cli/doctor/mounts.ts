/** Which file system a folder is on, as Linux tells it. */
import { readFile } from 'node:fs/promises'

/** A mounted file system. */
export interface Mount {
  /** Where it is mounted. */
  readonly point: string
  /** Such as `ext4`, `nfs4`, `overlay`. */
  readonly type: string
  readonly readOnly: boolean
}

const MOUNTS = '/proc/self/mountinfo'

/** The file system that `path`, which is absolute and without links, is on; undefined where the system does not say. */
export async function mountOf(path: string): Promise<Mount | undefined> {
  const text = await readFile(MOUNTS, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : findMount(text, path)
}

/**
 * Finds the mount of `path` in the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)):
 * `id parent device root point options … - type source options`.
 */
export function findMount(text: string, path: string): Mount | undefined {
  let found: Mount | undefined
  for (const line of text.split('\n')) {
    const fields = line.split(' ')
    const dash = fields.indexOf('-', 6)
    const [point, options, type] = [fields[4], fields[5], fields[dash + 1]]
    if (dash === -1 || point === undefined || options === undefined || type === undefined) continue
    const mount = { point: unescape(point), type, readOnly: options.split(',').includes('ro') }
    // Of several at one place the last lies on top.
    if (isUnder(path, mount.point) && mount.point.length >= (found?.point.length ?? 0)) found = mount
  }
  return found
}

function isUnder(path: string, point: string): boolean {
  return path === point || path.startsWith(point.endsWith('/') ? point : `${point}/`)
}

/** Blanks, tabs, newlines and backslashes stand there as three octal digits. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
