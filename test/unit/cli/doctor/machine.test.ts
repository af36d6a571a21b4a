/** The checks of what the machine is: Node, engine, processor, memory, mounts. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { checkEngine, findBinary } from '../../../../src/cli/doctor/checks/engine.js'
import { memoryFinding } from '../../../../src/cli/doctor/checks/memory.js'
import { checkNode, nodeFinding } from '../../../../src/cli/doctor/checks/node.js'
import { checkProcessor, coresFinding, featuresFinding } from '../../../../src/cli/doctor/checks/processor.js'
import { checkTokenizers } from '../../../../src/cli/doctor/checks/tokenizers.js'
import { findMount } from '../../../../src/cli/doctor/mounts.js'
import { emptyFolder } from '../cli-io.js'
import { findingsOf, only } from './context.js'

describe('Node', () => {
  it('is one that the package supports, or these tests would not run', async () => {
    const finding = only(await findingsOf(checkNode), 'node.version')
    expect(finding).toMatchObject({ status: 'ok', facts: { version: process.versions.node, supported: '>=20.19.0' } })
  })

  it.each([
    ['20.19.0', 'ok'],
    ['20.20.2', 'ok'],
    ['22.0.0', 'ok'],
    ['100.0.0', 'ok'],
    ['20.18.9', 'problem'],
    ['18.20.0', 'problem'],
    ['9.0.0', 'problem'],
    ['21.0.0-pre', 'ok'],
  ])('%s against >=20.19.0 is %s', (version, status) => {
    expect(nodeFinding(version, '>=20.19.0').status).toBe(status)
  })

  it.each([undefined, '', '^20', '>=20', 20, {}])(
    'against the unreadable range %j is a warning, not a guess',
    (range) => {
      expect(nodeFinding('20.20.0', range)).toMatchObject({ status: 'warning' })
    },
  )
})

describe('the engine', () => {
  it('has a binary here, loads, and offers the provider that is used', async () => {
    const findings = await findingsOf(checkEngine)
    expect(only(findings, 'engine.binary').status).toBe('ok')
    const { status, facts } = only(findings, 'engine.load')
    expect(status).toBe('ok')
    expect(facts['version']).toMatch(/^\d+\.\d+\.\d+$/)
    expect(facts['providers']).toContainEqual({ name: 'cpu', bundled: true })
  })

  it.each([
    ['darwin', 'x64', /Intel Macs/],
    ['freebsd', 'x64', /container/],
    ['linux', 'ia32', /another processor than ia32/],
  ])('without a binary for %s %s is a problem that names those it has', async (platform, arch, advice) => {
    const { status, summary, advice: given } = await findBinary(platform, arch)
    expect(status).toBe('problem')
    expect(summary).toContain('linux x64')
    expect(given).toMatch(advice)
  })

  it('that is not installed, or lost its binaries, is a problem', async () => {
    const missing = await findBinary('linux', 'x64', () => {
      throw new Error("Cannot find module 'onnxruntime-node/package.json'\nRequire stack: …")
    })
    expect(missing).toMatchObject({
      status: 'problem',
      summary: "onnxruntime-node is not installed: Cannot find module 'onnxruntime-node/package.json'",
    })
    const folder = await emptyFolder()
    const emptied = await findBinary('linux', 'x64', () => join(folder, 'package.json'))
    expect(emptied).toMatchObject({ status: 'problem', summary: `there is no binary in ${join(folder, 'bin')}` })
  })

  it('finds its binaries whatever the version of the interface is called', async () => {
    const folder = await emptyFolder()
    const place = join(folder, 'bin', 'napi-v99', 'linux', 'riscv64')
    await mkdir(place, { recursive: true })
    await writeFile(join(place, 'onnxruntime_binding.node'), '')
    expect((await findBinary('linux', 'riscv64', () => join(folder, 'package.json'))).status).toBe('ok')
  })
})

it('the tokenizer library loads and cuts texts', async () => {
  expect(only(await findingsOf(checkTokenizers), 'tokenizers.load').status).toBe('ok')
})

describe('the processor', () => {
  const x64 = (flags: string): string =>
    `processor\t: 0\nflags\t\t: fpu ${flags} sse\nbugs\t\t: none\n\nprocessor\t: 1\n`

  it('is told by what the kernels are chosen by', () => {
    const finding = featuresFinding('x64', x64('avx2 avx512f avx512_vnni amx_tile amx_int8'), 'linux')
    expect(finding).toMatchObject({
      status: 'ok',
      facts: { features: ['avx2', 'avx512f', 'avx512_vnni', 'amx_tile', 'amx_int8'] },
    })
  })

  it.each([
    ['x64', x64('avx'), 'warning', /no AVX2/],
    ['x64', x64('avx2 avx512f'), 'note', /no VNNI/],
    ['x64', x64('avx2 avx_vnni'), 'ok', /avx_vnni/],
    ['x64', x64('avx2x avx512_vnnix'), 'warning', /none of the features/],
    ['arm64', 'Features\t: fp asimd asimddp i8mm\n', 'ok', /asimddp, i8mm/],
    ['arm64', 'Features\t: fp asimd\n', 'note', /no dot products/],
  ])('on %s with %j is %s', (arch, text, status, summary) => {
    const finding = featuresFinding(arch, text, 'linux')
    expect(finding.status).toBe(status)
    expect(finding.summary).toMatch(summary)
  })

  it.each([
    ['x64', undefined, 'darwin'],
    ['x64', '', 'linux'],
    ['riscv64', 'isa : rv64imafdc', 'linux'],
  ])('that does not say (%s, %j, %s) is unknown, and called so', (arch, text, platform) => {
    const finding = featuresFinding(arch, text, platform)
    expect(finding).toMatchObject({ status: 'note', facts: { features: null } })
    expect(finding.summary).toContain('unknown')
  })

  it('counts cores, and says what holds the rest back', async () => {
    expect(coresFinding(8, 8, 8)).toMatchObject({ status: 'ok', summary: '8 cores' })
    expect(coresFinding(1, 8, 8)).toMatchObject({ status: 'note', facts: { usable: 1, available: 8, total: 8 } })
    expect(coresFinding(1, 8, 8).summary).toMatch(/1 core of 8 .* quota/)
    expect(coresFinding(4, 4, 8).summary).toMatch(/4 cores of 8 .* affinity/)
    expect(only(await findingsOf(checkProcessor), 'cpu.cores').facts['usable']).toBeGreaterThan(0)
  })
})

describe('memory', () => {
  it('is told with the limit and the budget that comes of it', () => {
    expect(memoryFinding({ usable: 16e9, total: 16e9 }, 15e9, undefined)).toMatchObject({ status: 'ok' })
    const limited = memoryFinding({ usable: 4e9, total: 16e9 }, 4e9, '')
    expect(limited.summary).toMatch(/4\.00 GB by a container's limit, of 16\.00 GB; .* by default/)
    expect(limited.facts['budget']).toBeLessThan(4e9)
  })

  it('notes a budget that is not free now, and warns of one that never is', () => {
    expect(memoryFinding({ usable: 16e9, total: 16e9 }, 1e9, undefined).status).toBe('note')
    expect(memoryFinding({ usable: 4e9, total: 16e9 }, 4e9, '6GB')).toMatchObject({ status: 'warning' })
    expect(memoryFinding({ usable: 16e9, total: 16e9 }, 8e9, '6GB').summary).toMatch(/6\.00 GB by STELLA_MEMORY/)
  })

  it('says that STELLA_MEMORY is no budget', () => {
    expect(memoryFinding({ usable: 4e9, total: 4e9 }, 4e9, 'much')).toMatchObject({ status: 'problem' })
  })
})

describe('findMount', () => {
  const TEXT = [
    '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard',
    '30 27 0:40 / /data rw,relatime shared:7 master:1 - nfs4 server:/x rw',
    '31 30 0:41 / /data/with\\040blank ro,nosuid - tmpfs none rw',
    '32 27 0:42 / /data-other rw - xfs /dev/vdb rw',
    '33 27 0:43 / /over rw - ext4 /dev/vdc rw',
    '34 33 0:44 / /over rw - overlay overlay rw',
    'nonsense',
    '',
  ].join('\n')

  it.each([
    ['/', '/', 'ext4', false],
    ['/home/u', '/', 'ext4', false],
    ['/data', '/data', 'nfs4', false],
    ['/data/deep/er', '/data', 'nfs4', false],
    ['/data/with blank/x', '/data/with blank', 'tmpfs', true],
    ['/data-other/x', '/data-other', 'xfs', false],
    ['/database', '/', 'ext4', false],
    ['/over/x', '/over', 'overlay', false],
  ])('%s is on %s, %s', (path, point, type, readOnly) => {
    expect(findMount(TEXT, path)).toEqual({ point, type, readOnly })
  })

  it('knows nothing where the text says nothing', () => {
    expect(findMount('', '/x')).toBeUndefined()
  })
})
