import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { changeData } from '../../demo/bundle-data.ts'

/** Other data for the bundle in this file; the file takes the place of the old one in one step, as a deployment does it. */
export async function replaceData(path: string, data: object): Promise<void> {
  const next = `${path}.next`
  writeFileSync(next, await changeData<object>(readFileSync(path), () => data))
  renameSync(next, path)
}
