/** What a conversion reports while it runs. */

/** A step forward. */
export interface ConvertProgress {
  /** Key of the model. */
  readonly model: string
  /**
   * `hashing` the checkpoint, `writing` a file; to quantise also `calibrating` on texts, `comparing` schemes site by
   * site, and `checking` the result against float32.
   */
  readonly state: 'hashing' | 'writing' | 'calibrating' | 'comparing' | 'checking'
  /** The file that is read, written or run. */
  readonly file: string
  /** Done so far: of this file; of all files when hashing. */
  readonly done: number
  /** What `done` ends at. */
  readonly total: number
  /** What is counted: bytes, or runs of the model. */
  readonly unit: 'bytes' | 'runs'
}
