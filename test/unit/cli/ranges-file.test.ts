import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { RangesFacts } from '../../../src/cli/ranges-file.js'
import { rangesNote, rangesText, readRangesFile } from '../../../src/cli/ranges-file.js'
import { RangeTracker } from '../../../src/vectors/ranges.js'
import { emptyFolder } from './cli-io.js'

const FACTS: RangesFacts = { model: 'stella-nano', dimensions: 2, normalized: true }

function tracked(...vectors: readonly Float32Array[]): RangeTracker {
  const tracker = new RangeTracker(vectors[0]?.length ?? 2)
  for (const vector of vectors) tracker.add(vector)
  return tracker
}

async function fileOf(text: string): Promise<string> {
  const path = join(await emptyFolder(), 'ranges.json')
  await writeFile(path, text)
  return path
}

describe('a file of ranges', () => {
  it('says of which vectors they are', () => {
    const text = rangesText(tracked(Float32Array.of(0.1, 2), Float32Array.of(-1, 3)), FACTS)
    expect(JSON.parse(text)).toEqual({ ...FACTS, vectors: 2, minimum: [-1, 2], maximum: [0.1, 3] })
  })

  it('gives back the very same float32 numbers', async () => {
    const vector = fc.float32Array({
      minLength: 3,
      maxLength: 3,
      noNaN: true,
      noDefaultInfinity: true,
      max: 2 ** 126,
      min: -(2 ** 126),
    })
    const path = await fileOf('')
    const facts = { ...FACTS, dimensions: 3 }
    await fc.assert(
      fc.asyncProperty(vector, vector, async (a, b) => {
        const tracker = tracked(a, b)
        await writeFile(path, rangesText(tracker, facts))
        expect(await readRangesFile(path, facts)).toEqual(tracker.ranges())
      }),
      { numRuns: 50 },
    )
  })

  it('is told with the number of vectors, and that few are not stable', () => {
    const few = tracked(Float32Array.of(0, 0), Float32Array.of(1, 1))
    expect(rangesNote('r.json', few)).toBe('wrote the ranges of 2 vectors to r.json; from 100 on they are stable')
    for (let i = 2; i < 100; i++) few.add(Float32Array.of(i, i))
    expect(rangesNote('r.json', few)).toBe('wrote the ranges of 100 vectors to r.json')
  })

  it('cannot be made of one vector', () => {
    expect(() => rangesText(tracked(Float32Array.of(0, 0)), FACTS)).toThrow(/at least 2 vectors.*got 1/)
  })
})

describe('readRangesFile', () => {
  const good = { ...FACTS, vectors: 5, minimum: [0, 0], maximum: [1, 1] }

  it.each([
    ['no JSON', 'minimum', /is not JSON/],
    ['another document', '[1,2]', /ranges\.json: the file: /],
    ['a key missing', JSON.stringify({ ...good, maximum: undefined }), /maximum: /],
    [
      'ranges of another model',
      JSON.stringify({ ...good, model: 'other' }),
      /of model other, and those of this run are of model stella-nano/,
    ],
    [
      'other dimensions',
      JSON.stringify({ ...good, dimensions: 3 }),
      /of dimensions 3, and those of this run are of dimensions 2/,
    ],
    ['vectors of any length', JSON.stringify({ ...good, normalized: false }), /of normalized false/],
    [
      'fewer numbers than it says',
      JSON.stringify({ ...good, minimum: [0], maximum: [1] }),
      /ranges of 1 dimensions, and says 2/,
    ],
    ['sizes that differ', JSON.stringify({ ...good, maximum: [1] }), /maximum` has 1 dimensions; expected 2/],
    ['a minimum above its maximum', JSON.stringify({ ...good, minimum: [0, 2] }), /dimension 1 has 2 and 1/],
    ['a number beyond float32', JSON.stringify({ ...good, maximum: [1, 1e300] }), /dimension 1 is 1e\+300/],
  ])('refuses %s', async (_, text, message) => {
    const refusal = readRangesFile(await fileOf(text), FACTS)
    await expect(refusal).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(message) as string,
    })
  })

  it('refuses a file that is not there', async () => {
    await expect(readRangesFile(join(await emptyFolder(), 'no.json'), FACTS)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('there is no such file') as string,
    })
  })
})
