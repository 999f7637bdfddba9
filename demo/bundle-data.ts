import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { extract, pack } from 'tar-stream'

/** What stands in `data.json` of a bundle; policies/data has the same by folder. */
export interface PolicyData {
  readonly access: {
    /** The shared accounts that grants give. */
    readonly logins: readonly string[]
    /** `host:port` that developers may forward to. */
    readonly forwards: readonly string[]
    readonly office: {
      readonly zone: string
      readonly days: readonly string[]
      /** Hours: the first that counts, and the first that counts no more. */
      readonly from: number
      readonly to: number
    }
    readonly networks: readonly string[]
    /** Routes that are closed to everyone. */
    readonly freeze: readonly string[]
  }
}

/** The same bundle with other data: every other entry stays as it is, so that no OPA is needed. */
export async function changeData<Data = PolicyData>(bundle: Buffer, change: (data: Data) => Data): Promise<Buffer> {
  const changed = pack()
  let documents = 0
  for await (const entry of Readable.from([await promisify(gunzip)(bundle)]).pipe(extract())) {
    const content = await buffer(entry)
    const isData = entry.header.name.replace(/^\.?\//, '') === 'data.json'
    if (isData) documents++
    const written = isData ? Buffer.from(JSON.stringify(change(JSON.parse(content.toString('utf8')) as Data))) : content
    changed.entry({ ...entry.header, size: written.length }, written)
  }
  if (documents !== 1) throw new Error(`the bundle has ${documents} data.json, not one`)
  changed.finalize()
  return promisify(gzip)(await buffer(changed))
}
