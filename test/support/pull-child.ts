/** A process that pulls: request and options as JSON in its first argument, the result as JSON on stdout. */
import { pullFiles, type PullOptions, type PullRequest } from '../../src/files/hub.js'

const [, , json = ''] = process.argv
const { request, options } = JSON.parse(json) as { request: PullRequest; options: PullOptions }
const waits: string[] = []
const result = await pullFiles(request, {
  ...options,
  token: undefined,
  onProgress: ({ file, state }) => {
    if (state === 'downloading') process.stderr.write(`downloading ${file}\n`)
  },
  onWait: (path) => waits.push(path),
})
process.stdout.write(JSON.stringify({ ...result, waits }))
