/** How a report looks, in light and dark, on screens and on paper. No font, picture or script from elsewhere. */
export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f7f8f7; --card: #ffffff; --ink: #1d2524; --soft: #586462; --line: #dfe4e2;
  --accent: #2b6c70; --bar: #4f8589; --accent-soft: #d5e6e5; --warn: #9a4722; --warn-soft: #f8ebe3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111514; --card: #191f1e; --ink: #e3e9e7; --soft: #9ba8a5; --line: #2c3634;
    --accent: #7fc2bf; --bar: #69a3a0; --accent-soft: #234443; --warn: #e5a27d; --warn-soft: #34231a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main, header, footer { max-width: 66rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 3rem; }
footer { padding-top: 1.5rem; padding-bottom: 3rem; color: var(--soft); font-size: .85rem; }
h1 { margin: .1rem 0 .3rem; font-size: 1.9rem; line-height: 1.2; font-weight: 650; overflow-wrap: anywhere; }
h2 { margin: 3rem 0 .4rem; font-size: 1.25rem; font-weight: 650; }
p { margin: .3rem 0 1rem; max-width: 46rem; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.facts { max-width: none; color: var(--soft); }
.kind { margin: 0; color: var(--accent); font-weight: 600; font-size: .9rem; letter-spacing: .02em; }
.soft { color: var(--soft); }
.note { margin: 1.2rem 0 0; padding: .6rem .9rem; border-radius: 8px; background: var(--warn-soft); color: var(--warn); }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 1.2rem 0 0; padding: 0; list-style: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: .9rem; margin: 1.8rem 0 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .85rem 1.1rem .95rem; }
.tile dt { color: var(--soft); font-size: .85rem; }
.tile dd { margin: 0; font-size: .85rem; }
.tile .big { font-size: 1.75rem; line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile.bad { background: var(--warn-soft); border-color: transparent; }
.tile.bad .big { color: var(--warn); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.2rem; margin: .8rem 0; }
figure { margin: 0; }
figcaption { color: var(--soft); font-size: .9rem; margin-top: .6rem; max-width: 46rem; }
.histogram { display: block; width: 100%; min-width: 34rem; height: auto; }
.histogram text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; }
.histogram .grid { stroke: var(--line); }
.histogram .axis { stroke: var(--soft); }
.histogram .bar { fill: var(--bar); }
.histogram .bar:hover { fill: var(--accent); }
.histogram .mean { stroke: var(--ink); stroke-dasharray: 4 4; }
.histogram .whisker { stroke: var(--soft); stroke-width: 1.5; }
.histogram .box { fill: var(--accent-soft); stroke: var(--accent); }
.histogram .median { stroke: var(--accent); stroke-width: 2.5; }
.scroll { overflow-x: auto; }
details { margin: .9rem 0; }
summary { cursor: pointer; color: var(--accent); }
details table { margin: .6rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .38rem .9rem .38rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
thead th { color: var(--soft); font-size: .82rem; }
.quantiles { width: 100%; }
.number { text-align: right; }
.pairs { list-style: none; margin: 0; padding: 0; }
.pair { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1.1rem 1rem; margin: .8rem 0; }
.pair-head { display: flex; flex-wrap: wrap; align-items: center; gap: .1rem .9rem; margin-bottom: .7rem; font-size: .9rem; }
.score { font-size: 1.15rem; font-weight: 650; font-variant-numeric: tabular-nums; color: var(--accent); }
.meter { width: 7rem; height: .5rem; border: 0; border-radius: 3px; background: var(--accent-soft); appearance: none; }
.meter::-webkit-meter-bar { background: var(--accent-soft); border: 0; border-radius: 3px; height: .5rem; }
.meter::-webkit-meter-optimum-value { background: var(--accent); border-radius: 3px; }
.meter::-moz-meter-bar { background: var(--accent); border-radius: 3px; }
.name { margin-left: auto; text-align: right; overflow-wrap: anywhere; }
.id { font-weight: 600; }
.texts { display: grid; grid-template-columns: 1fr 1fr; gap: 1.4rem; }
.text-name { margin: 0 0 .25rem; font-size: .8rem; font-weight: 600; color: var(--soft); }
.length { font-weight: 400; margin-left: .4em; }
.words { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 15rem; overflow-y: auto; font-size: .95rem; line-height: 1.5; }
.failed .code, .code { color: var(--warn); font-weight: 600; }
.message { margin: 0 0 .6rem; max-width: none; overflow-wrap: anywhere; white-space: pre-wrap; }
.failed .message:last-child { margin-bottom: 0; }
.badge { display: inline-block; padding: 0 .45em; border-radius: 4px; background: var(--warn-soft); color: var(--warn); font-weight: 600; }
.sign { padding: 0 .25em; border-radius: 3px; background: var(--warn-soft); color: var(--warn); font: .8em/1 ui-monospace, Consolas, monospace; unicode-bidi: isolate; white-space: nowrap; }
code, .mono { font-family: ui-monospace, SFMono-Regular, Consolas, "DejaVu Sans Mono", monospace; font-size: .88em; }
.settings { width: 100%; table-layout: fixed; }
.settings th { width: 15rem; font-weight: 400; color: var(--soft); }
.settings td { overflow-wrap: anywhere; white-space: pre-wrap; }
@media (max-width: 44rem) {
  .texts { grid-template-columns: 1fr; gap: .9rem; }
  .settings th { width: 40%; }
  .name { margin-left: 0; text-align: left; }
}
@media print {
  body { background: none; font-size: 11pt; }
  nav { display: none; }
  .pair, .tile, .card { break-inside: avoid; }
  .words { max-height: none; overflow: visible; }
}
`
