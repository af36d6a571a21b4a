/** The distribution of scores as a picture: bars, axes, and a box for the quantiles. Knows no page. */
import type { ScoreFigures } from '../evaluation-figures.js'
import type { ScoreBin } from '../summary.js'
import { axisTicks, countTicks, decimalsOf } from './axis.js'
import { countText, scoreText } from './figures-text.js'
import type { Html } from './html.js'
import { html } from './html.js'

/** Size of the picture and of what surrounds its bars, in its own units. */
const WIDTH = 760
const HEIGHT = 330
const LEFT = 58
const RIGHT = 18
const TOP = 30
const BARS_BOTTOM = 236
const BOX_MIDDLE = 302

/** Space between two bars. */
const GAP = 1.5

/** Height of the box, and of the strokes at the ends of its whiskers. */
const BOX_HEIGHT = 18
const END_HEIGHT = 10

/** As many bars as can be told apart, and fewer look like blocks. */
const MAX_BARS = 36
const MIN_BARS = 12

/** A run of bins that is one bar. */
export interface Bar {
  readonly from: number
  readonly to: number
  readonly count: number
}

/**
 * The part of the axis where scores are, in bars of 1, 2, 5, 10 … bins: a model's scores seldom fill 0 to 1.
 *
 * @param bins - At least one of them not empty.
 */
export function barsOf(bins: readonly ScoreBin[]): readonly Bar[] {
  const first = bins.findIndex(({ count }) => count > 0)
  const last = bins.findLastIndex(({ count }) => count > 0)
  const size = barSize(first, last)
  let from = Math.floor(first / size)
  let to = Math.ceil((last + 1) / size)
  const most = Math.ceil(bins.length / size)
  // Room on both sides of scores that lie close together.
  for (let side = 0; to - from < Math.min(MIN_BARS, most); side++) {
    if (side % 2 === 0 && from > 0) from--
    else if (to < most) to++
    else if (from > 0) from--
  }
  return Array.from({ length: to - from }, (_, bar) => {
    const part = bins.slice((from + bar) * size, (from + bar + 1) * size)
    const count = part.reduce((sum, bin) => sum + bin.count, 0)
    return { from: part[0]?.from ?? 0, to: part.at(-1)?.to ?? 1, count }
  })
}

function barSize(first: number, last: number): number {
  for (let power = 1; ; power *= 10) {
    for (const size of [power, power * 2, power * 5]) {
      if (Math.ceil((last + 1) / size) - Math.floor(first / size) <= MAX_BARS) return size
    }
  }
}

/**
 * The picture.
 *
 * @param bins - Those of the scores that `figures` are of.
 */
export function histogramSvg(bins: readonly ScoreBin[], figures: ScoreFigures): Html {
  const bars = barsOf(bins)
  const low = bars[0]?.from ?? 0
  const high = bars.at(-1)?.to ?? 1
  const counts = countTicks(Math.max(...bars.map(({ count }) => count)))
  const top = counts.at(-1) ?? 1
  const x = (score: number): number => round(LEFT + ((score - low) / (high - low)) * (WIDTH - LEFT - RIGHT))
  const y = (count: number): number => round(BARS_BOTTOM - (count / top) * (BARS_BOTTOM - TOP))
  const total = bars.reduce((sum, { count }) => sum + count, 0)
  const { min, max, median, mean } = figures
  return html`<svg
    class="histogram"
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    role="img"
    aria-labelledby="histogram-title histogram-text"
  >
    <title id="histogram-title">Distribution of the scores</title>
    <desc id="histogram-text">
      A histogram of ${countText(total)} scores from ${scoreText(min)} to ${scoreText(max)}, with mean
      ${scoreText(mean)} and median ${scoreText(median)}. The numbers are in the table below.
    </desc>
    ${counts.map((count) => countLine(count, y(count)))} ${bars.map((bar) => barRect(bar, x, y))}
    ${scoreAxis(low, high, x)} ${meanLine(mean, x(mean))} ${boxPlot(figures, x)}
  </svg>`
}

type Scale = (value: number) => number

function countLine(count: number, y: number): Html {
  return html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" /><text
      class="tick"
      x="${LEFT - 8}"
      y="${y + 4}"
      text-anchor="end"
      >${countText(count)}</text
    >`
}

function barRect({ from, to, count }: Bar, x: Scale, y: Scale): Html {
  if (count === 0) return html``
  const decimals = decimalsOf(to - from)
  const pairs = `${countText(count)} ${count === 1 ? 'pair' : 'pairs'}`
  // What is not empty is seen, be it one pair of a million.
  const top = Math.min(y(count), BARS_BOTTOM - 1)
  return html`<rect
    class="bar"
    x="${round(x(from) + GAP / 2)}"
    y="${top}"
    width="${round(Math.max(1, x(to) - x(from) - GAP))}"
    height="${round(BARS_BOTTOM - top)}"
    ><title>${from.toFixed(decimals)} to ${to.toFixed(decimals)}: ${pairs}</title></rect
  >`
}

function scoreAxis(low: number, high: number, x: Scale): Html {
  const { ticks, decimals } = axisTicks(low, high)
  const marks = ticks.map((tick) => {
    return html`<line class="axis" x1="${x(tick)}" x2="${x(tick)}" y1="${BARS_BOTTOM}" y2="${BARS_BOTTOM + 5}" /><text
        class="tick"
        x="${x(tick)}"
        y="${BARS_BOTTOM + 20}"
        text-anchor="middle"
        >${tick.toFixed(decimals)}</text
      >`
  })
  return html`<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${BARS_BOTTOM}" y2="${BARS_BOTTOM}" />${marks}
    <text class="label" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${BARS_BOTTOM + 40}" text-anchor="middle"
      >normalised cosine</text
    >
    <text class="label" x="${LEFT - 8}" y="${TOP - 14}" text-anchor="end">pairs</text>`
}

function meanLine(mean: number, x: number): Html {
  const isRight = x > WIDTH / 2
  return html`<line class="mean" x1="${x}" x2="${x}" y1="${TOP - 10}" y2="${BARS_BOTTOM}" /><text
      class="label"
      x="${isRight ? x - 6 : x + 6}"
      y="${TOP - 14}"
      text-anchor="${isRight ? 'end' : 'start'}"
      >mean ${scoreText(mean)}</text
    >`
}

/** From 5 % to 95 %, a box around the middle half, and a line at the median. */
function boxPlot({ p05, p25, median, p75, p95 }: ScoreFigures, x: Scale): Html {
  const end = (score: number): Html => {
    const half = END_HEIGHT / 2
    return html`<line
      class="whisker"
      x1="${x(score)}"
      x2="${x(score)}"
      y1="${BOX_MIDDLE - half}"
      y2="${BOX_MIDDLE + half}"
    />`
  }
  const top = BOX_MIDDLE - BOX_HEIGHT / 2
  return html`<line
      class="whisker"
      x1="${x(p05)}"
      x2="${x(p95)}"
      y1="${BOX_MIDDLE}"
      y2="${BOX_MIDDLE}"
    />${[p05, p95].map(end)}
    <rect
      class="box"
      x="${x(p25)}"
      y="${top}"
      width="${round(Math.max(2, x(p75) - x(p25)))}"
      height="${BOX_HEIGHT}"
      rx="3"
    />
    <line class="median" x1="${x(median)}" x2="${x(median)}" y1="${top}" y2="${top + BOX_HEIGHT}" />`
}

/** A hundredth of a unit is less than anybody sees. */
function round(value: number): number {
  return Math.round(value * 100) / 100
}
