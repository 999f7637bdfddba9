import type { CriticalOptions, Extensions } from '../model/certificate.ts'
import { GatewayError } from '../model/errors.ts'
import { WireReader, wire } from '../model/wire.ts'

/** One option as it stands in a certificate: a name, and data that for a flag is empty, else one string in a string. */
export interface WireOption {
  readonly name: string
  readonly data: Buffer
}

/** `source-address` is a list with commas; a name of `@regate` carries the JSON text of its value (PROTOCOL.certkeys). */
export function toWire(options: CriticalOptions | Extensions): WireOption[] {
  return Object.entries(options)
    .map(([name, value]) => ({ name, data: value === '' ? Buffer.alloc(0) : wire(writeValue(name, value)) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function writeValue(name: string, value: unknown): string {
  if (name.endsWith('@regate')) return JSON.stringify(value)
  return name === 'source-address' ? (value as string[]).join(',') : String(value)
}

/** The same back, as Rego writes it and still unchecked. Names must be in order and once each (PROTOCOL.certkeys). */
export function fromWire(bytes: Buffer): Record<string, unknown> {
  const reader = new WireReader(bytes)
  const options: Record<string, unknown> = Object.create(null)
  let last = ''
  while (reader.left > 0) {
    const name = reader.ascii()
    if (name <= last) throw new GatewayError('CERTIFICATE_MALFORMED', 'options out of order')
    options[name] = readValue(name, reader.string())
    last = name
  }
  return { ...options }
}

function readValue(name: string, data: Buffer): unknown {
  if (data.length === 0) return ''
  const inner = new WireReader(data)
  const text = inner.utf8()
  inner.end()
  if (!name.endsWith('@regate')) return name === 'source-address' ? text.split(',') : text
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new GatewayError('CERTIFICATE_MALFORMED', `${name} is no JSON text`, { cause })
  }
}
