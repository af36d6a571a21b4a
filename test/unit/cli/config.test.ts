/** `--config` of the commands that have it. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { applyConfig } from '../../../src/cli/config.js'
import { COMMANDS } from '../../../src/cli/commands/index.js'
import type { OptionName } from '../../../src/cli/options.js'
import { OPTIONS, isOptionName } from '../../../src/cli/options.js'
import { parseOptions } from '../../../src/cli/parse.js'
import { emptyFolder, stella } from './cli-io.js'

const ALL = Object.keys(OPTIONS).filter(isOptionName)

/** Options as a command would have them under a file of this text. */
async function applied(text: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const path = join(await emptyFolder(), 'app.yaml')
  await writeFile(path, text)
  const accepted: readonly OptionName[] = ALL
  return applyConfig(path, parseOptions(argv, accepted, env), env)
}

describe('a configuration file', () => {
  it('fills the options that nobody has given', async () => {
    const text =
      'model: stella-en-400m-v5\nmaxLength: 1024\nembeddingDimension: 256\nnormalizeEmbeddings: false\npromptType: s2p\n' +
      'precision: int8\nmemory: 0.5\nworkers: 2\nthreads: 1\ndownload: true\nevaluation: {idField: video, delimiter: tab}'
    const { values } = await applied(text, [])
    expect(values).toMatchObject({
      model: 'stella-en-400m-v5',
      'max-length': 1024,
      dimensions: 256,
      'no-normalize': true,
      task: 's2p',
      precision: 'int8',
      memory: '0.5',
      workers: 2,
      threads: 1,
      download: true,
      'id-field': 'video',
      delimiter: 'tab',
    })
  })

  it('gives way to variables, and those to the command line', async () => {
    const env = { STELLA_WORKERS: '3', STELLA_THREADS: '3' }
    const { values } = await applied('workers: 2\nthreads: 2\nmemory: 1GB', ['--workers', '4'], env)
    expect([values.workers, values.threads, values.memory]).toEqual([4, 3, '1GB'])
  })

  it('gives way to a flag that says the contrary', async () => {
    expect((await applied('normalizeEmbeddings: false', ['--normalize'])).values['no-normalize']).toBe(false)
    expect((await applied('normalizeEmbeddings: true', ['--no-normalize'])).values['no-normalize']).toBe(true)
    expect((await applied('download: true', ['--no-download'])).values.download).toBe(false)
    expect((await applied('download: true', [])).values.download).toBe(true)
    expect((await applied('download: true', [], { STELLA_DOWNLOAD: '0' })).values.download).toBe(false)
  })

  it('names the model only where nobody else does', async () => {
    const named = async (text: string, argv: readonly string[], env = {}): Promise<readonly unknown[]> => {
      const { values } = await applied(text, argv, env)
      return [values.model, values.checkpoint]
    }
    expect(await named('path: /c', ['-m', 'stella-nano'])).toEqual(['stella-nano', undefined])
    expect(await named('model: stella-nano', ['--checkpoint', '/c'])).toEqual([undefined, '/c'])
    expect(await named('model: stella-nano', [], { STELLA_CHECKPOINT: '/c' })).toEqual([undefined, '/c'])
    expect(await named('path: /c', [])).toEqual([undefined, '/c'])
  })

  it('has prompts that --task, its variable and promptType can name', async () => {
    const prompts = 'prompts: {mine: "Mine: ", s2s: "Other: "}\n'
    const chosen = async (text: string, argv: readonly string[], env = {}): Promise<readonly unknown[]> => {
      const { values } = await applied(text, argv, env)
      return [values.task, values.prompt]
    }
    expect(await chosen(`${prompts}promptType: mine`, [])).toEqual([undefined, 'Mine: '])
    expect(await chosen(prompts, ['--task', 'mine'])).toEqual([undefined, 'Mine: '])
    expect(await chosen(prompts, [], { STELLA_TASK: 's2s' })).toEqual([undefined, 'Other: '])
    expect(await chosen(prompts, [])).toEqual([undefined, undefined])
    expect(await chosen(`${prompts}promptType: mine`, ['--prompt', 'x'])).toEqual([undefined, 'x'])
    expect(await chosen(`${prompts}promptType: mine`, [], { STELLA_PROMPT: 'x' })).toEqual([undefined, 'x'])
    expect(await chosen(`${prompts}promptType: mine`, ['--task', 'document'])).toEqual(['document', undefined])
  })

  it('is checked together with the command line, whose options are called by their flags', async () => {
    await expect(applied('', ['--max-length', '9000'])).rejects.toThrow(
      '--max-length: expected an integer from 4 to 2048, the limit of stella-nano; got 9000',
    )
    await expect(applied('maxLength: 9000', ['--max-length', '100'])).resolves.toBeDefined()
    await expect(applied('maxLength: 4096', ['-m', 'stella-en-400m-v5'])).resolves.toBeDefined()
  })
})

