/**
 * Prepares calibration statistics for rounding with error feedback: factors each block of `Σ xᵀx` once, for all rows of
 * a weight. Knows numbers, no tensor and no file.
 */

/** Statistics of a weight's inputs over calibration tokens. */
export interface Hessian {
  /** Consecutive inputs that are looked at together; a multiple of the quantiser's block. */
  readonly group: number
  /**
   * float32 `[⌈in / group⌉, group, group]`: `Σ xᵀx` of each group, over the inputs as the quantised operator gets them.
   * What lies beyond the last input is not read. Backed by shared memory it crosses threads without a copy.
   */
  readonly values: Float32Array
}

/** What the rounding of one group needs. Places are in rounding order; `n` is the group's number of inputs. */
export interface GroupFactor {
  /** Input at each place, from the group's start: int32 `[n]`. */
  readonly order: Int32Array
  /** float64 `[n, n]`: row `k` holds how much of the error at each place before `k` is made up for at `k`. */
  readonly feedback: Float64Array
  /** float64 `[n]`: what a squared error at this place costs once the later places have made up for it. */
  readonly importance: Float64Array
}

/** Share of the mean squared input that is added to every one, as in GPTQ (https://arxiv.org/abs/2210.17323). */
const DAMPING = 0.01

/** Factor by which the damping grows while the matrix is not positive definite. */
const DAMPING_GROWTH = 10

/** From 0.01 this reaches 10⁶ times the mean: rounding to float32 cannot have spoilt a matrix more than that. */
const MAX_ATTEMPTS = 9

/**
 * Factors all groups of a weight of `columns` inputs.
 *
 * With `H = (F + I) D (F + I)ᵀ`, `F` strictly upper triangular, and `e_j` the error made at place `j`, the best value to
 * round at place `k` is `w_k + Σ_{j<k} e_j F_jk`: GPTQ's update, in the form of https://arxiv.org/abs/2307.13304. It needs
 * one factorisation and no inverse.
 *
 * @throws Error when the statistics do not fit, or are not finite: a fault of the calibration, not of the checkpoint.
 */
export function factorHessian(hessian: Hessian, columns: number, block: number): readonly GroupFactor[] {
  const { group, values } = hessian
  const groups = Math.ceil(columns / group)
  if (group % block !== 0) throw new Error(`groups of ${group} inputs cannot be cut into blocks of ${block}`)
  if (values.length !== groups * group * group) {
    throw new Error(`${values.length} statistics; ${groups} groups of ${group} inputs have ${groups * group * group}`)
  }
  return Array.from({ length: groups }, (_, index) => {
    const matrix = values.subarray(index * group * group, (index + 1) * group * group)
    return factorGroup(matrix, group, Math.min(group, columns - index * group), block)
  })
}

function factorGroup(matrix: Float32Array, stride: number, size: number, block: number): GroupFactor {
  let mean = 0
  for (let i = 0; i < size; i++) mean += (matrix[i * stride + i] ?? 0) / size
  if (!Number.isFinite(mean) || mean < 0) throw new Error(`the mean squared input is ${mean}`)
  const order = roundingOrder(matrix, stride, size, block)
  // Inputs that were always zero: any rounding will do, and any factor.
  const floor = mean === 0 ? 1 : mean
  for (let attempt = 0, damping = DAMPING; attempt < MAX_ATTEMPTS; attempt++, damping *= DAMPING_GROWTH) {
    const factor = tryFactor(matrix, stride, order, damping * floor)
    if (factor !== undefined) return factor
  }
  throw new Error('the statistics of a group are not positive semidefinite')
}

/**
 * Blocks by falling energy, and the inputs within each: the largest errors get the most places to be made up at. A
 * block stays together, since its step is found from what its inputs are to make up for.
 */
function roundingOrder(matrix: Float32Array, stride: number, size: number, block: number): Int32Array {
  const energy = (input: number): number => matrix[input * stride + input] ?? 0
  const blocks = Array.from({ length: Math.ceil(size / block) }, (_, index) => {
    const inputs = Array.from({ length: Math.min(block, size - index * block) }, (_, i) => index * block + i)
    return { inputs, energy: inputs.reduce((sum, input) => sum + energy(input), 0) / inputs.length }
  })
  blocks.sort((a, b) => b.energy - a.energy)
  return Int32Array.from(blocks.flatMap(({ inputs }) => inputs.sort((a, b) => energy(b) - energy(a))))
}

/** Undefined where the matrix is not positive definite, in float64, with this damping. */
function tryFactor(matrix: Float32Array, stride: number, order: Int32Array, damping: number): GroupFactor | undefined {
  const n = order.length
  const importance = new Float64Array(n)
  const feedback = new Float64Array(n * n)
  // Column k of the factor is kept as row k, which is how it is read. From the last place to the first:
  // F_jk D_k = H_jk − Σ_{l>k} F_jl D_l F_kl for j ≤ k, where F_kk stands for 1.
  for (let k = n - 1; k >= 0; k--) {
    const at = k * n
    const from = (order[k] ?? 0) * stride
    for (let j = 0; j <= k; j++) feedback[at + j] = matrix[from + (order[j] ?? 0)] ?? 0
    feedback[at + k] = (feedback[at + k] ?? 0) + damping
    for (let l = k + 1; l < n; l++) {
      const scaled = (feedback[l * n + k] ?? 0) * (importance[l] ?? 0)
      for (let j = 0; j <= k; j++) feedback[at + j] = (feedback[at + j] ?? 0) - scaled * (feedback[l * n + j] ?? 0)
    }
    const pivot = feedback[at + k] ?? 0
    if (!(pivot > 0) || !Number.isFinite(pivot)) return undefined
    importance[k] = pivot
    for (let j = 0; j < k; j++) feedback[at + j] = (feedback[at + j] ?? 0) / pivot
    feedback[at + k] = 0
  }
  return { order, feedback, importance }
}
