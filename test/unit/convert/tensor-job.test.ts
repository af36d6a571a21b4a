import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { TensorJob } from '../../../src/convert/tensor-job.js'
import { BATCH_BYTES, batchesOf, jobBytes } from '../../../src/convert/tensor-job.js'
import { TensorPlan } from '../../../src/convert/tensor-plan.js'
import type { TensorTransform } from '../../../src/convert/tensor-transform.js'

const HESSIAN = { group: 64, values: new Float32Array() }

const anyTransform = fc.constantFrom<TensorTransform>(
  { kind: 'float32' },
  { kind: 'float16' },
  { kind: 'table8' },
  { kind: 'row8' },
  { kind: 'block8', block: 32 },
  { kind: 'block4', block: 64 },
  { kind: 'block4', block: 64, hessian: HESSIAN },
)

/** Tensors from a few numbers to several batches. */
const anyTensor = fc.record({
  transform: anyTransform,
  start: fc.nat(5),
  rows: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 12_000 })),
  columns: fc.constantFrom(1, 7, 768, 1536, 4096),
  scaled: fc.boolean(),
})

function planned(tensors: readonly (typeof anyTensor extends fc.Arbitrary<infer T> ? T : never)[]): TensorPlan {
  const plan = new TensorPlan('x.data')
  for (const [index, { transform, start, rows, columns, scaled }] of tensors.entries()) {
    const outputs = transform.kind === 'float32' || transform.kind === 'float16' ? 1 : 2
    const scales = scaled ? { outputScale: Float32Array.from({ length: rows }, (_, i) => i) } : {}
    const source = { folder: 'f', file: 'm.safetensors', tensor: `t${index}`, rows: { start, end: start + rows } }
    const names = Array.from({ length: outputs }, (_, i) => ({ name: `t${index}.${i}` }))
    plan.add({ ...source, columns, scales, transform }, names)
  }
  return plan
}

describe('batchesOf', () => {
  it('does all of the work once, in the order of the file', () => {
    fc.assert(
      fc.property(fc.array(anyTensor, { maxLength: 8 }), (tensors) => {
        const plan = planned(tensors)
        const pieces = batchesOf(plan.jobs).flat()
        for (const job of plan.jobs) {
          const own = pieces.filter(({ tensor }) => tensor === job.tensor)
          expect(own[0]?.rows.start).toBe(job.rows.start)
          expect(own.at(-1)?.rows.end).toBe(job.rows.end)
          own.forEach((piece, i) => {
            if (i > 0) expect(piece.rows.start).toBe(own[i - 1]?.rows.end)
            expect(piece.transform).toBe(job.transform)
          })
          for (const [index, slot] of job.slots.entries())
            expectCovered(
              own.map(({ slots }) => slots[index]),
              slot,
            )
          const factors = own.flatMap(({ scales }) => [...(scales.outputScale ?? [])])
          expect(factors).toEqual([...(job.scales.outputScale ?? [])])
        }
        const places = pieces.map(({ slots }) => slots[0]?.offset ?? NaN)
        expect(places).toEqual(places.toSorted((a, b) => a - b))
      }),
      { numRuns: 60 },
    )
  })

  it('cuts what can be cut to the limit, and leaves room for no further job in any batch', () => {
    fc.assert(
      fc.property(fc.array(anyTensor, { maxLength: 8 }), (tensors) => {
        const batches = batchesOf(planned(tensors).jobs)
        const bytesOf = (jobs: readonly TensorJob[]): number => jobs.reduce((sum, job) => sum + jobBytes(job), 0)
        batches.forEach((batch, i) => {
          expect(batch.length).toBeGreaterThan(0)
          const [first] = batch
          const whole = first?.transform.kind === 'row8' || (first !== undefined && 'hessian' in first.transform)
          if (batch.length > 1 || !whole) expect(bytesOf(batch)).toBeLessThanOrEqual(BATCH_BYTES)
          const next = batches[i + 1]?.[0]
          if (next !== undefined) expect(bytesOf(batch) + jobBytes(next)).toBeGreaterThan(BATCH_BYTES)
        })
      }),
      { numRuns: 60 },
    )
  })

  it('never cuts a transposed weight, nor one whose factors would be made again', () => {
    const jobs = planned([
      { transform: { kind: 'row8' }, start: 0, rows: 8960, columns: 1536, scaled: false },
      {
        transform: { kind: 'block4', block: 64, hessian: HESSIAN },
        start: 0,
        rows: 8960,
        columns: 1536,
        scaled: false,
      },
    ]).jobs
    expect(batchesOf(jobs)).toEqual(jobs.map((job) => [job]))
  })
})

function expectCovered(
  pieces: readonly ({ readonly offset: number; readonly bytes: number } | undefined)[],
  slot: { readonly offset: number; readonly bytes: number },
): void {
  let at = slot.offset
  for (const piece of pieces) {
    expect(piece?.offset).toBe(at)
    at += piece?.bytes ?? NaN
  }
  expect(at).toBe(slot.offset + slot.bytes)
}
