/** What the process of one seed is told, as JSON in its only argument. */
export interface SeedOrder {
  readonly seed: number
  readonly operations: number
  /** No operation is begun after this time of the system's clock. */
  readonly endsAt: number | null
  readonly patienceMs: number
  readonly fake: boolean
  /** Folder of a checkpoint, with `makeBulkyCheckpoint`; not needed by the fake engine. */
  readonly checkpoint: string
  /** Folder for what pools make. */
  readonly home: string
  /** File that the report is written to. A process that leaves none has crashed. */
  readonly report: string
  /** File that every step is written to at once. */
  readonly journal: string
}
