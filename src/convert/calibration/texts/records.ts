/** Calibration texts that are no prose: tables, markup, logs, numbers, symbols. */

/** One text per kind. */
export const RECORDS: readonly string[] = [
  `station,date,t_min,t_max,rain_mm,wind
Hallvik,2021-03-01,-4.2,1.9,0.0,NW
Hallvik,2021-03-02,-6.8,0.3,2.4,N
Orrdal,2021-03-01,-1.1,4.5,0.0,SW
Orrdal,2021-03-02,-0.4,3.8,11.7,W`,
  `| part     | steel grade | torque (Nm) | replace after |
| -------- | ----------- | ----------: | ------------- |
| axle nut | 10.9        |         180 | every removal |
| wheel    | 8.8         |         110 | never         |
| caliper  | 12.9        |          85 | 60,000 km     |`,
  `{"order":{"id":"A-20417","placed":"2024-11-02T08:15:30Z","customer":{"name":"J. Okafor","vip":false},"lines":[{"sku":"LMP-3","qty":2,"price":19.9},{"sku":"CBL-1","qty":1,"price":4.5}],"notes":null}}`,
  `198.51.100.23 - - [07/Jan/2024:03:12:44 +0000] "GET /assets/app.7f3c.js HTTP/1.1" 200 48213 "-" "Mozilla/5.0"
198.51.100.23 - - [07/Jan/2024:03:12:45 +0000] "POST /api/login HTTP/1.1" 401 97 "-" "Mozilla/5.0"
203.0.113.9 - - [07/Jan/2024:03:13:02 +0000] "GET /robots.txt HTTP/1.1" 404 0 "-" "curl/8.5.0"`,
  `2024-06-18 22:04:11.902 WARN  [pool-3-thread-7] c.e.store.Compactor - segment 0000412 took 8123 ms (budget 5000)
2024-06-18 22:04:12.017 ERROR [pool-3-thread-7] c.e.store.Compactor - giving up after 3 attempts: No space left on device`,
  'https://shop.example.org/de/katalog/lampen?farbe=rot&seite=3&sort=preis-auf#treffer-41',
  'ftp://archive.example.net/pub/2019/README.txt mailto:desk@example.org?subject=Re%3A%20invoice%20%2388',
  '3.14159265 2.71828183 1.41421356 1.61803399 0.57721566 6.02214076e23 1.602176634e-19 -273.15',
  '+49 30 5550 1428 · 020 7946 0018 · (555) 010-4477 · IBAN XX00 1234 5678 9012 3456 78 · 07/11/2023 · 18:45 · $1,299.00',
  '9f86d081-884c-4d63-a159-2feaa0c55ad0 0xDEADBEEF 7b226b6579223a312e357d SGVsbG8sIHdvcmxkIQ== v2.14.0-rc.3+build.881',
  `# service.ini
[server]
bind = 0.0.0.0:9000
workers = 4 ; one per core
timeout_ms = 2500
[limits]
max_body = 8MiB
burst = 200
[features]
beta = off
regions = eu-north, eu-west, ap-south`,
  `{
  "type": "FeatureCollection",
  "features": [
    { "type": "Feature", "properties": { "name": "North gate", "lit": true, "height_m": 4.2 },
      "geometry": { "type": "Point", "coordinates": [11.5761, 48.1374] } },
    { "type": "Feature", "properties": { "name": "Towpath", "lit": false, "surface": "gravel" },
      "geometry": { "type": "LineString", "coordinates": [[11.5702, 48.1391], [11.5688, 48.1402], [11.5669, 48.1417]] } }
  ],
  "generated": "2023-09-30T23:59:59+02:00"
}`,
  '🎉🎉 we did it!!! 🚀 thank you all 💛 see you at 7️⃣ 🍕🍺 👩‍👩‍👧‍👦',
  'ok 👍',
  'FINAL NOTICE: ALL STAFF MUST COMPLETE THE FIRE SAFETY TRAINING BEFORE FRIDAY. NO EXCEPTIONS. CONTACT YOUR SUPERVISOR.',
  `<article class="card"><h2>Opening hours</h2><ul><li>Mon&ndash;Fri: 9&nbsp;am to 6&nbsp;pm</li><li>Sat: by appointment</li></ul><a href="/contact" rel="nofollow">Write to us</a><!-- updated by cron --></article>`,
  `<?xml version="1.0" encoding="UTF-8"?><feed xmlns="urn:example:feed"><entry id="17"><title>Harbour dues</title><amount currency="NOK">1450.00</amount></entry></feed>`,
  String.raw`\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}, \qquad \sum_{n=1}^{\infty} \frac{1}{n^2} = \frac{\pi^2}{6}`,
  'Let f: ℝ → ℝ be continuous with f(x + y) = f(x) + f(y) for all x, y ∈ ℝ. Then f(x) = cx with c = f(1): it holds for integers by induction, for fractions by division, and for the rest because ℚ is dense. ∎',
  '^(?:[a-z0-9]+(?:-[a-z0-9]+)*\\.)+[a-z]{2,63}$ // matches a host name, not an address',
  '. . . --- . . . ??? !!! ((( ))) *** ___ ||| ~~~ §§ ¶ † ‡ ← ↑ → ↓ ½ ¼ × ÷ ± ≤ ≥ ≠ ∞',
]
