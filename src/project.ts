import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the package or the checkout: where package.json, the shipped policies and their bundle are. */
export function findProject(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

export const version: string = (
  JSON.parse(readFileSync(join(findProject(), 'package.json'), 'utf8')) as { version: string }
).version
