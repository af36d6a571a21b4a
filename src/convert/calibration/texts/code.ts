/** Calibration texts: source code and what surrounds it. */

/** One text per language or kind of file. */
export const CODE: readonly string[] = [
  `export async function* chunks<T>(source: AsyncIterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let pending: T[] = []
  for await (const item of source) {
    pending.push(item)
    if (pending.length < size) continue
    yield pending
    pending = []
  }
  if (pending.length > 0) yield pending
}`,
  `interface Shelf { readonly id: string; readonly books: ReadonlyMap<string, number> }

const total = (shelves: readonly Shelf[]): number =>
  shelves.reduce((sum, { books }) => sum + [...books.values()].reduce((a, b) => a + b, 0), 0)`,
  `from collections import Counter
from pathlib import Path


def longest_words(folder: Path, limit: int = 10) -> list[tuple[str, int]]:
    """Longest words of all .txt files below a folder, with how often each occurs."""
    words = Counter()
    for path in sorted(folder.rglob("*.txt")):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                words.update(word.strip(".,;:!?").lower() for word in line.split())
    return sorted(words.items(), key=lambda item: (-len(item[0]), item[0]))[:limit]`,
  `SELECT c.region, date_trunc('month', o.placed_at) AS month,
       count(DISTINCT o.customer_id) AS customers,
       round(sum(l.quantity * l.unit_price)::numeric, 2) AS revenue
FROM orders o
JOIN customers c ON c.id = o.customer_id
JOIN order_lines l ON l.order_id = o.id
WHERE o.status <> 'cancelled' AND o.placed_at >= now() - interval '1 year'
GROUP BY 1, 2
HAVING sum(l.quantity) > 100
ORDER BY month DESC, revenue DESC;`,
  `fn moving_average(values: &[f64], width: usize) -> Option<Vec<f64>> {
    if width == 0 || values.len() < width {
        return None;
    }
    Some(values.windows(width).map(|w| w.iter().sum::<f64>() / width as f64).collect())
}`,
  `#!/usr/bin/env bash
set -euo pipefail
for archive in "$1"/*.tar.zst; do
  name="$(basename "$archive" .tar.zst)"
  [ -d "out/$name" ] && continue
  mkdir -p "out/$name" && tar --zstd -xf "$archive" -C "out/$name" || echo "skipped $archive" >&2
done`,
  `static int ring_push(struct ring *r, uint8_t byte)
{
    size_t next = (r->head + 1) & (RING_SIZE - 1);
    if (next == r->tail)
        return -ENOSPC; /* full: one slot stays empty */
    r->data[r->head] = byte;
    r->head = next;
    return 0;
}`,
  `diff --git a/lib/retry.js b/lib/retry.js
--- a/lib/retry.js
+++ b/lib/retry.js
@@ -14,7 +14,9 @@ function retry(task, { times, wait }) {
-  return task().catch(() => retry(task, { times: times - 1, wait }))
+  return task().catch((error) => {
+    if (times <= 1) throw error
+    return sleep(wait).then(() => retry(task, { times: times - 1, wait: wait * 2 }))
+  })`,
  `Traceback (most recent call last):
  File "/srv/app/ingest.py", line 88, in <module>
    main(sys.argv[1:])
  File "/srv/app/ingest.py", line 61, in main
    rows = [parse(line) for line in source]
  File "/srv/app/ingest.py", line 34, in parse
    return Row(int(fields[0]), Decimal(fields[3]))
decimal.InvalidOperation: [<class 'decimal.ConversionSyntax'>]`,
  `services:
  web:
    build: { context: ., target: runtime }
    ports: ["8080:8080"]
    environment:
      LOG_LEVEL: info
      CACHE_TTL: "300"
    depends_on: [queue, store]
    healthcheck: { test: ["CMD", "wget", "-qO-", "http://web:8080/ready"], interval: 10s, retries: 5 }`,
]
