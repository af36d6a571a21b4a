import { chmod, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { renderConfig } from '../../../src/config/render-config.js'
import { parseConfig } from '../../../src/config/parse-config.js'
import { emptyFolder, stella } from './cli-io.js'

describe('stella init', () => {
  it('writes a commented file that says nothing yet, and how to use it', async () => {
    const path = join(await emptyFolder(), 'stella.config.yaml')
    const { code, stdout, stderr } = await stella(['init', path])
    expect([code, stdout]).toEqual([0, `${path}\n`])
    expect(stderr).toContain(`stella embed --config ${path}`)
    expect(await readFile(path, 'utf8')).toBe(renderConfig({}, 'yaml'))
    expect((await stella(['init', '--show', path])).code).toBe(0)
  })

  it('writes stella.config.yaml or stella.config.json where no path is given', async () => {
    const folder = await emptyFolder()
    const before = process.cwd()
    process.chdir(folder)
    try {
      expect((await stella(['init', '--quiet'])).stdout).toBe('stella.config.yaml\n')
      const json = await stella(['init', '--format', 'json', '--json', '--quiet'])
      expect(JSON.parse(json.stdout)).toEqual({ path: 'stella.config.json', format: 'json' })
      expect((await readdir(folder)).sort()).toEqual(['stella.config.json', 'stella.config.yaml'])
      const { model, notes } = parseConfig(await readFile('stella.config.json', 'utf8'), 'stella.config.json')
      expect([model.model, notes]).toEqual(['stella-nano', []])
    } finally {
      process.chdir(before)
    }
  })

  it('leaves a file that is there alone, without --force', async () => {
    const folder = await emptyFolder()
    const path = join(folder, 'mine.yaml')
    await writeFile(path, 'workers: 2\n')
    const { code, stdout, stderr } = await stella(['init', path])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('is there already and was left alone\n  Give another path, or --force to replace it')
    expect(await readFile(path, 'utf8')).toBe('workers: 2\n')
    expect((await stella(['init', path, '--force'])).code).toBe(0)
    expect(await readFile(path, 'utf8')).toBe(renderConfig({}, 'yaml'))
    expect(await readdir(folder)).toEqual(['mine.yaml'])
  })

  it('is won by one of many that begin together, and the file is whole', async () => {
    const folder = await emptyFolder()
    const path = join(folder, 'one.yaml')
    const runs = await Promise.all(Array.from({ length: 8 }, () => stella(['init', path])))
    expect(runs.map(({ code }) => code).sort()).toEqual([0, 2, 2, 2, 2, 2, 2, 2])
    expect(await readFile(path, 'utf8')).toBe(renderConfig({}, 'yaml'))
    expect(await readdir(folder)).toEqual(['one.yaml'])
  })

  it('replaces what a link leads to, and not the link', async () => {
    const folder = await emptyFolder()
    await writeFile(join(folder, 'real.yaml'), 'workers: 2\n')
    await symlink(join(folder, 'real.yaml'), join(folder, 'link.yaml'))
    expect((await stella(['init', join(folder, 'link.yaml')])).code).toBe(2)
    expect((await stella(['init', join(folder, 'link.yaml'), '--force'])).code).toBe(0)
    expect(await readFile(join(folder, 'real.yaml'), 'utf8')).toBe(renderConfig({}, 'yaml'))
  })

  it.each([
    [['init', 'a.json', '--format', 'yaml'], /a\.json would be read as json, and `--format yaml` was asked for/],
    [['init', 'a.conf', '--format', 'json'], /a name that ends in \.json; got a\.conf/],
    [['init', 'a', 'b'], /takes at most one path; got 2/],
    [['init', ''], /The path is empty/],
    [['init', '--format', 'toml'], /Expected `--format` to be yaml or json; got `toml`/],
    [['init', '/nowhere/at/all.yaml'], /Cannot write \/nowhere\/at\/all\.yaml.*\n {2}There is no folder \/nowhere\/at/],
    [['init', '/'], /is there, and is no file/],
    [['init', 'x', '--show', '--force'], /`--show` writes nothing/],
    [['init', '--show', '/nowhere/x.yaml'], /Cannot read the configuration/],
  ])('refuses %j', async (argv, message) => {
    const { code, stdout, stderr } = await stella(argv)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
  })

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('says so where it may not write', async () => {
    const folder = join(await emptyFolder(), 'closed')
    await mkdir(folder)
    await chmod(folder, 0o555)
    const { code, stderr } = await stella(['init', join(folder, 'a.yaml')])
    expect(code).toBe(2)
    expect(stderr).toMatch(/Cannot write .*EACCES/)
  })
})

describe('stella init --show', () => {
  it('prints every key with its value and where it comes from', async () => {
    const path = join(await emptyFolder(), 'app.yaml')
    await writeFile(path, 'workers: 2\nbatchSize: 64\nprompts: {mine: x}\n')
    const env = { STELLA_THREADS: '3' }
    const { code, stdout, stderr } = await stella(['init', '--show', path], { env })
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^workers +2 +${path}:1:10$`, 'm'))
    expect(stdout).toMatch(/^threads +3 +STELLA_THREADS$/m)
    expect(stdout).toMatch(/^model +stella-nano +default$/m)
    expect(stdout).toMatch(/^memory +\(most of what there is\) +default$/m)
    expect(stdout).toMatch(/^prompts +\{"mine":"x"\} /m)
    expect(stdout).toMatch(/^evaluation\.bins +20 +default$/m)
    expect(stderr).toContain('64 is more than the recommended')
    const json = JSON.parse((await stella(['init', '--show', path, '--json', '--quiet'], { env })).stdout) as {
      settings: readonly object[]
      notes: readonly object[]
    }
    expect(json.settings).toContainEqual({ key: 'workers', value: 2, source: 'file', file: path, line: 1, column: 10 })
    expect(json.settings).toContainEqual({
      key: 'threads',
      value: 3,
      source: 'environment',
      variable: 'STELLA_THREADS',
    })
    expect(json.notes).toHaveLength(1)
  })

  it('tells all that is wrong with a file', async () => {
    const path = join(await emptyFolder(), 'app.yaml')
    await writeFile(path, 'workers: x\nthreads: y\n')
    const { code, stderr } = await stella(['init', '--show', path])
    expect(code).toBe(2)
    expect(stderr.match(/expected an integer/g)).toHaveLength(2)
  })
})
