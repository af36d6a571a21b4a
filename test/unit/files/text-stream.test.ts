import { createReadStream } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { bytesOf, unreadable } from '../../../src/files/text-stream.js'
import { failureOf } from '../../support/failure.js'

async function read(stream: Readable, signal?: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytesOf(stream, 'x.txt', signal)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe('bytesOf', () => {
  it('gives the bytes of a stream of bytes or of strings, and destroys it', async () => {
    const stream = Readable.from([Buffer.from('a'), 'é'])
    expect(await read(stream)).toBe('aé')
    expect(stream.destroyed).toBe(true)
  })

  it('ends at a signal while nothing arrives', async () => {
    const abort = new AbortController()
    const stream = new PassThrough()
    const failed = failureOf(() => read(stream, abort.signal))
    setImmediate(() => {
      abort.abort()
    })
    expect(await failed).toMatchObject({ code: 'ABORTED' })
    expect(stream.destroyed).toBe(true)
  })

  it('reads nothing for a signal that is aborted already', async () => {
    expect((await failureOf(() => read(Readable.from(['a']), AbortSignal.abort()))).code).toBe('ABORTED')
  })

  it('names the file that is not there', async () => {
    const error = await failureOf(() => read(createReadStream('/nonexistent/x.txt')))
    expect(error).toMatchObject({ code: 'INPUT_INVALID', message: 'Cannot read x.txt: there is no such file' })
  })
})

describe('unreadable', () => {
  it('tells known problems in plain words, and others in those of the system', () => {
    const coded = (code: string) => Object.assign(new Error('EIO: i/o error'), { code })
    expect(unreadable('x', coded('EACCES')).message).toBe('Cannot read x: permission is denied')
    expect(unreadable('x', coded('EIO')).message).toBe('Cannot read x: EIO: i/o error')
    expect(unreadable('x', coded('constructor')).message).toBe('Cannot read x: EIO: i/o error')
    expect(unreadable('x', 'thrown text').message).toBe('Cannot read x: thrown text')
  })

  it('leaves an error of this package as it is', () => {
    const error = new StellaError('ABORTED', 'stop')
    expect(unreadable('x', error)).toBe(error)
  })
})
