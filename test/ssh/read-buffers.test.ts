import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { mock, test } from 'node:test'
import { passInPlace } from '../../src/ssh/in-place.ts'
import { Outflow } from '../../src/ssh/outflow.ts'
import { ownMost, ReadBuffers } from '../../src/ssh/read-buffers.ts'
import type { Protocol } from '../../src/ssh/ssh2.ts'
import { type Kind, line, names } from '../support/packet-line.ts'

/** The two ends of a TCP connection. */
async function pair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const one = connect(port, '127.0.0.1')
  const [[other]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(one, 'connect')])
  server.close()
  return [one, other]
}

/** From `sender` by way of a relay that reads into buffers to `receiver`, each packet sealed anew. */
async function relayed(kind: Kind, passed: (to: Socket) => void = () => {}) {
  const [sender, from] = await pair()
  const [to, receiver] = await pair()
  const outflow = new Outflow(to)
  const onward = line(
    kind,
    () => {},
    (packet) => outflow.write(packet),
  )
  const count = { lent: 0, copied: 0 }
  const inward = line(kind, (message) => {
    const isLent = reading?.lendTo(outflow) === true
    count[isLent ? 'lent' : 'copied']++
    outflow.begin(isLent)
    const sender = { _cipher: onward.cipher, _kexinit: undefined }
    if (!passInPlace({ _decipher: inward.opener }, sender, message, isLent)) onward.seal(message)
    passed(to)
  })
  const reading = ReadBuffers.of(from, { _decipher: inward.opener } as unknown as Protocol)
  assert.ok(reading, 'Node.js keeps its places where they were')
  from.on('data', (chunk: Buffer) => inward.read(chunk))
  const end = (): void => {
    for (const socket of [sender, from, to, receiver]) socket.destroy()
  }
  return { sender, from, receiver, outflow, reading, inward, onward, count, [Symbol.dispose]: end }
}

/** CHANNEL_DATA of this length, and no two alike. */
function message(length: number, number: number): Buffer {
  const bytes = Buffer.alloc(length, number % 251)
  bytes[0] = 94
  return bytes
}
const digest = (all: readonly Buffer[]): string => {
  const hash = createHash('sha256')
  for (const one of all) hash.update(one)
  return hash.digest('hex')
}

const rows: [rule: string, lengths: readonly number[], stalls: boolean][] = [
  ['packets of OpenSSH’s size', [32_777], false],
  [
    'packets of every size, of which some fit in no chunk',
    [1, 40, 32_777, 9, 130_000, 200_000, 262_000, 17, 5_000],
    false,
  ],
  ['while the reader has stalled', [32_777, 9, 70_001], true],
]
for (const kind of names)
  for (const [rule, lengths, stalls] of rows)
    test(`${kind}: ${rule}: all arrives as it was sent`, async () => {
      using way = await relayed(kind)
      const { sender, receiver, inward, onward, count } = way
      const arrived = once(receiver, 'regate:all')
      const sent: Buffer[] = []
      const bytes = stalls ? 48e6 : 12e6
      for (let total = 0, number = 0; total < bytes; number++) {
        const next = message(lengths[number % lengths.length] ?? 1, number)
        sent.push(next)
        total += next.length
        inward.seal(next)
      }
      const start = (): void => {
        receiver.on('data', (chunk: Buffer) => {
          onward.read(chunk)
          if (onward.heard.length === sent.length) receiver.emit('regate:all')
        })
      }
      if (!stalls) start()
      await new Promise((resolve) => sender.write(inward.takeSent(), resolve))
      if (stalls) start()
      await arrived
      assert.equal(digest(onward.heard), digest(sent))
      assert.ok(count.lent > 0, 'some were written from where they were read')
    })

test('a leg that is ended while its peer’s chunk is looked at still sends what was passed to it, once it is read again', async () => {
  let bytes = 0
  using way = await relayed('aes128-gcm', (to) => {
    bytes += 32_777
    if (bytes < 12e6 || !to.writable) return
    way.outflow.flush()
    to.end()
  })
  const { sender, from, receiver, inward, onward, count } = way
  for (let number = 0; number < 400; number++) inward.seal(message(32_777, number))
  sender.write(inward.takeSent())
  while (bytes < 12e6) await once(from, 'data')
  receiver.on('data', (chunk: Buffer) => onward.read(chunk))
  await once(receiver, 'end')
  assert.ok(count.lent > 0)
  assert.ok(onward.heard.length * 32_777 >= 12e6, `${onward.heard.length} messages`)
})

test('who says little has no buffer of its own, and who is idle gives it up when all are given', async () => {
  using ways = new DisposableStack()
  let now = performance.now() // whatever time it takes here, nobody has been idle for as long as that
  ways.adopt(
    mock.method(performance, 'now', () => now),
    ({ mock }) => mock.restore(),
  )
  const speak = async (kept?: Awaited<ReturnType<typeof relayed>>) => {
    const way = kept ?? ways.use(await relayed('aes128-gcm'))
    const before = way.onward.heard.length
    way.inward.seal(message(20_000, 1))
    way.inward.seal(message(20_000, 2))
    way.sender.write(way.inward.takeSent())
    for await (const chunk of way.receiver.iterator({ destroyOnReturn: false })) {
      way.onward.read(chunk)
      if (way.onward.heard.length === before + 2) break
    }
    return way
  }
  const holders = await Promise.all(Array.from({ length: ownMost }, () => speak()))
  assert.ok(holders.every(({ reading }) => reading.holds))
  const late = await speak()
  assert.equal(late.reading.holds, false, 'all are given')
  now += 2_000
  await speak(late)
  assert.equal(late.reading.holds, true)
  assert.equal(holders.filter(({ reading }) => reading.holds).length, ownMost - 1)
  for (const holder of holders) await speak(holder) // also the one that had to give it up
})
