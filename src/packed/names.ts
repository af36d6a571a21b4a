/** What the graphs of an artefact call their inputs and outputs. */

/** Inputs of the backbone. `length` is that of the longest text. */
export const PACKED_INPUTS = {
  /** int32 `[tokens]`: token ids. */
  inputIds: 'input_ids',
  /** int32 `[tokens]`: position of each token in its text. */
  positionIds: 'position_ids',
  /** int32 `[batch, length]`: the flat row behind each padded place; a text's own first row where there is no token. */
  paddedRows: 'padded_rows',
  /** int32 `[tokens]`: where each token lies in the padded layout, counted over `batch × length`. */
  packedPlaces: 'packed_places',
  /** int32 `[batch]`: tokens of each text. */
  lengths: 'lengths',
} as const

/** Output of the backbone and input of a head, float32 `[batch, hidden]`. */
export const POOLED_OUTPUT = 'pooled'

/** Output of a head, float32 `[batch, dimensions]`. */
export const HEAD_OUTPUT = 'projected'
