import type { Shown } from '../model/certificate.ts'
import { printable } from '../model/text.ts'

/**
 * The lines that `ssh-keygen -L` prints of a certificate's fields (OpenSSH: ssh-keygen.c, print_cert), but that the
 * values of `@regate` stand in clear, where ssh-keygen has hexadecimal digits.
 */
export function printCertificate(certificate: Shown): string {
  const { principals, criticalOptions, extensions, validAfter, validBefore } = certificate
  return [
    '        Type: ssh-ed25519-cert-v01@openssh.com user certificate',
    `        Key ID: "${certificate.keyId}"`,
    `        Serial: ${certificate.serial}`,
    `        Valid: from ${localTime(validAfter)} to ${localTime(validBefore)}`,
    ...section('Principals', principals),
    ...section('Critical Options', Object.entries(criticalOptions).map(option)),
    ...section('Extensions', Object.entries(extensions).map(option)),
  ].join('\n')
}

function section(title: string, lines: readonly string[]): string[] {
  const indented = lines.map((line) => `                ${line}`)
  return indented.length === 0 ? [`        ${title}: (none)`] : [`        ${title}: `, ...indented]
}

function option([name, value]: [string, unknown]): string {
  if (value === '') return name
  if (name.endsWith('@regate')) return `${name} ${printable(JSON.stringify(value), 8_192)}`
  return `${name} ${Array.isArray(value) ? value.join(',') : String(value)}`
}

/** `2026-11-24T11:25:24`, in the machine's zone. */
function localTime(seconds: number): string {
  const date = new Date(seconds * 1000)
  const two = (number: number): string => String(number).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
