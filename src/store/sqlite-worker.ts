/**
 * The worker thread that owns the SQLite file: `node:sqlite` waits for the disk, and the gateway must not. While one commit
 * waits for its fsync the next jobs arrive, and go into the next one together.
 */
import type { DatabaseSync } from 'node:sqlite'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { GroupCommit } from './group-commit.ts'
import type { Answer, Greeting, Job, Order, Report, SqliteSettings } from './jobs.ts'
import { openFile } from './sqlite-file.ts'

/** Jobs of one transaction: reads that came meanwhile wait for one of these, and not for all there are. */
const groupMost = 512

const port = parentPort
if (port === null) throw new Error('this file is a worker of the store')
const settings = workerData as SqliteSettings

const database = open()
if (database !== undefined) serve(database)

function open(): DatabaseSync | undefined {
  try {
    const opened = openFile(settings)
    port?.postMessage({ opened: true } satisfies Greeting)
    return opened
  } catch (thrown) {
    port?.postMessage({ refused: (thrown as Error).message } satisfies Greeting)
    return undefined
  }
}

function serve(database: DatabaseSync): void {
  const connection = new GroupCommit(database)
  const writes: Job[] = []
  let closing = false

  port?.on('message', (order: Order) => {
    take(order)
    do {
      for (let next = nextOrder(); next !== undefined; next = nextOrder()) take(next)
      if (writes.length > 0) report(connection.write(writes.splice(0, groupMost)))
    } while (writes.length > 0)
    if (!closing) return
    database.close()
    port?.close()
  })

  // Its sender would wait in vain: better that all of them know.
  port?.on('messageerror', (cause) => {
    throw cause
  })

  function take(order: Order): void {
    if (order === 'close') closing = true
    else
      for (const job of order)
        if (job.kind === 'read') report([connection.read(job)])
        else writes.push(job)
  }

  function report(answers: readonly Answer[]): void {
    port?.postMessage({ answers, commits: connection.commits } satisfies Report)
  }
}

function nextOrder(): Order | undefined {
  if (port === null) return undefined
  return (receiveMessageOnPort(port) as { message: Order } | undefined)?.message
}
