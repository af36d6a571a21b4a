/** Results of evaluations, as the tests of what comes after them need them. */
import type { ProblemDetails, StellaErrorCode } from '../../../src/errors.js'
import { StellaError } from '../../../src/errors.js'
import type { EvaluationResult } from '../../../src/evaluation/evaluation-result.js'

/** What may differ from a plain result. */
export interface ResultTexts {
  readonly groundTruth?: string
  readonly prediction?: string
  readonly truncated?: readonly [boolean, boolean]
}

/** A pair that was scored. */
export function scored(id: string, normalizedCosine: number, texts: ResultTexts = {}): EvaluationResult {
  const { groundTruth = `truth of ${id}`, prediction = `prediction of ${id}`, truncated = [false, false] } = texts
  return {
    id,
    groundTruthText: groundTruth,
    predictionText: prediction,
    similarityScore: {
      cosineSimilarity: 2 * normalizedCosine - 1,
      normalizedCosine,
      metadata: {
        model: 'stella-nano',
        promptType: 's2s',
        embeddingDimension: 256,
        maxLength: 512,
        tokens: [7, 9],
        truncated,
        elapsedMs: 1,
      },
    },
    success: true,
  }
}

/** A pair that failed. */
export function failed(
  id: string,
  code: StellaErrorCode = 'INPUT_INVALID',
  detail = 'holds no text',
  texts: ResultTexts = {},
): EvaluationResult {
  const error: ProblemDetails = new StellaError(code, detail, { details: { line: 3 } }).toProblemDetails()
  const { groundTruth = '', prediction = '' } = texts
  return {
    id,
    groundTruthText: groundTruth,
    predictionText: prediction,
    similarityScore: null,
    success: false,
    error,
  }
}
