import { chmod, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { openOutputFile } from '../../../src/cli/output-file.js'
import { emptyFolder } from './cli-io.js'

describe('openOutputFile', () => {
  it('puts the file in its place only when it is complete', async () => {
    const folder = await emptyFolder()
    const path = join(folder, 'out.txt')
    await writeFile(path, 'old')
    const file = await openOutputFile(path)
    await file.write('new ')
    await file.write(Buffer.from('text'))
    expect(await readFile(path, 'utf8')).toBe('old')
    await file.commit()
    await file.discard()
    expect(await readFile(path, 'utf8')).toBe('new text')
    expect(await readdir(folder)).toEqual(['out.txt'])
  })

  it('leaves nothing behind, and the older file as it was, when it is given up', async () => {
    const folder = await emptyFolder()
    const path = join(folder, 'out.txt')
    await writeFile(path, 'old')
    const file = await openOutputFile(path)
    await file.write('half')
    await file.discard()
    await file.discard()
    expect(await readdir(folder)).toEqual(['out.txt'])
    expect(await readFile(path, 'utf8')).toBe('old')
  })

  it('writes through a link instead of replacing it', async () => {
    const folder = await emptyFolder()
    await writeFile(join(folder, 'real.txt'), 'old')
    await symlink('real.txt', join(folder, 'link.txt'))
    const file = await openOutputFile(join(folder, 'link.txt'))
    await file.write('new')
    await file.commit()
    expect(await readFile(join(folder, 'real.txt'), 'utf8')).toBe('new')
  })

  it('writes straight to a device: renaming would replace it', async () => {
    const file = await openOutputFile('/dev/null')
    expect('rewriteStart' in file && typeof file.rewriteStart === 'function').toBe(false)
    await file.write('gone')
    await file.commit()
    await file.discard()
    expect(await readFile('/dev/null', 'utf8')).toBe('')
  })

  it('refuses a folder, and a folder that is not there, before anything is computed', async () => {
    const folder = await emptyFolder()
    await mkdir(join(folder, 'sub'))
    await expect(openOutputFile(join(folder, 'sub'))).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: /names the folder/,
    })
    await expect(openOutputFile(join(folder, 'no', 'out.txt'))).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: /there is no folder/,
    })
  })

  it.skipIf(process.getuid?.() === 0)('says so where it may not write', async () => {
    const folder = await emptyFolder()
    await chmod(folder, 0o500)
    await expect(openOutputFile(join(folder, 'out.txt'))).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})
