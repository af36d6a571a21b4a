/** Reads NumPy's array files as their format description says, apart from the code under test. */

/** An array of rows. */
export interface NpyArray {
  /** Type and byte order, such as `<f4`. */
  readonly descr: string
  readonly rows: number
  readonly columns: number
  readonly data: Buffer
}

/** Reads a two-dimensional array, version 1.0 (numpy.lib.format); throws at anything else. */
export function readNpy(bytes: Buffer): NpyArray {
  if (bytes.subarray(0, 8).toString('latin1') !== '\u0093NUMPY\u0001\u0000')
    throw new Error('no npy file of version 1.0')
  const start = 10 + bytes.readUInt16LE(8)
  const header = bytes.subarray(10, start).toString('latin1')
  const match = /^\{'descr': '(.{3})', 'fortran_order': False, 'shape': \((\d+), (\d+)\), \} *\n$/.exec(header)
  if (match === null) throw new Error(`not an array header: ${header}`)
  const [, descr = '', rows, columns] = match
  return { descr, rows: Number(rows), columns: Number(columns), data: bytes.subarray(start) }
}
