import type { Results } from './results.ts'
import type { Goal, Row } from './table.ts'

/** One figure that has a goal of direct ssh. */
interface Line {
  readonly figure: string
  readonly goal: Goal
  /** Of direct ssh. */
  readonly gateway: number
  /** Absent: it was not measured on that way. */
  readonly jump?: number
}

const groups: readonly { readonly bound: Goal['bound']; readonly title: string }[] = [
  { bound: '<=', title: 'less is better: time' },
  { bound: '>=', title: 'more is better: bytes and logins a second' },
]

const width = 860
const left = 320
const right = 60
const lineHeight = 34
/** Of direct ssh: where the scale ends. What is beyond is drawn to there; the number at the right says how much it is. */
const end = 2
const x = (ratio: number): number =>
  Math.round((left + (Math.min(ratio, end) / end) * (width - left - right)) * 10) / 10

/** An SVG of every figure whose goal is a part of direct ssh's: the gateway's bar, `ssh -J` beneath, and the goal. */
export function chartOf({ parts }: Results): string {
  const lines = linesOf(Object.values(parts).flatMap(({ rows }) => rows))
  const drawn: string[] = []
  let y = 64
  for (const { bound, title } of groups) {
    const own = lines.filter(({ goal }) => goal.bound === bound)
    if (own.length === 0) continue
    drawn.push(`<text class="title" x="16" y="${y}">${title}</text>`)
    y += 14
    for (const line of own) {
      drawn.push(...draw(line, y))
      y += lineHeight
    }
    y += 26
  }
  const height = y - 8
  const scale = [0, 0.5, 1, 1.5, 2].flatMap((ratio) => [
    `<line class="${ratio === 1 ? 'direct' : 'grid'}" x1="${x(ratio)}" y1="44" x2="${x(ratio)}" y2="${height - 22}"/>`,
    `<text class="quiet" x="${x(ratio)}" y="${height - 6}" text-anchor="middle">${ratio === 1 ? 'direct ssh' : ratio.toFixed(1)}</text>`,
  ])
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    '<title>The gateway and ssh -J, as parts of direct ssh</title>',
    `<style>${style}</style>`,
    `<rect class="ground" width="${width}" height="${height}" rx="8"/>`,
    ...legend,
    ...scale,
    ...drawn,
    '</svg>',
  ].join('\n')}\n`
}

const isSet = <Value>(value: Value | undefined): value is Value => value !== undefined

function linesOf(rows: readonly Row[]): Line[] {
  return rows
    .map(({ figure, way, goal, ratio }): Line | undefined => {
      if (way !== 'gateway' || goal === undefined || ratio === undefined) return undefined
      const jump = rows.find((row) => row.figure === figure && row.way === 'jump')?.ratio
      return { figure, goal, gateway: ratio, ...(jump === undefined ? {} : { jump }) }
    })
    .filter(isSet)
}

function draw({ figure, goal, gateway, jump }: Line, y: number): string[] {
  const bar = (name: string, ratio: number, top: number, height: number): string[] => [
    `<rect class="${name}" x="${left}" y="${top}" width="${Math.round((x(ratio) - left) * 10) / 10}" height="${height}" rx="2"/>`,
    `<text class="${height > 8 ? 'number' : 'quiet number'}" x="${width - 16}" y="${top + height / 2 + 4}" text-anchor="end">${ratio.toFixed(2)}</text>`,
  ]
  return [
    `<text x="${left - 10}" y="${y + 15}" text-anchor="end">${escaped(figure)}</text>`,
    ...bar('gateway', gateway, y + 4, 12),
    ...(jump === undefined ? [] : bar('jump', jump, y + 19, 6)),
    `<line class="${goal.met ? 'goal' : 'goal missed'}" x1="${x(goal.limit)}" y1="${y + 1}" x2="${x(goal.limit)}" y2="${y + 19}"/>`,
  ]
}

const legend = [
  '<rect class="gateway" x="16" y="18" width="22" height="12" rx="2"/><text x="44" y="29">gateway</text>',
  '<rect class="jump" x="112" y="21" width="22" height="6" rx="2"/><text x="140" y="29">ssh -J</text>',
  '<line class="goal" x1="206" y1="15" x2="206" y2="33"/><text x="214" y="29">goal, met</text>',
  '<line class="goal missed" x1="296" y1="15" x2="296" y2="33"/><text x="304" y="29">goal, missed</text>',
]

/** Colours that tell apart on either ground, also for those who see few of them: the bars differ in height as well. */
const style = [
  'text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.quiet{fill:#59636e}.number{font-size:11px}',
  '.ground{fill:#fff}.gateway{fill:#0969da}.jump{fill:#8c959f}.grid{stroke:#d1d9e0}.direct{stroke:#59636e;stroke-width:1.5}',
  '.goal{stroke:#1a7f37;stroke-width:3}.missed{stroke:#cf222e}',
  '@media (prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.ground{fill:#0d1117}.gateway{fill:#4493f8}',
  '.jump{fill:#6e7681}.grid{stroke:#3d444d}.direct{stroke:#9198a1}.goal{stroke:#3fb950}.missed{stroke:#f85149}}',
].join('')

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
