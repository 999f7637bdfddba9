import { closeSync, lstatSync, openSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { printable } from '../model/text.ts'
import { monotonicNow, type SqliteSettings } from './jobs.ts'

/** `SQLITE_BUSY` (sqlite.org/rescode.html): another process holds the file. */
const busy = 5

/**
 * Opens the file, or makes it. Throws an Error whose message is for the operator: for a file that is damaged, that others
 * may write, or that cannot be written durably. The whole of it is checked, which takes a second or so for each gigabyte.
 */
export function openFile({ path, busyTimeout }: SqliteSettings): DatabaseSync {
  createPrivate(path)
  refuseUnfit(path)
  const database = new DatabaseSync(path, {
    timeout: busyTimeout,
    enableForeignKeyConstraints: true,
    allowExtension: false,
    defensive: true,
  })
  try {
    // What a damaged or planted schema may do (sqlite.org/security.html).
    database.exec('pragma trusted_schema = off; pragma cell_size_check = on; pragma mmap_size = 0')
    writeAhead(database, busyTimeout)
    // In WAL mode only FULL syncs at each commit (sqlite.org/pragma.html#pragma_synchronous).
    database.exec('pragma synchronous = full; pragma journal_size_limit = 67108864')
    refuseDamaged(database)
    return database
  } catch (thrown) {
    database.close()
    throw thrown
  }
}

/** SQLite gives the files beside it (`-wal`, `-shm`) the same mode. */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
  }
}

/**
 * Who can write the file can write logins into it; so can who makes the log beside it that SQLite would play back
 * (sqlite.org/wal.html), for which a folder with the sticky bit is enough.
 */
function refuseUnfit(path: string): void {
  refuseFile(lstatSync(path))
  for (const suffix of ['-wal', '-shm', '-journal']) {
    const beside = lstatSync(path + suffix, { throwIfNoEntry: false })
    if (beside !== undefined) refuseFile(beside, `its ${suffix} file `)
  }
  const folder = lstatSync(`${dirname(path)}/.`)
  if (!isOurs(folder) && folder.uid !== 0) throw new Error(`its folder belongs to another user (${folder.uid})`)
  if (isOpen(folder)) throw new Error('its folder may be written by others: chmod go-w')
}

function refuseFile(stats: Stats, which = ''): void {
  if (stats.isSymbolicLink()) throw new Error(`${which}is a symbolic link: name the file itself`)
  if (!stats.isFile()) throw new Error(`${which}is not a file`)
  if (!isOurs(stats)) throw new Error(`${which}belongs to another user (${stats.uid})`)
  if (isOpen(stats)) throw new Error(`${which}may be written by others: chmod 600`)
}

const isOurs = ({ uid }: Stats): boolean => uid === process.geteuid?.()
const isOpen = ({ mode }: Stats): boolean => (mode & 0o022) !== 0

/**
 * Two that turn the same new file to WAL at once: one of them gets SQLITE_BUSY without any waiting, since the busy handler
 * is not asked there.
 */
function writeAhead(database: DatabaseSync, busyTimeout: number): void {
  const end = monotonicNow() + busyTimeout
  for (;;) {
    try {
      const mode = database.prepare('pragma journal_mode = wal').get()?.journal_mode
      if (mode !== 'wal') throw new Error('lies where SQLite cannot keep a write-ahead log')
      return
    } catch (thrown) {
      if ((thrown as { errcode?: number }).errcode !== busy || monotonicNow() >= end) throw thrown
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}

function refuseDamaged(database: DatabaseSync): void {
  const found = database.prepare('pragma quick_check(1)').get()?.quick_check
  if (found !== 'ok') throw new Error(`is damaged: ${printable(String(found), 200)}`)
}
