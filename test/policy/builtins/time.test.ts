import assert from 'node:assert/strict'
import { test } from 'node:test'
import { call } from './call.ts'

type Row = [rule: string, operands: string, answer: string]
const rowsOf: Record<string, Row[]> = {
  'time.parse_rfc3339_ns': [
    ['an offset is taken off', '"2017-06-02T19:00:00-07:00"', '1496455200000000000'],
    ['a fraction is kept to the nanosecond', '"1970-01-01T00:00:00.1234567899Z"', '123456789'],
    ['the first instant', '"1677-09-21T00:12:43.145224192Z"', '-9223372036854775808'],
    ['before the first instant', '"1677-09-21T00:12:43.145224191Z"', 'error: time outside of valid range'],
    ['after the last instant', '"2262-04-11T23:47:16.854775808Z"', 'error: time outside of valid range'],
    ['a leap day in its year', '"2024-02-29T00:00:00Z"', '1709164800000000000'],
    ['a leap day in another', '"2023-02-29T00:00:00Z"', 'error: parsing time: day out of range'],
    ['a century without a leap day', '"1900-02-29T00:00:00Z"', 'error: parsing time: day out of range'],
    ['no number is a time', '1', 'error: operand 1 must be string but got number'],
  ],
  'time.parse_ns': [
    ['a layout may be named', '"RFC1123", "Mon, 02 Jan 2006 15:04:05 UTC"', '1136214245000000000'],
    ['an unknown abbreviation counts as UTC', '"RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"', '1136214245000000000'],
    ['a half of the day', '"3:04PM 2006-01-02", "3:04PM 2024-01-02"', '1704207840000000000'],
    ['noon is 12 PM', '"3PM 2006-01-02", "12PM 2024-01-02"', '1704196800000000000'],
    ['midnight is 12 AM', '"3PM 2006-01-02", "12AM 2024-01-02"', '1704153600000000000'],
    ['a day of the year', '"2006-002", "2024-060"', '1709164800000000000'],
    ['a day that the year has not', '"2006-002", "2023-366"', 'error: parsing time: day-of-year out of range'],
    [
      'a day of the year that is in another month',
      '"2006-01 002", "2024-01 060"',
      'error: parsing time: day-of-year does not match month',
    ],
    ['two digits of a year from 69 on are of the last century', '"06-01-02", "69-01-01"', '-31536000000000000'],
    ['what is left over is refused', '"2006", "2024x"', 'error: parsing time "2024x" as "2006": extra text ("")'],
    [
      'an hour that no day has',
      '"2006 15", "2024 24"',
      'error: parsing time "2024 24" as "2006 15": hour out of range ("15")',
    ],
  ],
  'time.parse_duration_ns': [
    ['parts add up', '"1h15m30.918273645s"', '4530918273645'],
    ['a sign counts for all parts', '"-1.5h"', '-5400000000000'],
    ['the micro sign', '"1\u00b5s"', '1000'],
    ['the Greek letter for it', '"1\u03bcs"', '1000'],
    ['days', '"1d2h30m"', '95400000000000'],
    ['weeks and years', '"1y1w"', '32140800000000000'],
    ['a fraction of a day', '"0.5d"', '43200000000000'],
    ['nothing is nothing', '"0"', '0'],
    ['a number needs a unit', '"1"', 'error: time: invalid duration "1"'],
    ['an unknown unit', '"1month"', 'error: time: invalid duration "1month"'],
    ['more than 292 years', '"300y"', 'error: time: invalid duration "300y"'],
    ['no text is no duration', '""', 'error: time: invalid duration ""'],
  ],
  'time.format': [
    ['RFC 3339 unless told otherwise, without zeros at the end', '1136214245120000000', '"2006-01-02T15:04:05.12Z"'],
    ['in a zone', '[1136214245000000000, "America/New_York"]', '"2006-01-02T10:04:05-05:00"'],
    ['with a layout', '[1136214245000000000, "UTC", "Jan _2 15:04:05.000"]', '"Jan  2 15:04:05.000"'],
    [
      'with a named layout, and the zone’s abbreviation',
      '[1752750000000000000, "Europe/Berlin", "RFC1123"]',
      '"Thu, 17 Jul 2025 13:00:00 CEST"',
    ],
    ['an abbreviation of war time', '[-800000000000000000, "America/New_York", "MST"]', '"EWT"'],
    ['noon is PM', '[43200000000000, "", "3:04PM"]', '"12:00PM"'],
    ['midnight is AM', '[0, "", "03:04pm"]', '"12:00am"'],
    ['the day of the year', '[1735689599000000000, "", "002 __2"]', '"366 366"'],
    ['words that only look like a month', '[0, "", "Janet"]', '"Janet"'],
    ['offsets with seconds', '[-4000000000000000000, "Europe/Berlin", "-07:00:00"]', '"+00:53:28"'],
  ],
  'time.clock': [
    ['UTC unless told otherwise', '1517832000000000000', '[12,0,0]'],
    ['in a zone', '[1517832000000000000, "America/New_York"]', '[7,0,0]'],
    ['before 1970', '-1', '[23,59,59]'],
    ['half an hour of summer', '[1735689600000000000, "Australia/Lord_Howe"]', '[11,0,0]'],
    ['a list of one is UTC', '[0]', '[0,0,0]'],
    ['a zone is spelt as in the database', '[0, "europe/berlin"]', 'error: unknown time zone europe/berlin'],
    ['an offset is no zone', '[0, "+01:00"]', 'error: unknown time zone +01:00'],
    ['an inherited name is no zone', '[0, "constructor"]', 'error: unknown time zone constructor'],
    ['no fraction of a nanosecond', '0.5', 'error: timestamp too big'],
    ['nothing beyond 64 bits', '9223372036854775808', 'error: timestamp too big'],
    [
      'an empty list is no instant',
      '[]',
      'error: operand 1 must be either number (ns) or [number (ns), string (tz)] but got array',
    ],
  ],
  'time.date': [
    ['in a zone it may be another day', '[1517814000000000000, "America/Los_Angeles"]', '[2018,2,4]'],
    ['the last instant', '9223372036854775807', '[2262,4,11]'],
  ],
  'time.weekday': [
    ['by name', '1517832000000000000', '"Monday"'],
    ['in a zone it may be another', '[1517814000000000000, "America/Los_Angeles"]', '"Sunday"'],
  ],
  'time.add_date': [
    ['a month that is too short runs over', '1706659200000000000, 0, 1, 0', '1709337600000000000'],
    ['backward', '1709164800000000000, -1, 0, 0', '1677628800000000000'],
    ['the clock of the zone stays', '[1743202800000000000, "Europe/Berlin"], 0, 0, 2', '1743372000000000000'],
    [
      'a time that clocks leave out has the offset of before',
      '[1743211800000000000, "Europe/Berlin"], 0, 0, 1',
      '1743298200000000000',
    ],
    ['beyond the last instant', '0, 300, 0, 0', 'error: time outside of valid range'],
    ['far beyond it', '0, 9223372036854775807, 0, 0', 'error: time outside of valid range'],
    ['only whole numbers', '0, 0.5, 0, 0', 'error: operand 2 must be integer number but got floating-point number'],
  ],
  'time.diff': [
    ['never negative', '0, 90061000000000', '[0,0,1,1,1,1]'],
    ['whichever comes first', '90061000000000, 0', '[0,0,1,1,1,1]'],
    ['a borrowed day is of the earlier month', '1706659200000000000, 1709251200000000000', '[0,1,1,0,0,0]'],
    [
      'by the calendar of the first zone',
      '[1735686000000000000, "Europe/Berlin"], [1735689600000000000, "UTC"]',
      '[0,0,0,1,0,0]',
    ],
  ],
}

for (const [name, rows] of Object.entries(rowsOf))
  for (const [rule, operands, answer] of rows)
    test(`${name}: ${rule}`, () => assert.equal(call(name, operands), answer))

test('time.now_ns: the instant of the evaluation', () => {
  assert.equal(call('time.now_ns', '', 1_763_982_000_123_456_789n), '1763982000123456789')
})
