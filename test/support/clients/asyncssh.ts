import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The folder of PyPI's asyncssh and what it needs, for PYTHONPATH; Debian's own knows no post-quantum key exchange. */
export const asyncssh = join(import.meta.dirname, '..', '..', '..', '.tools', 'asyncssh')

if (!existsSync(asyncssh)) throw new Error(`no asyncssh in ${asyncssh}: bin/setup clients brings it`)
