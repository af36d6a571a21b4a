import { execFile } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, describe, expect, it } from 'vitest'

import { loadConfig } from '../../../src/config/load-config.js'
import { failureOf } from '../../support/failure.js'
import { temporaryFolder } from '../../support/temp-folder.js'

const folder = temporaryFolder()
afterAll(() => folder.remove())

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder.path, name)
  await writeFile(path, content)
  return path
}

describe('loadConfig', () => {
  it('reads YAML and JSON by the name, and folders relative to the file', async () => {
    const yaml = await file('a.yaml', '# mine\nworkers: 2\nhome: ./h\n')
    expect((await loadConfig(yaml, { env: {} })).model).toEqual({ workers: 2, home: join(folder.path, 'h') })
    const json = await file('a.JSON', '{"workers": 2}')
    expect((await loadConfig(json, { env: {} })).model).toEqual({ workers: 2 })
    const comment = await file('b.json', '{"workers": 2} # two')
    const error = await failureOf(() => loadConfig(comment, { env: {} }))
    expect(error.message).toBe(`${comment}:1:16 not valid JSON: expected nothing more`)
  })

  it("looks at the process's own environment where none is given", async () => {
    const path = await file('c.yaml', 'batchSize: 8')
    process.env['STELLA_BATCH_SIZE'] = '9'
    try {
      expect((await loadConfig(path)).model.batchSize).toBe(9)
      expect((await loadConfig(path, { env: {} })).model.batchSize).toBe(8)
    } finally {
      delete process.env['STELLA_BATCH_SIZE']
    }
  })

  it('takes a byte order mark, and an empty file with a note', async () => {
    const path = await file('d.yaml', Buffer.from('\ufeffworkers: 3\r\n'))
    expect((await loadConfig(path, { env: {} })).model).toEqual({ workers: 3 })
    const empty = await loadConfig(await file('e.yaml', ''), { env: {} })
    expect(empty.notes).toHaveLength(1)
    const json = await failureOf(async () => loadConfig(await file('e.json', ''), { env: {} }))
    expect(json.message).toMatch(/e\.json:1:1 not valid JSON: expected a value$/)
    const nothing = await failureOf(async () => loadConfig(await file('n.json', 'null'), { env: {} }))
    expect(nothing.message).toContain('got null')
  })

  it.each([
    ['UTF-16 of Windows', Buffer.from('\ufeffworkers: 3', 'utf16le'), 'got UTF-16; save it as UTF-8'],
    ['a picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0xff]), 'got something else'],
    ['UTF-16 without a mark', Buffer.from('workers: 3', 'utf16le'), 'U+0000'],
    ['more than there may be', Buffer.alloc(256 * 1024 + 1, '#'), 'expected at most 262144 bytes; got more'],
    [
      'fewer bytes, and too many characters',
      Buffer.alloc(100_000, '#'),
      'expected at most 65536 characters; got 100000',
    ],
  ])('refuses %s', async (name, content, part) => {
    const path = await file(`${name}.yaml`, content)
    const error = await failureOf(() => loadConfig(path, { env: {} }))
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toContain(path)
    expect(error.message).toContain(part)
  })

  it('says what to do where there is no file, or a folder', async () => {
    const missing = await failureOf(() => loadConfig(join(folder.path, 'none.yaml')))
    expect(missing.message).toMatch(/^Cannot read the configuration .*none\.yaml: ENOENT.*`stella init` writes one$/)
    const inFolder = await failureOf(() => loadConfig(folder.path))
    expect(inFolder.message).toContain('Give the file in it')
    expect((await failureOf(() => loadConfig(''))).message).toContain('Expected the path')
    expect((await failureOf(() => loadConfig(undefined as unknown as string))).message).toContain('got undefined')
    await mkdir(join(folder.path, 'x'))
    expect((await failureOf(() => loadConfig(join(folder.path, 'a.yaml', 'x')))).details['systemCode']).toBe('ENOTDIR')
  })

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('says so where it may not be read', async () => {
    const path = await file('secret.yaml', 'workers: 1')
    await chmod(path, 0)
    expect((await failureOf(() => loadConfig(path))).message).toContain('Make it readable')
  })

  it.skipIf(process.platform === 'win32')('reads a pipe, and of a device no more than it may have', async () => {
    const pipe = join(folder.path, 'pipe')
    await promisify(execFile)('mkfifo', [pipe])
    const [config] = await Promise.all([loadConfig(pipe, { env: {} }), writeFile(pipe, 'workers: 4')])
    expect(config.model.workers).toBe(4)
    expect((await failureOf(() => loadConfig('/dev/zero'))).message).toContain('expected at most 262144 bytes')
  })
})
