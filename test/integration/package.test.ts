/** The package as its users get it: packed, installed in an empty project, imported, and run from the command line. */
import { execFile } from 'node:child_process'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { temporaryFolder } from '../support/temp-folder.js'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')

/** An install brings the engine's 290 MB. */
const INSTALL_TIMEOUT_MS = 240_000

const temporary = temporaryFolder()
const project = join(temporary.path, 'project')
const home = join(temporary.path, 'home')
const env = {
  ...process.env,
  HOME: home,
  XDG_CACHE_HOME: join(home, '.cache'),
  ONNXRUNTIME_NODE_INSTALL: 'skip',
  // Unset, so that everything falls to its default place under HOME.
  STELLA_HOME: undefined,
  HF_HOME: undefined,
  ORT_DISABLE_TELEMETRY: undefined,
}

beforeAll(async () => {
  await mkdir(project)
  await mkdir(home)
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', temporary.path], { cwd: ROOT })
  const tarball = (await readdir(temporary.path)).find((name) => name.endsWith('.tgz')) ?? ''
  const manifest = { name: 'a-project', private: true, type: 'module' }
  await writeFile(join(project, 'package.json'), JSON.stringify(manifest))
  await run('npm', ['install', '--no-audit', '--no-fund', join(temporary.path, tarball)], {
    cwd: project,
    env: { ...env, HOME: process.env.HOME },
  })
}, INSTALL_TIMEOUT_MS)

afterAll(() => temporary.remove())

it('imports and embeds with the embedded model', async () => {
  const program = `
    import { EmbeddingPool, getModel } from 'stella-pool'
    const pool = await EmbeddingPool.open({ workers: 1 })
    const { embedding, usage } = await pool.embed(getModel('stella-nano'), 'a text')
    console.log(JSON.stringify({ length: embedding.length, norm: Math.hypot(...embedding), usage }))
    await pool.close()
  `
  await writeFile(join(project, 'program.js'), program)
  const { stdout } = await run(process.execPath, ['program.js'], { cwd: project, env })
  const result = JSON.parse(stdout) as { length: number; norm: number }
  expect(result.length).toBe(256)
  expect(result.norm).toBeCloseTo(1, 6)
})

it('runs the command from node_modules/.bin', async () => {
  const command = join(project, 'node_modules/.bin/stella')
  const { stdout } = await run(command, ['embed', 'a text', '--dimensions', '512'], { cwd: project, env })
  const line = JSON.parse(stdout) as { index: number; embedding: number[]; truncated: boolean }
  expect(line.embedding).toHaveLength(512)
  expect(line).toMatchObject({ index: 0, truncated: false })
})

it('leaves in the home folder nothing but its own cache: the engine reports to nobody', async () => {
  expect(await readdir(home)).toEqual(['.cache'])
  expect(await readdir(join(home, '.cache'))).toEqual(['stella-pool'])
})

it('type-checks for a user in strict mode', async () => {
  await writeFile(
    join(project, 'program.ts'),
    `import { EmbeddingPool, STELLA_NANO, type EmbedResult } from 'stella-pool'
     const pool: EmbeddingPool = await EmbeddingPool.open({ memory: '2GB' })
     const result: EmbedResult = await pool.embed(STELLA_NANO, 'a text', { task: 's2p_query', dimensions: 512 })
     pool.on('workerReady', ({ model, loadMs }) => console.log(model.length, loadMs.toFixed()))
     const vector: Float32Array = result.embedding
     console.log(vector.length)`,
  )
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'nodenext']
  const types = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--types', 'node']
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  await run(process.execPath, [tsc, ...options, ...types, 'program.ts'], { cwd: project })
})

it('ships what it needs and nothing of the workshop', async () => {
  const installed = join(project, 'node_modules/stella-pool')
  const names = await readdir(installed)
  expect(names).toEqual(expect.arrayContaining(['dist', 'models', 'docs', 'README.md', 'LICENSE', 'NOTICE']))
  for (const absent of ['test', 'bench', 'tools', 'src', '.ci']) expect(names).not.toContain(absent)
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as { dependencies: object }
  expect(Object.keys(manifest.dependencies)).toEqual(
    expect.arrayContaining(['piscina', 'onnxruntime-node', 'systeminformation', 'eventemitter3']),
  )
})
