/** Puts generated text between the markers of a page. Knows no page. */

/**
 * `page` with `text` between `<!-- name -->` and `<!-- /name -->`; what stood there is replaced.
 *
 * @throws Error when a marker is missing.
 */
export function betweenMarkers(page: string, name: string, text: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [start, end] = [page.indexOf(open), page.indexOf(close)]
  if (start === -1 || end < start) throw new Error(`the page has no ${open} with a ${close} after it`)
  return `${page.slice(0, start + open.length)}\n\n${text}\n\n${page.slice(end)}`
}
