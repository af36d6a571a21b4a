/** Probe texts that stand alone: each of a kind that models treat differently, and far from the rest in meaning. */
import type { TaskText } from '../task-text.js'

/** In no order. The long one is wrapped by its author, as plain-text mail is. */
export const SINGLES: readonly TaskText[] = [
  { task: 'document', text: 'Yes.' },
  { task: 'document', text: 'the the the the the the the the' },
  {
    task: 'document',
    text: `def trapezoid(f, a: float, b: float, n: int = 100) -> float:
    """Integral of f from a to b, by n trapezoids."""
    h = (b - a) / n
    return h * (0.5 * f(a) + sum(f(a + i * h) for i in range(1, n)) + 0.5 * f(b))`,
  },
  {
    task: 'document',
    text: `type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E }

export const map = <T, U, E>(result: Result<T, E>, f: (value: T) => U): Result<U, E> =>
  result.ok ? { ok: true, value: f(result.value) } : result`,
  },
  {
    task: 'document',
    text: `<table><tr><th>Bus</th><th>From</th><th>To</th></tr><tr><td>41</td><td>Central Station</td><td>Zoo</td></tr><tr><td>N7</td><td>Harbour</td><td>University</td></tr></table>`,
  },
  {
    task: 'document',
    text: 'https://maps.example.com/route?from=52.5200,13.4050&to=48.1351,11.5820&mode=train&depart=2025-01-03T07:30#options',
  },
  {
    task: 'document',
    text: 'Für Streitigkeiten aus diesem Vertrag sind, soweit gesetzlich zulässig, die Gerichte am Sitz des Verkäufers ausschließlich zuständig. Sollte eine Bestimmung unwirksam sein, bleibt die Wirksamkeit der übrigen davon unberührt.',
  },
  {
    task: 'document',
    text: 'Theorem. Every finite tree with at least two vertices has at least two leaves. Proof: take a longest path v₀, v₁, …, vₖ. If v₀ had another neighbour, it would lie on the path and close a cycle, or off the path and prolong it; hence deg(v₀) = 1, and likewise deg(vₖ) = 1. □',
  },
  { task: 'document', text: '🐙🌊🌊🪸 #divinglife #sunday 📸 by @mira.k — best. day. ever. 🤿' },
  { task: 'document', text: '0.0031 0.0118 -0.0274 0.9991 1.0042 17 18 19 20 21 1e-7 NaN -inf 65535 4294967296' },
  {
    task: 'document',
    text: 'كانت الجدة تخبز كل يوم جمعة، وكان الأطفال ينتظرون أول رغيف يخرج من الفرن كأنه عيد صغير.',
  },
  {
    task: 'document',
    text: 'रेलगाड़ी पहाड़ों के बीच से धीरे-धीरे गुज़रती है और हर मोड़ पर घाटी का नया दृश्य दिखाई देता है।',
  },
  { task: 's2p_query', text: 'Who was the first person to reach both poles?' },
  {
    task: 'document',
    text: 'Espresso machine, 15 bar, stainless steel, 1.8 l removable tank, steam nozzle, cup warmer. W 24 × D 31 × H 33 cm. Energy class A. Dishwasher-safe drip tray. Colour: graphite.',
  },
  {
    task: 'document',
    text: `The theatre in the old tram depot holds two hundred and forty people and has no curtain. When it opened, in the year
that the last trams were sold, the company played on the tracks themselves, and the audience sat on either side as if
waiting to get on. The rails are still there. Directors from elsewhere tend to fight them for the first week of
rehearsals and then discover that everything on wheels can be made to enter by itself, slowly, with nobody pushing.

The house lives on three things: the subscriptions of about nine hundred families, a grant that has not risen since
2009, and the bar. In the bad years the bar was a third of the income. There was then a plan to give up the spring
season, and a meeting was held at which the treasurer explained the figures, with slides, for an hour. At the end an
old man in the second row, who had driven line 6 for thirty-one years, asked what it would cost to keep one play. He was
told. He wrote a cheque for half of it, and the rest was in the hat before the treasurer had found his coat.

They have put on that one spring play ever since. It is always a new piece, it is chosen by drawing lots among those
that are sent in, and it is rehearsed in eleven days. Critics come from far away to see it, not because it is good,
which it rarely is, but because nobody on the stage has had the time to become careful.`,
  },
  {
    task: 'document',
    text: '[2025-04-09T11:20:33Z] info  worker=3 job=resize id=77120 w=1920 h=1080 ms=41\n[2025-04-09T11:20:33Z] info  worker=1 job=resize id=77121 w=640 h=480 ms=12\n[2025-04-09T11:20:34Z] warn  worker=3 job=upload id=77120 retry=1 status=503',
  },
]
