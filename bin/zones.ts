/**
 * Writes src/policy/builtins/zones.json: the names of time zones that Go takes, and the abbreviations (CET, CEST) that it
 * writes in each. The offsets are Node's own (Intl), which knows neither the exact names nor the abbreviations.
 *
 *     node bin/zones.ts [FOLDER OF A GO INSTALLATION]     # default: what `go env GOROOT` says
 *
 * A zone is written as another's name after `=`, or as eras divided by `;`. An era begins with the second since 1970 from
 * which on it counts (the first has none), and names the abbreviation of each offset in seconds: `0:3600=CET,7200=CEST`.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const output = join(import.meta.dirname, '../src/policy/builtins/zones.json')
/** Instants in nanoseconds have 64 bits: these are the first and the last second of them. */
const [firstSecond, lastSecond] = [-9_223_372_037n, 9_223_372_036n]
/** Nothing is at home there: Intl does not know it. */
const without = new Set(['Factory'])

const goRoot = process.argv[2] ?? execFileSync('go', ['env', 'GOROOT'], { encoding: 'utf8' }).trim()
const zones: Record<string, string> = {}
const first = new Map<string, string>()
for (const [name, file] of unzip(readFileSync(join(goRoot, 'lib/time/zoneinfo.zip')))) {
  if (without.has(name)) continue
  const eras = describe(file)
  zones[name] = first.has(eras) ? `=${first.get(eras)}` : eras
  if (!first.has(eras)) first.set(eras, name)
}
writeFileSync(output, `${JSON.stringify(zones, null, 2)}\n`)

/** The files of an archive that is stored without compression, as Go's is, in the order of their names. */
function* unzip(archive: Buffer): Generator<[name: string, file: Buffer]> {
  const end = archive.lastIndexOf('PK\x05\x06')
  const entries: [string, Buffer][] = []
  for (let at = archive.readUInt32LE(end + 16), left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const [method, size, nameLength] = [
      archive.readUInt16LE(at + 10),
      archive.readUInt32LE(at + 20),
      archive.readUInt16LE(at + 28),
    ]
    if (method !== 0) throw new Error('the archive is compressed')
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength)
    const local = archive.readUInt32LE(at + 42)
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
    if (!name.endsWith('/')) entries.push([name, archive.subarray(start, start + size)])
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32)
  }
  yield* entries.sort(([one], [other]) => (one < other ? -1 : 1))
}

type Name = readonly [offset: number, abbreviation: string]
interface Era {
  /** Absent in the first one. */
  readonly from?: bigint
  readonly names: Map<number, string>
}

/** TZif (RFC 9636): the second block has the transitions with 64-bit times, the footer the rule for all time after them. */
function describe(file: Buffer): string {
  const first = countsAt(file, 0)
  const header = 44 + first.times * 5 + first.types * 6 + first.characters + first.leaps * 8 + first.std + first.ut
  const { times, types, characters, leaps, std, ut } = countsAt(file, header)
  const indexes = header + 44 + times * 8
  const records = indexes + times
  const names = records + types * 6
  const text = file.toString('latin1', names, names + characters)
  const typeAt = (index: number): Name => {
    const record = records + 6 * index
    return [file.readInt32BE(record), text.slice(file.readUInt8(record + 5)).split('\0', 1)[0] ?? '']
  }
  let eras: Era[] = [{ names: new Map([typeAt(0)]) }]
  let last = firstSecond
  for (let index = 0; index < times; index++) {
    const from = file.readBigInt64BE(header + 44 + 8 * index)
    const name = typeAt(file.readUInt8(indexes + index))
    if (from > lastSecond) break
    if (from <= firstSecond) eras = [{ names: new Map([name]) }]
    else add(eras, from, name)
    last = from > firstSecond ? from : firstSecond
  }
  const footer = file.toString('latin1', names + characters + leaps * 12 + std + ut).trim()
  const rule = namesOfRule(footer)
  // Twice: the second name of the rule may begin an era, to which the first one belongs as well.
  for (const name of [...rule, ...rule]) add(eras, last, name)
  return eras.map(printEra).join(';')
}

function countsAt(file: Buffer, at: number) {
  const [ut = 0, std = 0, leaps = 0, times = 0, types = 0, characters = 0] = [0, 1, 2, 3, 4, 5].map((field) =>
    file.readUInt32BE(at + 20 + 4 * field),
  )
  return { ut, std, leaps, times, types, characters }
}

/** To the last era, or as a new one when that knows the offset by another name. */
function add(eras: Era[], from: bigint, [offset, abbreviation]: Name): void {
  const names = eras.at(-1)?.names
  if ((names?.get(offset) ?? abbreviation) === abbreviation) names?.set(offset, abbreviation)
  else eras.push({ from, names: new Map([[offset, abbreviation]]) })
}

/** `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX TZ): hours west of UTC, and one less in summer unless it says otherwise. */
function namesOfRule(rule: string): Name[] {
  const name = '(<[^>]+>|[A-Za-z]+)'
  const hours = '([-+]?\\d+(?::\\d+)*)'
  const match = new RegExp(`^${name}${hours}(?:${name}${hours}?)?`).exec(rule)
  if (match === null) return []
  const [, std = '', west = '', dst, dstWest] = match
  const plain = (text: string) => text.replace(/[<>]/g, '')
  const standard = secondsEast(west)
  const summer = dstWest === undefined ? standard + 3600 : secondsEast(dstWest)
  return [[standard, plain(std)], ...(dst === undefined ? [] : [[summer, plain(dst)] as const])]
}

function secondsEast(west: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = west.replace(/^[-+]/, '').split(':').map(Number)
  const length = (hours * 60 + minutes) * 60 + seconds
  return west.startsWith('-') ? length : 0 - length
}

function printEra({ from, names }: Era): string {
  const pairs = [...names].sort(([one], [other]) => one - other).map(([offset, name]) => `${offset}=${name}`)
  return `${from === undefined ? '' : `${from}:`}${pairs.join(',')}`
}
