import { describe, expect, it } from 'vitest'

import { readPairs } from '../../../../src/evaluation/pairs/read-pairs.js'
import { rowsOf, stream } from './rows.js'

const CSV = { format: 'csv', name: 'p.csv' } as const

const HEAD = 'id,groundTruth,prediction\n'

describe('pairs of CSV', () => {
  it.each([
    ['id,groundTruth,prediction\na,x,y\n'],
    ['id,groundTruth,prediction\na,x,y'],
    ['id,groundTruth,prediction\r\na,x,y\r\n'],
    ['\uFEFFid,groundTruth,prediction\r\na,x,y\r\n'],
    ['\uFEFF"id","groundTruth","prediction"\n"a","x","y"\n'],
    ['prediction,extra,ground truth,Id\ny,"1,2",x,a\n'],
    ['\n\nid,reference,candidate\n\na,x,y\n\n\n'],
    // Line ends of two kinds, as files have that were put together.
    ['id,groundTruth,prediction\na,x,y\r\n'],
  ])('are found in %j', async (text) => {
    const rows = await rowsOf(text, CSV)
    expect(rows.map((row) => row.slice(1))).toEqual([['a', 'x', 'y']])
  })

  it('have texts word for word: delimiters, quotation marks, line ends, blanks', async () => {
    const text = `${HEAD}1,"x, ""quoted""","two\nlines"\r\n2," x ",y \n3,"a\r\n\r\nb","\n"\n4,"naïve 🌊","日本"\n`
    expect(await rowsOf(text, CSV)).toEqual([
      [2, '1', 'x, "quoted"', 'two\nlines'],
      [4, '2', ' x ', 'y '],
      [5, '3', 'p.csv line 5 has an empty text in `prediction`: there is nothing to compare'],
      [9, '4', 'naïve 🌊', '日本'],
    ])
  })

  it.each([
    ['semicolon', ';'],
    ['tab', '\t'],
    ['pipe', '|'],
  ] as const)('are cut at a %s where that is said', async (delimiter, character) => {
    const text = `id,groundTruth,prediction\na,"x, ${character} z",y\n`.replaceAll(/,(?! )/g, character)
    expect(await rowsOf(text, { ...CSV, delimiter })).toEqual([[2, 'a', `x, ${character} z`, 'y']])
  })

  it('have a header with the names of the two texts', async () => {
    await expect(rowsOf('a,b\nx,y\n', CSV)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(
        /^The header of p\.csv, line 1, has no field for the ground truth\. It has a, b\..*`groundTruthField`$/,
      ) as string,
      details: { source: 'p.csv', line: 1 },
    })
    await expect(rowsOf('id,text1,text1,text2\n1,x,y,z\n', CSV)).rejects.toThrow(/several fields for the ground truth/)
    const options = { ...CSV, groundTruthField: 'a', predictionField: 'b', idField: 'c' }
    expect(await rowsOf('c,b,a\n1,y,x\n', options)).toEqual([[2, '1', 'x', 'y']])
    await expect(rowsOf('a,b\nx,y\n', options)).rejects.toThrow(/has no field `c`, which `idField` names/)
    await expect(rowsOf('"a\n', CSV)).rejects.toThrow(/line 1, opens a quotation mark that is never closed/)
    await expect(rowsOf(Buffer.from([0xff, 0x2c, 0x61, 0x0a]), CSV)).rejects.toThrow(/line 1, is not UTF-8/)
  })

  it('say which delimiter the header seems to have', async () => {
    await expect(rowsOf('id;groundTruth;prediction\n1;x;y\n', CSV)).rejects.toThrow(/`delimiter: 'semicolon'`$/)
    await expect(rowsOf('id,groundTruth,prediction\n1,x,y\n', { ...CSV, delimiter: 'tab' })).rejects.toThrow(
      /`delimiter: 'comma'`$/,
    )
  })

  it.each([
    ['b,x\n', /^p\.csv line 3 has 2 fields; the header has 3\. A text with the delimiter/],
    ['b,x,y, and more\n', /line 3 has 4 fields; the header has 3/],
    ['b\n', /line 3 has 1 field; the header has 3/],
    ['b,,y\n', /line 3 has an empty text in `groundTruth`/],
    ['b,x,"  "\n', /line 3 has an empty text in `prediction`/],
    ['b,x,the "best" one\n', /line 3 has a quotation mark inside a field that does not begin with one/],
    ['b,x,"the "best" one"\n', /line 3 has a quoted field in which a quotation mark stands alone/],
    ['b,x, "y"\n', /line 3 has a quotation mark inside a field/],
  ])('refuse %j alone', async (line, message) => {
    const rows = await rowsOf(`${HEAD}a,x,y\n${line}c,x,y\n`, CSV)
    expect(rows.map((row) => [row[0], row.length])).toEqual([
      [2, 4],
      [3, 3],
      [4, 4],
    ])
    expect(rows[1]?.[2]).toMatch(message)
  })

  it('lose one record to a quotation mark that is not closed, whatever comes after it', async () => {
    // Closed by the mark of a later record, and by none at all.
    const later = await rowsOf(`${HEAD}a,"x,y\nb,x,y\nc,"x",y\nd,x,y\n`, CSV)
    expect(later.map((row) => [row[0], row[1], row.length])).toEqual([
      [2, 'line 2', 3],
      [3, 'b', 4],
      [4, 'c', 4],
      [5, 'd', 4],
    ])
    const never = await rowsOf(`${HEAD}a,"x,y\nb,x,y\n\nc,x,y\n`, CSV)
    expect(never.map((row) => [row[0], row[1], row.length])).toEqual([
      [2, 'line 2', 3],
      [3, 'b', 4],
      [5, 'c', 4],
    ])
    expect(never[0]?.[2]).toMatch(/line 2 opens a quotation mark that is never closed/)
    expect(await rowsOf(`${HEAD}a,x,y\nb,x,"y`, CSV)).toEqual([
      [2, 'a', 'x', 'y'],
      [3, 'line 3', expect.stringContaining('never closed')],
    ])
  })

  it('refuse bytes that are no UTF-8, and take the sign for such bytes where the file has it', async () => {
    const bytes = Buffer.concat([
      Buffer.from(`${HEAD}a,x,\uFFFD\nb,x,caf`),
      Buffer.from([0xe9]),
      Buffer.from('\nc,x,y\n'),
    ])
    expect(await rowsOf(bytes, CSV)).toEqual([
      [2, 'a', 'x', '\uFFFD'],
      [3, 'line 3', 'p.csv line 3 is not UTF-8. Save the file as UTF-8 and run again'],
      [4, 'c', 'x', 'y'],
    ])
  })

  it('are none where there is a header alone', async () => {
    const rows = readPairs(stream(HEAD), CSV)
    await expect(rows.next()).rejects.toMatchObject({ code: 'INPUT_INVALID', message: 'p.csv holds no pair' })
  })
})
