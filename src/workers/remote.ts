import type { Commons } from '../gateway/commons.ts'
import type { Everywhere } from '../gateway/everywhere.ts'
import type { Place } from '../gateway/places.ts'
import type { Channel } from './channel.ts'
import type { SupervisorAsks, SupervisorSays, WorkerAsks, WorkerSays } from './protocol.ts'

/** A worker's end. */
export type ToSupervisor = Channel<WorkerAsks, WorkerSays, SupervisorAsks, SupervisorSays>

/** What is one for all, held by the supervisor: see Desk for its side. */
export function remoteCommons(supervisor: ToSupervisor): Commons {
  let next = 0
  return {
    async enter(source) {
      const id = next++
      const answer = await supervisor.ask('enter', { id, source })
      return answer === 'taken' ? remotePlace(id, supervisor) : answer
    },
    async signIn(source) {
      const id = next++
      const answer = await supervisor.ask('signIn', { id, source })
      return answer === 'taken' ? remotePlace(id, supervisor) : answer.why
    },
    punish: (source, offence) => supervisor.ask('punish', { source, offence }),
    roomForStranger: () => supervisor.ask('roomForStranger', undefined),
    enrol(person, kind) {
      const id = next++
      const entered = supervisor.ask('enrol', { id, person, kind })
      entered.catch(() => {}) // whoever awaits it hears
      return {
        entered,
        now: () => supervisor.ask('counts', { id }),
        letIn: () => supervisor.say('letIn', { id }),
        [Symbol.dispose]: once(() => supervisor.say('gone', { id })),
      }
    },
    liveOf: (person) => supervisor.ask('liveOf', person),
  }
}

function remotePlace(id: number, supervisor: ToSupervisor): Place {
  return {
    aside() {
      supervisor.say('aside', { id })
      return { [Symbol.dispose]: once(() => supervisor.say('back', { id })) }
    },
    [Symbol.dispose]: once(() => supervisor.say('giveBack', { id })),
  }
}

function once(act: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) act()
    isDone = true
  }
}

/** The sessions of all workers: the supervisor asks each, this one too. */
export const remoteEverywhere = (supervisor: ToSupervisor): Everywhere => ({
  end: ({ code, message }, whose, more) =>
    supervisor.ask('end', { why: { code, message }, whose, more: more !== undefined }),
  list: () => supervisor.ask('list', undefined),
  of: ({ issuer, subject }) => supervisor.ask('of', { issuer, subject }),
})
