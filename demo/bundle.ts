import { renameSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProject } from '../src/project.ts'
import { changeData, type PolicyData } from './bundle-data.ts'
import type { Folder } from './folder.ts'

/** The gateway's bundle: the policies as shipped; only their data is the demo's, and is edited while it runs. */
export interface Bundle {
  /**
   * Other data, as a deployment brings them: a file takes the place of the old one, and the gateway is told nothing.
   * Answers when that was, in milliseconds since 1970.
   */
  edit(change: (access: PolicyData['access']) => PolicyData['access']): Promise<number>
}

/** Writes `bundle.tar.gz`. An edit begins from the first data, so that edits do not add up. */
export async function writeBundle(access: Partial<PolicyData['access']>, folder: Folder): Promise<Bundle> {
  const shipped = await readFile(join(findProject(), 'wasm', 'bundle.tar.gz'))
  const first = await changeData<PolicyData>(shipped, (data) => ({ ...data, access: { ...data.access, ...access } }))
  folder.write('bundle.tar.gz', first)
  return {
    async edit(change) {
      const next = await changeData<PolicyData>(first, (data) => ({ ...data, access: change(data.access) }))
      const path = folder.write('next.tar.gz', next)
      const at = Date.now()
      renameSync(path, folder.at('bundle.tar.gz'))
      return at
    },
  }
}