describe('--config', () => {
  it('is an option of the commands that open a model to embed with', () => {
    const having = COMMANDS.filter(({ options }) => options.includes('config')).map(({ name }) => name)
    expect(having).toEqual(expect.arrayContaining(['embed', 'similarity']))
  })

  it('embeds as the file says, and notes what is not recommended', async () => {
    const folder = await emptyFolder()
    const path = join(folder, 'app.yaml')
    await writeFile(
      path,
      'embeddingDimension: 256\nmaxLength: 64\nhome: ./home\nworkers: 1\nthreads: 1\nprecision: fp32\n',
    )
    const { code, stdout, stderr } = await stella(['embed', 'a text', '--config', path, '--json'])
    expect([code, (JSON.parse(stdout) as { dimensions: number }).dimensions]).toEqual([0, 256])
    expect(stderr).toContain(`${path}:2:12 maxLength: 64 is less than the recommended 256 to 2048`)
    // What was converted lies where the file says.
    const again = await stella(['embed', 'a text', '--json', '--quiet'], { env: { STELLA_CONFIG: path } })
    expect([again.code, again.stdout, again.stderr]).toEqual([0, stdout, ''])
    const { readdir } = await import('node:fs/promises')
    expect(await readdir(join(folder, 'home'))).toEqual(['artefacts'])
  })

  it('compares under the prompt that the file names', async () => {
    const folder = await emptyFolder()
    const path = join(folder, 'app.yaml')
    await writeFile(path, 'home: ./home\nprompts: {mine: "Query: "}\npromptType: mine\nworkers: 1\nthreads: 1\n')
    const { code, stdout } = await stella(['similarity', 'a', 'b', '--config', path, '--json', '--quiet'])
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ task: null, prompt: 'Query: ' })])
  })

  it('refuses a wrong file with every problem and exit code 2, before anything is done', async () => {
    const path = join(await emptyFolder(), 'app.yaml')
    await writeFile(path, 'batch_size: 3\nworkers: many\n')
    const { code, stdout, stderr } = await stella(['embed', 'x', '--config', path])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toBe(
      `stella: ${path}:1:1 batch_size: unknown key; use batchSize\n` +
        `${path}:2:10 workers: expected an integer from 1 to 1024; got "many"\n  Run \`stella embed --help\`\n`,
    )
    const json = await stella(['embed', 'x', '--config', path, '--json'])
    const { details } = JSON.parse(json.stderr) as { details: { problems: readonly { key: string }[] } }
    expect(details.problems.map(({ key }) => key)).toEqual(['batch_size', 'workers'])
  })

  it('says so where there is no such file', async () => {
    const { code, stderr } = await stella(['embed', 'x', '--config', './none.yaml'])
    expect(code).toBe(2)
    expect(stderr).toContain('Cannot read the configuration ./none.yaml')
  })

  it('is never assumed: a file of the usual name is not looked for', async () => {
    const folder = await emptyFolder()
    await mkdir(join(folder, 'home'))
    await writeFile(join(folder, 'stella.config.yaml'), 'this is: [not a configuration')
    const before = process.cwd()
    process.chdir(folder)
    try {
      const { code } = await stella(['models'], { env: { STELLA_HOME: join(folder, 'home') } })
      expect(code).toBe(0)
      const embedded = await stella(['embed', 'x', '--max-length', '1'], { env: { STELLA_HOME: join(folder, 'home') } })
      expect(embedded.stderr).toContain('--max-length')
    } finally {
      process.chdir(before)
    }
  })
})
