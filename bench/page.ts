/**
 * Writes what a run came to into docs/performance.md, between two markers, and draws docs/performance.svg.
 *
 *     node bench/page.ts bench/results.json
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chartOf } from './chart.ts'
import { isBusy, machineText } from './machine-text.ts'
import { type Results, readResults } from './results.ts'
import type { Goal, Row } from './table.ts'
import { ways } from './ways.ts'

const begin = '<!-- what follows is written by bench/page.ts -->'
const end = '<!-- what follows is written by hand -->'

/** The page with the tables of these results in the place of those that it has. Throws when the markers are not there once. */
export function pageOf(page: string, results: Results): string {
  const [before, rest, ...more] = page.split(begin)
  const [, after, ...others] = rest?.split(end) ?? []
  if (before === undefined || after === undefined || more.length + others.length > 0)
    throw new Error('the page must have each of the two markers once')
  return `${before}${begin}\n\n${figures(results)}\n\n${end}${after}`
}

function figures({ machine, parts }: Results): string {
  const rows = Object.values(parts).flatMap(({ rows }) => rows)
  const busy = Object.entries(parts).filter(([, { otherWork }]) => isBusy(otherWork))
  const rough = Object.entries(parts).flatMap(([part, { size }]) => (size === 'quick' ? [part] : []))
  const goals = rows.flatMap(({ goal }) => (goal === undefined ? [] : [goal]))
  return [
    `${machineText(machine)}.`,
    `Of ${goals.length} goals ${goals.filter(({ met }) => met).length} are met.`,
    ...(rough.length === 0 ? [] : ['', `Few rounds, and so rough: ${rough.join(', ')}.`]),
    ...(busy.length === 0
      ? []
      : [
          '',
          `**The machine had other work** just before these were measured: ${busy.map(([part, { otherWork }]) => `${part} (${Math.round(otherWork * 100)} % of the processors)`).join(', ')}. The ratios may hold there, the figures beside them do not.`,
        ]),
    '',
    '![The gateway and ssh -J, as parts of direct ssh](performance.svg)',
    '',
    '| | direct ssh | gateway | `ssh -J` | gateway of direct | goal | |',
    '|---|---|---|---|---|---|---|',
    ...besideDirect(rows),
    '',
    '| of the gateway alone | | goal | |',
    '|---|---|---|---|',
    ...rows.filter(({ way }) => way === undefined).map((row) => line(row.figure, row.value, ...goalCells(row.goal))),
  ].join('\n')
}

/** A line for each figure that was measured on several ways. */
function besideDirect(rows: readonly Row[]): string[] {
  const names = new Set(rows.filter(({ way }) => way !== undefined).map(({ figure }) => figure))
  return [...names].map((figure) => {
    const own = rows.filter((row) => row.figure === figure)
    const of = (wanted: (typeof ways)[number]): Row | undefined => own.find(({ way }) => way === wanted)
    const { ratio, goal } = of('gateway') ?? {}
    return line(figure, ...ways.map((way) => of(way)?.value ?? ''), ratio?.toFixed(2) ?? '', ...goalCells(goal))
  })
}

const line = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replace(/ us$/, ' µs')).join(' | ')} |`

const goalCells = (goal: Goal | undefined): [string, string] => [
  (goal?.text ?? '').replace('<=', '≤').replace('>=', '≥').replace(/ us$/, ' µs'),
  goal === undefined ? '' : goal.met ? 'met' : '**missed**',
]

if (import.meta.main) {
  const [file] = process.argv.slice(2)
  if (file === undefined) {
    console.error('usage: node bench/page.ts RESULTS.json')
    process.exitCode = 2
  } else {
    const docs = join(import.meta.dirname, '..', 'docs')
    const results = readResults(file)
    const page = join(docs, 'performance.md')
    writeFileSync(page, pageOf(readFileSync(page, 'utf8'), results))
    writeFileSync(join(docs, 'performance.svg'), chartOf(results))
  }
}
